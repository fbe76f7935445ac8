"""user.conf: written for a run, and checked before one, since LoadGen skips what it does not know without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.rules.rounds import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEYS = (
    "target_qps",
    "target_latency",
    "target_latency_percentile",
    "min_duration",
    "max_duration",
    "min_query_count",
    "max_query_count",
    "performance_sample_count_override",
    "sample_concatenate_permutation",
    "samples_per_query",
    "coalesce_queries",
    "max_async_queries",
)
"""What may stand in user.conf; durations and latencies in milliseconds, rates in samples per second."""

_PARTS = 3  # model.scenario.key


def user_conf(loadgen_model: str, scenario: str, values: Mapping[str, float]) -> str:
    """Write user.conf's text.

    Args:
        loadgen_model: the name that LoadGen is given ("bert").
        scenario: the scenario's name.
        values: what to set, by KEYS.

    Raises:
        ValueError: nothing to set, or a key that LoadGen does not know.
    """
    if not values or (unknown := sorted(set(values) - set(KEYS))):
        raise ValueError(f"user.conf cannot be made of {dict(values)}" + (f": {unknown}" if values else ""))
    return "".join(f"{loadgen_model}.{scenario}.{key} = {_number(value)}\n" for key, value in values.items())


def check_user_conf(path: Path, loadgen_model: str, scenario: str) -> None:
    """Refuse a user.conf of which LoadGen would silently skip something, or everything.

    Raises:
        HarnessError: the file is absent, or a line is malformed, names another model or an unknown key, or no line
            is for this model and scenario.
    """
    counting = 0
    for number, text in enumerate(_read(path).splitlines(), start=1):
        line = text.partition("#")[0].strip()
        if line:
            counting += _check_line(f"{path} line {number}", line, loadgen_model, scenario)
    if not counting:
        raise HarnessError(
            ExitStatus.BAD_JOB,
            f"{path}: no line is for {loadgen_model}.{scenario}, so it would change nothing; "
            f"write for instance {loadgen_model}.{scenario}.target_qps = 10",
        )


def _check_line(where: str, line: str, loadgen_model: str, scenario: str) -> int:
    name, equals, value = (part.strip() for part in line.partition("="))
    parts = name.split(".")
    if not equals or not value or len(parts) != _PARTS:
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: {line!r} is not 'model.scenario.key = value'")
    line_model, line_scenario, key = parts
    if line_scenario not in (*SCENARIOS, "*"):
        known = ", ".join(SCENARIOS)
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: {line_scenario!r} is no scenario; known are {known}")
    if line_scenario not in (scenario, "*"):
        return 0
    if line_model not in (loadgen_model, "*"):
        raise HarnessError(
            ExitStatus.BAD_JOB,
            f"{where}: the line is for the model {line_model!r}, the run for {loadgen_model!r}: LoadGen would skip "
            "it without a word; correct the model's name",
        )
    if key not in KEYS:
        known = ", ".join(KEYS)
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: LoadGen does not know {key!r}; known are {known}")
    _check_number(where, key, value)
    return 1


def _check_number(where: str, key: str, value: str) -> None:
    try:
        usable = float(value) >= 0
    except ValueError:
        usable = False
    if not usable:
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: {key} must be a number of at least 0, got {value!r}")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HarnessError(ExitStatus.BAD_JOB, f"{path}: user.conf cannot be read ({reason})") from None


def _number(value: float) -> str:
    # LoadGen reads plain decimals; 1e-05 or 24576.0 is not one for a count.
    return str(int(value)) if float(value).is_integer() else f"{value:.6f}"
