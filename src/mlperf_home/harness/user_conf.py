"""Writing and checking user.conf, which sets the length and the target of a run.

LoadGen silently ignores unknown lines, so the file is checked before a run. Its values depend on the style of the run,
as in 2023:

- test: a fixed number of queries without a minimum duration, for find-performance and smoke tests.
- fast: a fifth of the official length.
- valid: the official length; only the target is set.
- sample: a few seconds, VALID by its own settings, for sample data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.rules.rounds import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.rules import Round

STYLES = ("test", "fast", "valid", "sample")

_FAST_FACTOR = 5
_SAMPLE_DURATION_MS = 10_000
_SAMPLE_OFFLINE_SAMPLES = 200
# A rate measured for one second on a busy machine may be far too low; more samples only take longer.
_SAMPLE_OFFLINE_MARGIN = 2.0
# Server's early stopping tolerates a few late queries only above the minimum query count.
_SAMPLE_SERVER_QUERIES = 1000
_TEST_OFFLINE_SAMPLES = 500
_TEST_QUERIES = 100
_TEST_QPS = 1.0
_TEST_LATENCY_MS = 1000.0
# A tenth above the minimum duration, so that one slow query does not exceed the limit.
_MAX_DURATION_FACTOR = 1.1

# LoadGen generates its queries for the target. With a rate slightly above the measured one, or a latency far below it,
# the queries last for the minimum duration. Server is judged at its target rate, and a search of a few seconds does not
# show how its queue grows in minutes: the factor is 0.9, since runs at 1.0 were INVALID.
LATENCY_FACTOR = 0.4
"""Below half of the mean, because LoadGen generates twice the queries that target_latency implies."""
_FACTORS = {"Offline": 1.01, "Server": 0.9, "SingleStream": LATENCY_FACTOR, "MultiStream": LATENCY_FACTOR}


class SettingsError(ValueError):
    """The style and the target of a run do not fit each other."""


@dataclass(frozen=True)
class Target:
    """The target of a run: samples per second (Offline, Server) or milliseconds per query (the other scenarios).

    A factor applies to a target measured by find-performance; a user's target is unchanged.
    """

    value: float
    measured: bool


def target_key(scenario: str) -> str:
    """Return the key of a scenario's target in user.conf: "target_qps" or "target_latency" (ms)."""
    return "target_qps" if scenario in {"Offline", "Server"} else "target_latency"


def run_values(
    rules: Round, scenario: str, style: str, target: Target | None = None, test_query_count: int | None = None
) -> dict[str, float]:
    """Return the values of user.conf by key, in LoadGen's units (ms, samples per second).

    Every style except "test" needs a target. A test has `test_query_count` queries (Offline: samples), or a short
    default.

    Raises:
        SettingsError: the style is unknown, or the target is missing or not above 0.
    """
    if style not in STYLES:
        raise SettingsError(f"the style of the run must be one of {', '.join(STYLES)}, got {style!r}")
    if style == "test":
        return _test_values(scenario, target, test_query_count)
    if target is None:
        key = target_key(scenario)
        raise SettingsError(f"a {style} run needs {key} for {scenario}; run find-performance first, or set {key}")
    values = {target_key(scenario): _aim(scenario, target)}
    scenario_rules = rules.scenarios[scenario]
    if style == "fast":
        values["min_duration"] = scenario_rules.min_duration_ms // _FAST_FACTOR
        if scenario == "Offline":
            values["min_query_count"] = scenario_rules.min_query_count // _FAST_FACTOR
    elif style == "sample":
        if scenario == "Offline" and target.measured:
            values[target_key(scenario)] *= _SAMPLE_OFFLINE_MARGIN
        values |= _sample_values(rules, scenario)
    elif scenario == "SingleStream":
        values["max_duration"] = round(scenario_rules.min_duration_ms * _MAX_DURATION_FACTOR)
    return values


def find_performance_values(scenario: str, test_query_count: int | None = None) -> dict[str, float]:
    """Return the values of a find-performance run; Server's search chooses its own rates and tries each for 5 s."""
    if scenario == "Server":
        return {"min_duration": 5000, "min_query_count": test_query_count or _TEST_QUERIES}
    return _test_values(scenario, None, test_query_count)


def _aim(scenario: str, target: Target) -> float:
    if not target.value > 0:
        raise SettingsError(f"{target_key(scenario)} must be above 0, got {target.value}")
    return target.value * _FACTORS[scenario] if target.measured else target.value


def _test_values(scenario: str, target: Target | None, test_query_count: int | None) -> dict[str, float]:
    default_aim = _TEST_QPS if target_key(scenario) == "target_qps" else _TEST_LATENCY_MS
    count = test_query_count or (_TEST_OFFLINE_SAMPLES if scenario == "Offline" else _TEST_QUERIES)
    aim = default_aim if target is None else _aim(scenario, target)
    # Server's schedule is random, and LoadGen reports an error if a run reaches the limit early.
    limit = {} if scenario in {"Offline", "Server"} else {"max_query_count": count}
    return {target_key(scenario): aim, "min_duration": 0, "min_query_count": count, **limit}


