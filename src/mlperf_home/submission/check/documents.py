"""Checks of the files besides logs: system descriptions, the measurement files of results, and code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.layout import json_object
from mlperf_home.submission.check.recorded import check_recorded
from mlperf_home.submission.check.settings import check_confs
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.submission.check.places import CheckedResult, CheckScope, Finding, ResultPlace, Submitter

_DESCRIBE = "write it by get,mlperf,sut,description"
_REGENERATE = "generate the submission again from the results"
_RESULT_JSON = "measurements.json"


def check_systems(scope: CheckScope, submitter: Submitter) -> Iterator[Finding]:
    """Check the description of every system, and that systems with results have one."""
    names = scope.contents.folder(submitter.folder / "systems")
    described = {name.removesuffix(".json") for name in names if name.endswith(".json")}
    measured = {path.name for path in scope.contents.subfolders(submitter.folder / "results")}
    for sut in sorted(measured | described):
        path = submitter.description(sut)
        if sut not in described:
            yield scope.finding(path, "system-missing", "the system is not described", _DESCRIBE)
        elif sut not in measured:
            problem = "describes a system without results"
            yield scope.finding(path, "system-without-results", problem, "remove it")
        else:
            yield from _check_description(scope, submitter, path)


def system_categories(path: Path) -> tuple[str, ...]:
    """Return the categories in a description ("edge", "datacenter"); empty if it has none."""
    system_type = json_object(path).get("system_type")
    return tuple(part.strip() for part in system_type.split(",")) if isinstance(system_type, str) else ()


def is_over_network(scope: CheckScope, description: Mapping[str, Any]) -> bool:
    """Whether LoadGen reaches the described system over a network."""
    return str(description.get(scope.rules.submission.network.fields[0])).lower() == "true"


def _check_description(scope: CheckScope, submitter: Submitter, path: Path) -> Iterator[Finding]:
    try:
        description = scope.contents.read_object(path)
    except DocumentError as error:
        yield scope.finding(path, "system-unreadable", error.problem, _DESCRIBE)
        return
    meaningful, texts = scope.rules.submission.system.meaningful, scope.rules.submission.system.texts
    for key in (*meaningful, *scope.rules.submission.system.present):
        if key not in description:
            yield scope.finding(path, "system-field", f"field {key} is missing", _DESCRIBE)
        elif not isinstance(description[key], str):
            problem = f"field {key} is {json.dumps(description[key])}, not a text"
            # The official checkers take other values, but fail at some keys, and read 0 as no value.
            note = key not in texts and (bool(description[key]) or key not in meaningful)
            remedy = f'write "{description[key]}" in quotes'
            yield scope.finding(path, "system-field-type", problem, remedy, note=note)
        elif key in meaningful and not description[key].strip():
            yield scope.finding(path, "system-field-empty", f"field {key} is empty", 'write the value, or "unknown"')
        elif key in scope.rules.submission.package.whole_numbers and not description[key].isdecimal():
            problem = f"field {key} is {description[key]!r}, not a whole number"
            yield scope.finding(path, "system-field-number", problem, 'write digits in quotes, such as "0"')
    yield from _system_values(scope, submitter, path, description)
    yield from _system_network(scope, submitter, path, description)


def _system_values(
    scope: CheckScope, submitter: Submitter, path: Path, description: dict[str, Any]
) -> Iterator[Finding]:
    fields = scope.rules.submission.system
    status, system_type = description.get("status"), description.get("system_type")
    if str(description.get("submitter", "")).lower() != submitter.name.lower():
        problem = f"has the submitter {description.get('submitter')!r}, its folder {submitter.name!r}"
        yield scope.finding(path, "system-submitter", problem, "use the same --submitter for both")
    if description.get("division") != submitter.division:
        problem = f"has the division {description.get('division')!r}, its folder {submitter.division!r}"
        yield scope.finding(path, "system-division", problem, "use the same --division for both")
    if str(status).lower() not in fields.statuses:
        yield scope.finding(
            path, "system-status", f"has the status {status!r}", f"use one of {', '.join(fields.statuses)}"
        )
    if system_type not in fields.types:
        remedy = f"use one of {'; '.join(fields.types)}"
        yield scope.finding(path, "system-type", f"has the system_type {system_type!r}", remedy)


def _system_network(
    scope: CheckScope, submitter: Submitter, path: Path, description: dict[str, Any]
) -> Iterator[Finding]:
    network = scope.rules.submission.network
    key = network.fields[0]
    if key in description and not isinstance(description[key], str):
        problem = f"field {key} is {json.dumps(description[key])}, not a text"
        yield scope.finding(path, "system-field-type", problem, 'write "true" or "false" in quotes')
        return
    over_network = is_over_network(scope, description)
    if network.divisions.get(submitter.division, over_network) != over_network:
        problem = f"{key} is {description.get(key, 'absent')}; the {submitter.division} division does not allow that"
        yield scope.finding(path, "system-network", problem, "correct it, or submit to another division")
    needed = over_network or (scope.rules.submission.package.network_by_any_text and description.get(key))
    for name in network.fields if needed else ():
        if name not in description:
            yield scope.finding(path, "system-field", f"field {name} is missing", f"add it, or remove {key}")


def check_measurement_files(result: CheckedResult) -> Iterator[Finding]:
    """Check the measurement files of one result."""
    folder, sut = result.place.measurements, result.place.sut
    if not result.contents.is_dir(folder):
        problem = f"{result.shown(result.place.results)} has no measurement files"
        yield result.finding(folder, "measurements-missing", problem, f"{_REGENERATE}; names are case-sensitive")
        return
    for name in result.rules.submission.files.measurements:
        text = result.contents.text(folder / name)
        if text is None:
            yield result.finding(folder / name, "measurement-file", "is missing", _REGENERATE)
        elif not text.text.strip():
            yield result.finding(folder / name, "measurement-file-empty", "is empty", _REGENERATE)
    candidates = _result_jsons(result, result.place)
    if not candidates:
        name = f"JSON file with a name that begins with {sut}"
        problem = f"has no {_RESULT_JSON if result.place.submitter.layout.merged else name}"
        yield result.finding(folder, "result-json", problem, _REGENERATE)
    # The official checker reads the one that its file system lists first.
    for path in candidates:
        yield from _check_result_fields(result, path)
    yield from check_recorded(result, read_result_json(result, result.place))
    yield from check_confs(result)


def read_result_json(scope: CheckScope, place: ResultPlace) -> dict[str, Any]:
    """Read the JSON among a result's measurement files; return an empty object if it cannot be read."""
    paths = _result_jsons(scope, place)
    return scope.contents.json_object(paths[0]) if paths else {}


