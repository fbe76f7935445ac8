"""The table of a sweep: the results of its models, with the published accuracies beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from results_logs import write_result

from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import (
    MEASURED_2023,
    PUBLISHED,
    PublishedTop1,
    Value,
    from_json,
    published_words,
    to_json,
    unknown,
    with_published,
)
from mlperf_home.measurements.table import family_rows, read_family, summary_rows

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement

BOTH = PublishedTop1(70.9, "tensorflow/models, slim", 71.678)


def measurement(tmp_path: Path) -> Measurement:
    found = ingest(write_result(tmp_path))
    return from_json(to_json(found))


def test_published_accuracies_are_copied_with_their_source(tmp_path: Path) -> None:
    model = from_json(to_json(with_published(measurement(tmp_path), BOTH))).model

    assert model["published_top1_percent"] == Value(70.9, "copied", "tensorflow/models, slim")
    assert model["measured_2023_top1_percent"].value == 71.678
    assert "v3.1" in str(model["measured_2023_top1_percent"].source)


def test_without_published_accuracies_nothing_is_added(tmp_path: Path) -> None:
    found = measurement(tmp_path)

    assert with_published(found, PublishedTop1()) == found
    assert not published_words(found)


def test_a_row_has_the_measured_accuracy_first(tmp_path: Path) -> None:
    found = with_published(measurement(tmp_path), BOTH)
    object.__setattr__(found, "values", {**found.values, "top1_percent": Value(71.5, "measured", "accuracy.txt")})

    (_, words), *sources = family_rows([found, found])[1:]

    assert words.index("top-1 71.500 %") < words.index("published 70.9, 2023 71.678")
    assert sources[0] == ("source", "published: tensorflow/models, slim")
    assert len(sources) == 2


def test_an_unknown_result_is_last_and_has_its_reason(tmp_path: Path) -> None:
    known, found = measurement(tmp_path / "known"), measurement(tmp_path / "unknown")
    values = {**found.values, "latency_ms": unknown("LoadGen could not estimate it from 12 queries")}
    object.__setattr__(found, "values", values)

    last = family_rows([found, known])[-1]

    assert "ms unknown (LoadGen could not estimate it from 12 queries)" in last[1]


def test_each_named_folder_is_read_once(tmp_path: Path) -> None:
    folders = [tmp_path / name / "singlestream" for name in ("chosen", "other")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "measurement.json").write_text(to_json(ingest(write_result(folder / "made"))))

    assert len(read_family([folders[0], folders[0]])) == 1


def test_values_of_another_kind_are_shown_as_they_are(tmp_path: Path) -> None:
    measurement = ingest(write_result(tmp_path))
    odd = replace(
        measurement,
        values={
            **measurement.values,
            "latency_ms": Value("fast", "copied"),
            "samples_per_second": Value(True, "copied"),
            "top1_percent": Value("high", "copied"),
        },
        engine={},
        model={PUBLISHED: Value("70.9", "copied", "their page"), MEASURED_2023: unknown("nobody did")},
    )

    (_, words), source = family_rows([odd])
    assert "fast ms" in words
    assert "top-1 high %" in words
    assert "published 70.9" in words
    assert source == ("source", "published: their page")
    assert ("Latency (ms)", "fast") in summary_rows(odd)