def _sample_values(rules: Round, scenario: str) -> dict[str, float]:
    if scenario == "Offline":
        return {"min_duration": _SAMPLE_DURATION_MS, "min_query_count": _SAMPLE_OFFLINE_SAMPLES}
    if scenario == "MultiStream":
        # Early stopping needs many queries of eight samples, which take long enough without a minimum duration.
        return {"min_duration": 0, "min_query_count": rules.scenarios[scenario].early_stopping_min_query_count}
    queries = _SAMPLE_SERVER_QUERIES if scenario == "Server" else rules.scenarios[scenario].min_query_count
    return {"min_duration": _SAMPLE_DURATION_MS, "min_query_count": queries}


@dataclass(frozen=True)
class RunSettings:
    """The settings of a run from which user.conf is written.

    Attributes:
        run: performance, accuracy or find-performance.
        style: one of STYLES.
        target: the user's target, which takes precedence, in the unit of `Target`.
        measured_target: the target measured by a find-performance run.
    """

    benchmark: str
    scenario: str
    run: str
    style: str
    test_query_count: int | None = None
    target: float | None = None
    measured_target: float | None = None


def user_conf_text(rules: Round, settings: RunSettings) -> str:
    """Return user.conf for a run.

    Raises:
        SettingsError: the style needs a target, and there is none.
    """
    if settings.run == "find-performance":
        values = find_performance_values(settings.scenario, settings.test_query_count)
    elif settings.run == "accuracy":
        # LoadGen needs a target although an accuracy run issues every sample once.
        values = {target_key(settings.scenario): settings.target or settings.measured_target or 1.0}
    else:
        known = settings.measured_target if settings.target is None else settings.target
        target = None if known is None else Target(known, measured=settings.target is None)
        values = run_values(rules, settings.scenario, settings.style, target, settings.test_query_count)
    return user_conf(rules.benchmarks[settings.benchmark].loadgen_model, settings.scenario, values)


KEYS = (
    *("target_qps", "target_latency", "target_latency_percentile"),
    *("min_duration", "max_duration", "min_query_count", "max_query_count"),
    *("performance_sample_count_override", "sample_concatenate_permutation", "samples_per_query"),
    *("coalesce_queries", "max_async_queries"),
)
"""The keys of user.conf; durations and latencies are in milliseconds, rates in samples per second."""

_PARTS = 3  # model.scenario.key


def user_conf(loadgen_model: str, scenario: str, values: Mapping[str, float]) -> str:
    """Return the text of user.conf for a model, by LoadGen's name ("bert"), and a scenario.

    Raises:
        ValueError: there are no values, or a key is not one of KEYS.
    """
    if not values or (unknown := sorted(set(values) - set(KEYS))):
        raise ValueError(f"user.conf cannot be written from {dict(values)}" + (f": {unknown}" if values else ""))
    return "".join(f"{loadgen_model}.{scenario}.{key} = {conf_number(value)}\n" for key, value in values.items())


def conf_number(value: float) -> str:
    """Return a number as LoadGen reads it, a plain decimal: neither 1e-05, nor 24576.0 for a count."""
    return str(int(value)) if float(value).is_integer() else f"{value:.6f}"


def check_user_conf(path: Path, loadgen_model: str, scenario: str) -> None:
    """Check a user.conf for lines that LoadGen would silently ignore.

    Raises:
        HarnessError: the file is absent; a line is malformed or names another model or an unknown key; or no line
            applies to this model and scenario.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HarnessError(ExitStatus.BAD_JOB, f"{path}: user.conf cannot be read ({reason})") from None
    numbered = {number: line for number, text in enumerate(lines, 1) if (line := text.partition("#")[0].strip())}
    applies = [_check_line(f"{path} line {number}", line, loadgen_model, scenario) for number, line in numbered.items()]
    if not any(applies):
        raise HarnessError(
            ExitStatus.BAD_JOB,
            f"{path}: no line applies to {loadgen_model}.{scenario}; "
            f"add at least one, for example {loadgen_model}.{scenario}.target_qps = 10",
        )


def _check_line(where: str, line: str, loadgen_model: str, scenario: str) -> bool:
    """Whether a line applies to this model and scenario; raise HarnessError if LoadGen would ignore it."""
    name, equals, value = (part.strip() for part in line.partition("="))
    parts = name.split(".")
    if not equals or not value or len(parts) != _PARTS:
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: {line!r} is not 'model.scenario.key = value'")
    line_model, line_scenario, key = parts
    if line_scenario not in (*SCENARIOS, "*"):
        problem = f"{line_scenario!r} is not a scenario; use one of {', '.join(SCENARIOS)}"
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: {problem}")
    if line_scenario not in (scenario, "*"):
        return False
    if line_model not in (loadgen_model, "*"):
        raise HarnessError(
            ExitStatus.BAD_JOB,
            f"{where}: the line is for the model {line_model!r}, but the run is for {loadgen_model!r}; "
            "correct the model's name, or LoadGen ignores the line",
        )
    if key not in KEYS:
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: {key!r} is not a LoadGen key; use one of {', '.join(KEYS)}")
    try:
        usable = float(value) >= 0
    except ValueError:
        usable = False
    if not usable:
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: {key} must be a number of at least 0, got {value!r}")
    return True
