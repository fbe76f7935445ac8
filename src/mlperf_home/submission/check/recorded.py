"""Checks of logs against what a result's own JSON records of them, and of runs that several results share.

The generation writes the system, the model, the accuracy and the hashes of the logs into the JSON. So a run or a result
of another model in its place is reported. Other tools write no such record: there, only a run of two models is found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, SUMMARY_FILE
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_TEXT, PERFORMANCE_DIR
from mlperf_home.submission.check.contents import TreeContents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mlperf_home.submission.check.places import CheckedResult, CheckScope, Finding, ResultPlace

RECORD = "recorded"
"""The key of the record in a result's JSON."""

_LOGS = tuple(f"{folder}/{name}" for folder in (PERFORMANCE_DIR, ACCURACY_DIR) for name in (SUMMARY_FILE, DETAIL_FILE))
_REGENERATE = "generate the submission again from the results"


def record(results: Path, sut: str, model: str, contents: TreeContents | None = None) -> dict[str, object]:
    """Return the record of a result for its JSON, from its folder of logs in the submission."""
    contents = contents or TreeContents()
    text = contents.accuracy(results / ACCURACY_DIR / ACCURACY_TEXT)
    return {
        "system": sut,
        "model": model,
        "accuracy": dict(text.values) if text else {},
        "logs": {name: sha256 for name in _LOGS if (sha256 := contents.sha256(results / name))},
    }


def check_recorded(result: CheckedResult, fields: Mapping[str, Any]) -> Iterator[Finding]:
    """Check a result against the record in its JSON, if it has one."""
    recorded = fields.get(RECORD)
    if not isinstance(recorded, dict):
        return
    place = result.place
    for key, name in (("system", place.sut), ("model", place.model)):
        if recorded.get(key) != name:
            problem = f"is recorded as a result of the {key} {recorded.get(key)}, but its folder is {name}"
            yield result.finding(place.measurements, "result-of-another", problem, _REGENERATE)
    present = record(place.results, place.sut, place.model, result.contents)
    for name, sha256 in _mapping(recorded, "logs").items():
        if _mapping(present, "logs").get(name) != sha256:
            problem = "is not the log that the result's JSON records: it was changed, or is of another run"
            yield result.finding(place.results / name, "log-of-another-run", problem, _REGENERATE)
    if recorded.get("accuracy") != present["accuracy"]:
        problem = f"has {present['accuracy']}, the result's JSON records {recorded.get('accuracy')}"
        path = place.results / ACCURACY_DIR / ACCURACY_TEXT
        yield result.finding(path, "accuracy-of-another-run", problem, _REGENERATE)


def _mapping(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def check_shared_runs(scope: CheckScope, places: Iterable[ResultPlace]) -> Iterator[Finding]:
    """Report runs that are also those of another system or model: an inferred result shares its own model's only."""
    owners: dict[tuple[str, str], ResultPlace] = {}
    for place in places:
        for folder in (PERFORMANCE_DIR, ACCURACY_DIR):
            path = place.results / folder / DETAIL_FILE
            sha256 = scope.contents.detail(path).sha256
            if not sha256:
                continue
            first = owners.setdefault((folder, sha256), place)
            other_model = _model(first) != _model(place)
            if other_model or first.sut != place.sut:
                problem = f"is also the run of {first.sut}/{first.model}/{first.scenario}"
                # One machine may be submitted as two systems, of the edge and of the data center.
                remedy = "put each model's own run there" if other_model else "keep it if the systems are one machine"
                yield scope.finding(path, "run-of-another", problem, remedy, note=not other_model)


def _model(place: ResultPlace) -> str:
    # One run may be a result of both accuracy targets of a benchmark (bert-99 and bert-99.9).
    return place.model.replace("-99.9", "-99")
