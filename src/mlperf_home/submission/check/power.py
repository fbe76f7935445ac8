"""Checks of the files of a power measurement: the meter's logs, the ranging run, the descriptions of the meter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.submission.check.places import POWER_DIR, RANGING_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.submission.check.places import CheckedResult, Finding

_MEASURE = "measure the power again with the tools of the field, or remove its folders"
# The descriptions may lie in the folder of the scenario, of the model, of the system, or of all systems.
_LEVELS_ABOVE = 3


def check_power(result: CheckedResult) -> Iterator[Finding]:
    """Check the files of a result's power measurement, if it has one; its logs are not evaluated."""
    names, power = result.rules.submission.files, result.run.parent / POWER_DIR
    ranging = power.with_name(RANGING_DIR)
    if not result.contents.is_dir(power):
        if result.contents.is_dir(ranging):
            problem = f"is a ranging run, but there is no folder {POWER_DIR} beside it"
            yield result.finding(ranging, "power-file", problem, _MEASURE)
        return
    yield from _check_files(result, power, names.power, ())
    yield from _check_files(result, ranging, (*names.performance, *names.power_run), names.performance_optional)
    measurements = result.place.measurements
    folders = (measurements, *measurements.parents[:_LEVELS_ABOVE])
    found = {name for folder in folders for name in result.contents.folder(folder)}
    for name in names.power_measurements:
        if not any(each.startswith(name) for each in found):
            problem = f"has no file {name}.*, which a result with power requires"
            yield result.finding(measurements, "power-file", problem, "write the description of the power measurement")


def _check_files(
    result: CheckedResult, folder: Path, needed: tuple[str, ...], allowed: tuple[str, ...]
) -> Iterator[Finding]:
    present = result.contents.files(folder)
    for name in sorted(set(needed) - present):
        yield result.finding(folder / name, "power-file", "is missing", _MEASURE)
    for name in sorted(present - {*needed, *allowed}):
        yield result.finding(folder / name, "file-list", "is not allowed among the logs", "move it out")