def _result_jsons(scope: CheckScope, place: ResultPlace) -> list[Path]:
    names = scope.contents.files(place.measurements)
    if place.submitter.layout.merged:
        return [place.measurements / name for name in names if name == _RESULT_JSON]
    own = sorted(name for name in names if name.startswith(place.sut) and name.endswith(".json"))
    return [place.measurements / name for name in own]


def check_code(scope: CheckScope, submitter: Submitter) -> Iterator[Finding]:
    """Check that every model has code, or a text that names its folder; and the calibration document."""
    models = sorted({model.name for model in submitter.models()})
    source = submitter.folder / "src"
    if submitter.layout.merged and not scope.contents.is_dir(source):
        remedy = "add it with a README.md about the code and how it was run"
        yield scope.finding(source, "code-missing", "there is no folder of the sources", remedy)
    for model in () if submitter.layout.merged else models:
        code = submitter.folder / "code" / model
        remedy = "add a README.md there about the code and how it was run"
        if reference := scope.contents.text(code):
            named = reference.text.strip()
            if not named or not (code.parent / named).is_dir():
                yield scope.finding(
                    code, "code-reference", f"names {named!r}, but there is no such folder beside it", remedy
                )
        elif not scope.contents.is_dir(code):
            yield scope.finding(code, "code-missing", f"{model} has no code", remedy)
        elif not scope.contents.is_file(code / "README.md") and not scope.contents.subfolders(code):
            yield scope.finding(code, "code-readme", "has neither a README.md nor an implementation's folder", remedy)
    calibration = submitter.folder / "documentation" / "calibration.md"
    if models and not calibration.is_file():
        problem, remedy = "the document about quantisation is missing", "write it, or generate the submission again"
        yield scope.finding(calibration, "calibration", problem, remedy, note=True)


def _check_result_fields(scope: CheckScope, path: Path) -> Iterator[Finding]:
    try:
        fields = scope.contents.read_object(path)
    except DocumentError as error:
        yield scope.finding(path, "result-json-unreadable", error.problem, _REGENERATE)
        return
    for key in scope.rules.submission.measurement_fields:
        if key not in fields:
            yield scope.finding(path, "result-field", f"field {key} is missing", "add it")
        elif not isinstance(fields[key], str) or not fields[key].strip():
            # The official checkers since v3.1 take any value that Python calls true.
            note = bool(fields[key]) or scope.rules.submission.measurement_fields_may_be_empty
            remedy = "write the value as text"
            yield scope.finding(path, "result-field-empty", f"field {key} has no text", remedy, note=note)
