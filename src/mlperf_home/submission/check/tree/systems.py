"""The descriptions of the systems."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.layout import json_object
from mlperf_home.submission.check.tree.places import files, subfolders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.submission.check.tree.places import Finding, Frame, Submitter

_MAKE = "make it by get,mlperf,sut,description"


def check_systems(frame: Frame, submitter: Submitter) -> Iterator[Finding]:
    """Check that every system with results is described, and every description."""
    folder = submitter.folder / "systems"
    described = {name.removesuffix(".json") for name in files(folder) if name.endswith(".json")}
    measured = {path.name for path in subfolders(submitter.folder / "results")}
    for sut in sorted(measured - described):
        yield frame.finding(folder / f"{sut}.json", "system-missing", "the system is not described", _MAKE)
    for sut in sorted(described - measured):
        problem = "describes a system without results"
        yield frame.finding(folder / f"{sut}.json", "system-without-results", problem, "remove it")
    for sut in sorted(described & measured):
        yield from _description(frame, submitter, folder / f"{sut}.json")


def system_categories(path: Path) -> tuple[str, ...]:
    """Give the categories of a description ("edge", "datacenter"); none where it does not say."""
    told = json_object(path).get("system_type")
    return tuple(part.strip() for part in told.split(",")) if isinstance(told, str) else ()


def is_over_network(frame: Frame, path: Path) -> bool:
    """Say whether a description is of a system that LoadGen reaches over a network."""
    return str(json_object(path).get(frame.rules.submission.network.fields[0])).lower() == "true"


def _description(frame: Frame, submitter: Submitter, path: Path) -> Iterator[Finding]:
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        yield frame.finding(path, "system-unreadable", f"is not JSON ({error})", _MAKE)
        return
    if not isinstance(told, dict):
        yield frame.finding(path, "system-unreadable", "is not a JSON object", _MAKE)
        return
    yield from _fields(frame, path, told)
    yield from _values(frame, submitter, path, told)
    yield from _network(frame, submitter, path, told)


def _fields(frame: Frame, path: Path, told: dict[str, Any]) -> Iterator[Finding]:
    fields = frame.rules.submission.system
    for key in (*fields.meaningful, *fields.present):
        if key not in told:
            yield frame.finding(path, "system-field", f"field {key} is missing", _MAKE)
        elif not isinstance(told[key], str):
            problem = f"field {key} is {json.dumps(told[key])}, which is no text"
            yield frame.finding(path, "system-field-type", problem, f'write "{told[key]}" in quotes')
        elif key in fields.meaningful and not told[key].strip():
            yield frame.finding(path, "system-field-empty", f"field {key} is empty", "say what it is or is unknown")


def _values(frame: Frame, submitter: Submitter, path: Path, told: dict[str, Any]) -> Iterator[Finding]:
    fields = frame.rules.submission.system
    status, system_type, division = told.get("status"), told.get("system_type"), told.get("division")
    if str(told.get("submitter", "")).lower() != submitter.name.lower():
        problem = f"has submitter {told.get('submitter')!r}, the folder is {submitter.name!r}"
        yield frame.finding(path, "system-submitter", problem, "give the same --submitter to both")
    if division != submitter.division:
        problem = f"has division {division!r}, the folder is {submitter.division!r}"
        yield frame.finding(path, "system-division", problem, "give the same --division to both")
    if status not in fields.statuses:
        yield frame.finding(path, "system-status", f"has status {status!r}", f"use one of {', '.join(fields.statuses)}")
    if system_type not in fields.types:
        remedy = f"use one of {'; '.join(fields.types)}"
        yield frame.finding(path, "system-type", f"has system_type {system_type!r}", remedy)


def _network(frame: Frame, submitter: Submitter, path: Path, told: dict[str, Any]) -> Iterator[Finding]:
    network = frame.rules.submission.network
    key = network.fields[0]
    if key in told and not isinstance(told[key], str):
        problem = f"field {key} is {json.dumps(told[key])}, which is no text"
        yield frame.finding(path, "system-field-type", problem, 'write "true" or "false" in quotes')
        return
    over_network = is_over_network(frame, path)
    if network.divisions.get(submitter.division, over_network) != over_network:
        problem = f"{key} is {told.get(key, 'not there')}, which the {submitter.division} division does not take"
        yield frame.finding(path, "system-network", problem, "correct it, or submit to another division")
    for name in network.fields if over_network else ():
        if name not in told:
            yield frame.finding(path, "system-field", f"field {name} is missing", f"say it, or take {key} away")
