"""The measurement files of a result: its settings, its README, its JSON; and the code that they point to."""

from __future__ import annotations

import json
import re
from glob import escape
from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.layout import json_object
from mlperf_home.submission.check.tree.places import subfolders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.submission.check.tree.places import Finding, Frame, ResultPlace, Submitter

_REGENERATE = "generate the submission again from the results"
_SEED_LINE = re.compile(r"^\s*\*\.\*\.(\w+_rng_seed)\s*=\s*(\d+)", re.MULTILINE)
_CONF_LINE = re.compile(r"^\s*([^\s#.]+)\.([^\s.]+)\.(\w+)\s*=\s*(\S+)\s*$", re.MULTILINE)


def check_measurement_files(frame: Frame, place: ResultPlace, loadgen_model: str) -> Iterator[Finding]:
    """Check the measurement files of one result."""
    folder = place.measurements
    if not folder.is_dir():
        problem = f"{frame.shown(place.results)} has no measurement files"
        yield frame.finding(folder, "measurements-missing", problem, f"{_REGENERATE}; the names' case counts")
        return
    for name in frame.rules.submission.files.measurements:
        if not (folder / name).is_file():
            yield frame.finding(folder / name, "measurement-file", "is missing", _REGENERATE)
        elif not (folder / name).read_bytes().strip():
            yield frame.finding(folder / name, "measurement-file-empty", "is empty", _REGENERATE)
    yield from _result_json(frame, place)
    yield from _mlperf_conf(frame, folder / "mlperf.conf")
    yield from _user_conf(frame, folder / "user.conf", loadgen_model)


def read_result_json(place: ResultPlace) -> dict[str, Any]:
    """Read the JSON of a result's measurement files; empty where there is none that can be read."""
    paths = sorted(place.measurements.glob(f"{escape(place.sut)}*.json"))
    return json_object(paths[0]) if paths else {}


def conf_values(path: Path, loadgen_model: str, scenario: str) -> dict[str, str]:
    """Return what a user.conf sets for a model and a scenario, wildcards included; later lines count."""
    fitting = (line for line in _conf_lines(path) if line[0] in {loadgen_model, "*"} and line[1] in {scenario, "*"})
    return {key: value for _, _, key, value in fitting}


def _conf_lines(path: Path) -> list[tuple[str, str, str, str]]:
    return _CONF_LINE.findall(path.read_text("utf-8", errors="replace")) if path.is_file() else []


def check_code(frame: Frame, submitter: Submitter) -> Iterator[Finding]:
    """Check that every model's code is there, or that a text names it."""
    models = sorted({model.name for model in submitter.models()})
    for model in models:
        code = submitter.folder / "code" / model
        remedy = "add a README.md there that says which code was run and how"
        if code.is_file():
            named = code.read_text("utf-8", errors="replace").strip()
            if not named or not (code.parent / named).is_dir():
                yield frame.finding(code, "code-reference", f"names {named!r}, which is no folder beside it", remedy)
        elif not code.is_dir():
            yield frame.finding(code, "code-missing", f"{model} has no code", remedy)
        elif not (code / "README.md").is_file() and not subfolders(code):
            yield frame.finding(code, "code-readme", "has neither a README.md nor an implementation's folder", remedy)
    calibration = submitter.folder / "documentation" / "calibration.md"
    if models and not calibration.is_file():
        problem = "says how models were quantised, and is missing"
        yield frame.note(calibration, "calibration", problem, "write it, or generate the submission again")


def _result_json(frame: Frame, place: ResultPlace) -> Iterator[Finding]:
    fitting = sorted(path for path in place.measurements.glob(f"{escape(place.sut)}*.json") if path.is_file())
    if not fitting:
        problem = f"no JSON here has a name that begins with {place.sut}"
        yield frame.finding(place.measurements, "result-json", problem, _REGENERATE)
    # The official checker takes whichever of them its file system lists first.
    for path in fitting:
        yield from _result_fields(frame, path)


def _result_fields(frame: Frame, path: Path) -> Iterator[Finding]:
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        yield frame.finding(path, "result-json-unreadable", f"is not JSON ({error})", _REGENERATE)
        return
    for key in frame.rules.submission.measurement_fields:
        if not isinstance(told, dict) or key not in told:
            yield frame.finding(path, "result-field", f"field {key} is missing", "say what it is")
        elif not isinstance(told[key], str) or not told[key].strip():
            yield frame.finding(path, "result-field-empty", f"field {key} says nothing", "say what it is in words")


def _mlperf_conf(frame: Frame, path: Path) -> Iterator[Finding]:
    if not path.is_file():
        return
    wanted = vars(frame.rules.seeds)
    for name, value in _SEED_LINE.findall(path.read_text("utf-8", errors="replace")):
        if name in wanted and int(value) != wanted[name]:
            problem = f"has {name} {value}, {frame.rules.name} has {wanted[name]}: it is of another round"
            yield frame.finding(path, "conf-round", problem, f"run again with the rules of {frame.rules.name}")


def _user_conf(frame: Frame, path: Path, loadgen_model: str) -> Iterator[Finding]:
    for model in sorted({line[0] for line in _conf_lines(path)} - {loadgen_model, "*"}):
        problem = f"sets values of {model}; LoadGen knows this benchmark as {loadgen_model} and ignored them"
        yield frame.finding(path, "conf-model", problem, f"name {loadgen_model} and run again")
