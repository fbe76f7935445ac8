"""The tables of an estimate fit a terminal, and mark what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from estimate_requests import IMAGES, MODELS, machine_of, measured_of, request_of

from mlperf_home.prediction.estimate import estimate
from mlperf_home.steps.estimating.estimate_tables import estimate_tables

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.contracts.studies.estimate import EstimateDocument

# The frame of a table with two columns.
FRAME = len("│  │  │")


def document(folder: Path, runtime: str) -> EstimateDocument:
    return estimate(request_of(folder, runtime), MODELS, measured_of(machine_of("c5a.xlarge")), IMAGES)


@pytest.mark.parametrize("runtime", ["tflite-cpp", "litert"])
def test_every_row_with_values_fits_80_columns(tmp_path: Path, runtime: str) -> None:
    tables = list(estimate_tables(document(tmp_path, runtime)))

    for _, rows in tables:
        label = max(len(name) for name, _ in rows)
        # A reason may take two lines.
        assert all(label + len(text) + FRAME <= 80 for name, text in rows if name != "unknown")


def test_tables_mark_the_measured_models(tmp_path: Path) -> None:
    shown = {name: text for _, rows in estimate_tables(document(tmp_path, "litert")) for name, text in rows}
    marked = [name for name, text in shown.items() if "* ms" in text]

    assert 0 < len(marked) <= 8
    assert all(f"mobilenet-{name}" in IMAGES.probes[:8] or name in IMAGES.probes[:8] for name in marked)


def test_unlikely_models_are_counted_not_listed(tmp_path: Path) -> None:
    made = document(tmp_path, "litert")
    title, rows = list(estimate_tables(made))[1]
    undecided = sum(each.standing == "undecided" for each in made.models)

    assert title == f"undecided ({undecided})"
    assert len(rows) < 30 < undecided
    assert rows[-1][0] == f"{undecided - len(rows) + 1} more"


def test_tables_give_the_place_or_the_reason(tmp_path: Path) -> None:
    place, reason = (
        dict(rows)
        for runtime in ("tflite-cpp", "litert")
        for title, rows in estimate_tables(document(tmp_path, runtime))
        if "where this machine stands" in title
    )

    assert any("faster than" in text for text in place.values())
    assert reason.keys() == {"unknown"}


def test_every_title_of_a_sample_is_marked(tmp_path: Path) -> None:
    sample = msgspec.structs.replace(document(tmp_path, "litert"), sample=True)

    assert all(title.startswith("SAMPLE: ") for title, _ in estimate_tables(sample))
    assert "made-up machines" in dict(list(estimate_tables(sample))[-1][1])["learnt from"]
