"""Results as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from mlperf_home.results.tables import ACCURACIES, UNITS, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlperf_home.measurements.measurement import Measurement
    from mlperf_home.results.stored import StoredResult

_NUMBERS = (*UNITS, *ACCURACIES, "exact_match_percent", "energy_per_sample_j", "energy_mj", "power_w")
_FACTS = ("where", "sample", "round", "benchmark", "model", "scenario", "system", "cpu", "engine")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(here: Iterable[StoredResult], published: Iterable[Measurement]) -> str:
    """Return results as CSV; an unknown value is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_FACTS, *_NUMBERS, "verdict", "folder"])
    for each in here:
        writer.writerow(_csv_row("here", each.measurement, each.name))
    for measurement in published:
        writer.writerow(_csv_row("published", measurement, ""))
    return text.getvalue()


def _csv_row(where: str, measurement: Measurement, folder: str) -> list[str]:
    engine = " ".join(filter(None, (_cell(measurement, "engine", key) for key in ("name", "version"))))
    cpu = _cell(measurement, "system", "host_processor_model_name") or _cell(measurement, "system", "cpu")
    facts = (measurement.round, measurement.benchmark, _cell(measurement, "model", "name"), measurement.scenario)
    texts = [where, "yes" if measurement.sample else "no", *facts, _cell(measurement, "system", "name"), cpu, engine]
    numbers = [_cell(measurement, "values", name) for name in _NUMBERS]
    said = verdict(measurement) if where == "here" else "copied"
    return [*map(_as_text, texts), *numbers, said, _as_text(folder)]


def _cell(measurement: Measurement, group: str, name: str) -> str:
    value = getattr(measurement, group).get(name)
    return "" if value is None or value.value is None else str(value.value)


def _as_text(cell: str) -> str:
    """Return a text that spreadsheets do not take for a formula; an apostrophe marks it as text."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
