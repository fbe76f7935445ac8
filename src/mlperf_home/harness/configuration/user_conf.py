"""user.conf: written for a run, and checked before one, since LoadGen skips what it does not know without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.rules.rounds import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEYS = (
    *("target_qps", "target_latency", "target_latency_percentile"),
    *("min_duration", "max_duration", "min_query_count", "max_query_count"),
    *("performance_sample_count_override", "sample_concatenate_permutation", "samples_per_query"),
    *("coalesce_queries", "max_async_queries"),
)
"""What may stand in user.conf; durations and latencies in milliseconds, rates in samples per second."""

_PARTS = 3  # model.scenario.key


def user_conf(loadgen_model: str, scenario: str, values: Mapping[str, float]) -> str:
    """Return user.conf's text: values, by KEYS, for the model as LoadGen is given it ("bert") in a scenario.

    Raise ValueError if there is nothing to set, or a key that LoadGen does not know.
    """
    if not values or (unknown := sorted(set(values) - set(KEYS))):
        raise ValueError(f"user.conf cannot be made of {dict(values)}" + (f": {unknown}" if values else ""))
    # LoadGen reads plain decimals; 1e-05 or 24576.0 is not one for a count.
    texts = {key: str(int(value)) if float(value).is_integer() else f"{value:.6f}" for key, value in values.items()}
    return "".join(f"{loadgen_model}.{scenario}.{key} = {text}\n" for key, text in texts.items())


def check_user_conf(path: Path, loadgen_model: str, scenario: str) -> None:
    """Raise HarnessError for a user.conf of which LoadGen would silently skip something, or everything.

    The file is absent, or a line is malformed, names another model or an unknown key, or no line is for this model
    and scenario.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HarnessError(ExitStatus.BAD_JOB, f"{path}: user.conf cannot be read ({reason})") from None
    counting = 0
    for number, text in enumerate(lines, start=1):
        line = text.partition("#")[0].strip()
        if line:
            counting += _check_line(f"{path} line {number}", line, loadgen_model, scenario)
    if not counting:
        raise HarnessError(
            ExitStatus.BAD_JOB,
            f"{path}: no line is for {loadgen_model}.{scenario}, so it would change nothing; "
            f"write for instance {loadgen_model}.{scenario}.target_qps = 10",
        )


def _check_line(where: str, line: str, loadgen_model: str, scenario: str) -> bool:
    """Whether a line is for this model and scenario."""
    name, equals, value = (part.strip() for part in line.partition("="))
    parts = name.split(".")
    if not equals or not value or len(parts) != _PARTS:
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: {line!r} is not 'model.scenario.key = value'")
    line_model, line_scenario, key = parts
    if line_scenario not in (*SCENARIOS, "*"):
        known = ", ".join(SCENARIOS)
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: {line_scenario!r} is no scenario; known are {known}")
    if line_scenario not in (scenario, "*"):
        return False
    if line_model not in (loadgen_model, "*"):
        raise HarnessError(
            ExitStatus.BAD_JOB,
            f"{where}: the line is for the model {line_model!r}, the run for {loadgen_model!r}: LoadGen would skip "
            "it without a word; correct the model's name",
        )
    if key not in KEYS:
        known = ", ".join(KEYS)
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: LoadGen does not know {key!r}; known are {known}")
    try:
        usable = float(value) >= 0
    except ValueError:
        usable = False
    if not usable:
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: {key} must be a number of at least 0, got {value!r}")
    return True
