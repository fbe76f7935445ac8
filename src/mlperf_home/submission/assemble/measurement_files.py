"""The measurement files of a result: its settings, its README with the commands, and its JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlperf_home.rules import mlperf_conf
from mlperf_home.submission.assemble.model_facts import measured_fields

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.submission.assemble.collect import FoundResult
    from mlperf_home.submission.assemble.order import Order

SAMPLE_NOTICE = "**This is a sample result: made-up data and a toy model. It is no MLPerf result.**"
_NOT_TOLD = "unknown: the submitter has not told"
_FOREIGN_README = """# {model}, {scenario}

The logs of this result were measured by another tool than mlperf-home, which has kept no commands with them.
LoadGen: {loadgen}. The settings of the run are in user.conf and in the detail log.
"""
_FOREIGN_CONF = (
    "# Written from the settings that the detail log says were in effect: the run's own file was not kept.\n"
)


def write_measurement_files(order: Order, result: FoundResult, folder: Path, loadgen_model: str) -> None:
    """Write the measurement files of one result."""
    folder.mkdir(parents=True, exist_ok=True)
    _put(folder / "mlperf.conf", _kept(result, "mlperf.conf") or mlperf_conf(order.rules))
    _put(folder / "user.conf", _kept(result, "user.conf") or _user_conf(result, loadgen_model))
    _put(folder / "README.md", _readme(result))
    _put(folder / f"{result.sut}.json", json.dumps(result_fields(order, result), indent=1) + "\n")


def result_fields(order: Order, result: FoundResult) -> dict[str, object]:
    """Give a result's JSON: the fields that the round wants, and what we record besides."""
    known = measured_fields(result.measurement) if result.measurement else _foreign_fields(result)
    fields: dict[str, object] = {
        key: known.get(key) or order.told.get(key) or _NOT_TOLD for key in order.rules.submission.measurement_fields
    }
    if result.sample:
        fields["sample"] = True
    if result.measurement is not None:
        digest = result.measurement.model["sha256"]
        if digest.value is not None:
            fields["starting_weights_sha256"] = digest.value
    return fields


def mark_as_inferred(folder: Path, sut: str, measured: str, scenario: str) -> None:
    """Say in a copied result's README and JSON from which scenario it is."""
    notice = f"**Inferred: this is the run of {measured}, copied; {scenario} itself was not run.**\n\n"
    readme = folder / "README.md"
    readme.write_text(notice + readme.read_text("utf-8"), encoding="utf-8")
    path = folder / f"{sut}.json"
    fields = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({**fields, "inferred_from": measured}, indent=1) + "\n", encoding="utf-8")


def _kept(result: FoundResult, name: str) -> str:
    path = result.folder / name
    return path.read_text("utf-8", errors="replace") if path.is_file() else ""


def _readme(result: FoundResult) -> str:
    kept = _kept(result, "README.md")
    if kept.strip():
        unmarked = result.sample and SAMPLE_NOTICE not in kept
        return f"{SAMPLE_NOTICE}\n\n{kept}" if unmarked else kept
    loadgen = result.detail().logged.get("loadgen_version", "unknown version")
    return _FOREIGN_README.format(model=result.model, scenario=result.scenario, loadgen=loadgen)


def _user_conf(result: FoundResult, loadgen_model: str) -> str:
    settings = result.detail().settings
    scenario = settings.get("scenario", result.scenario)
    wanted = {
        "target_qps": settings.get("target_qps"),
        "min_duration": settings.get("min_duration_ms"),
        "max_duration": settings.get("max_duration_ms"),
        "min_query_count": settings.get("min_query_count"),
    }
    lines = [f"{loadgen_model}.{scenario}.{key} = {value}\n" for key, value in wanted.items() if value]
    return _FOREIGN_CONF + "".join(lines)


def _foreign_fields(result: FoundResult) -> dict[str, str]:
    """Take the fields that another tool has written beside its logs, under the names that it gives such files."""
    for name in (f"{result.sut}.json", "measurements.json", f"{result.sut}_{result.folder.name}.json"):
        try:
            told = json.loads((result.folder / name).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(told, dict):
            return {key: str(value) for key, value in told.items() if value}
    return {}


def _put(path: Path, text: str) -> None:
    # What is there may be a link to a file of the tree that is being added to.
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
