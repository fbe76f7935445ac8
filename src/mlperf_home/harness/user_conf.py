"""user.conf: how long a run is and what it aims at; written for a run, and checked before one.

LoadGen skips what it does not know without a word. The values go by style of run, as in 2023:

- test: a fixed number of queries, no minimum duration; for find-performance and smoke tests.
- fast: a fifth of the official length.
- valid: the official length; only the target is set.
- sample: seconds, and still VALID by its own settings; for sample data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.rules.rounds import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.rules import Round

STYLES = ("test", "fast", "valid", "sample")

_FAST_FACTOR = 5
_SAMPLE_DURATION_MS = 10_000
_SAMPLE_OFFLINE_SAMPLES = 200
# A rate that was measured for a second, perhaps beside other work, may be far too low; more samples only take longer.
_SAMPLE_OFFLINE_MARGIN = 2.0
# Server's early stopping forgives a few late queries only if there are more than the bare minimum.
_SAMPLE_SERVER_QUERIES = 1000
_TEST_OFFLINE_SAMPLES = 500
_TEST_QUERIES = 100
_TEST_QPS = 1.0
_TEST_LATENCY_MS = 1000.0
# A tenth more than the least duration: one slow query must not break the limit.
_MAX_DURATION_FACTOR = 1.1

# LoadGen prepares queries for the target. A little above the measured rate, and far below the measured latency, it
# cannot run out of them before the least duration is over. A Server run is judged at its target, and the few seconds of
# a search do not show how long its queue grows in minutes: a tenth less there (measured: at 1.0 it was INVALID).
LATENCY_FACTOR = 0.4
"""LoadGen prepares twice as many queries as target_latency lets it expect: less than half of the mean leaves room."""
_FACTORS = {"Offline": 1.01, "Server": 0.9, "SingleStream": LATENCY_FACTOR, "MultiStream": LATENCY_FACTOR}


class SettingsError(ValueError):
    """A style and a target that do not go together; the text says what is missing."""


@dataclass(frozen=True)
class Target:
    """Samples per second (Offline, Server) or milliseconds a query (SingleStream, MultiStream), to aim at.

    Later runs apply a factor to what find-performance has measured; what the user gives is used as it is.
    """

    value: float
    measured: bool


def target_key(scenario: str) -> str:
    """Name the scenario's target in user.conf: "target_qps" or "target_latency" (ms)."""
    return "target_qps" if scenario in {"Offline", "Server"} else "target_latency"


def run_values(
    rules: Round, scenario: str, style: str, target: Target | None = None, test_query_count: int | None = None
) -> dict[str, float]:
    """Return user.conf's values, by key, in LoadGen's units (ms, samples per second).

    Every style of STYLES but "test" needs a target. A test has `test_query_count` queries (Offline: samples); None for
    a short default. Raise SettingsError if the style is unknown, or the target is missing or not above 0.
    """
    if style not in STYLES:
        raise SettingsError(f"the style of the run must be one of {', '.join(STYLES)}, got {style!r}")
    if style == "test":
        return _test_values(scenario, target, test_query_count)
    if target is None:
        raise SettingsError(
            f"a {style} run needs {target_key(scenario)} for {scenario}: run find-performance first, or give it"
        )
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
    """Return the values of a find-performance run; Server's search picks its own rates, for five seconds each."""
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
    # Server's schedule is random: a limit that is reached early is an error to LoadGen.
    limit = {} if scenario in {"Offline", "Server"} else {"max_query_count": count}
    return {target_key(scenario): aim, "min_duration": 0, "min_query_count": count, **limit}


def _sample_values(rules: Round, scenario: str) -> dict[str, float]:
    if scenario == "Offline":
        return {"min_duration": _SAMPLE_DURATION_MS, "min_query_count": _SAMPLE_OFFLINE_SAMPLES}
    if scenario == "MultiStream":
        # Its early stopping asks for many queries of eight: they take long enough by themselves.
        return {"min_duration": 0, "min_query_count": rules.scenarios[scenario].early_stopping_min_query_count}
    queries = _SAMPLE_SERVER_QUERIES if scenario == "Server" else rules.scenarios[scenario].min_query_count
    return {"min_duration": _SAMPLE_DURATION_MS, "min_query_count": queries}


@dataclass(frozen=True)
class Wanted:
    """A run (performance, accuracy or find-performance), its style, and its target.

    The target is `given` by the user, or `measured` by a find-performance run.
    """

    benchmark: str
    scenario: str
    run: str
    style: str
    test_query_count: int | None = None
    given: float | None = None
    measured: float | None = None


def user_conf_text(rules: Round, wanted: Wanted) -> str:
    """Return user.conf for a run; raise SettingsError if the style needs a target and none is known."""
    if wanted.run == "find-performance":
        values = find_performance_values(wanted.scenario, wanted.test_query_count)
    elif wanted.run == "accuracy":
        # Every sample is asked once, whatever the target; LoadGen wants one all the same.
        values = {target_key(wanted.scenario): wanted.given or wanted.measured or 1.0}
    else:
        known = wanted.measured if wanted.given is None else wanted.given
        target = None if known is None else Target(known, measured=wanted.given is None)
        values = run_values(rules, wanted.scenario, wanted.style, target, wanted.test_query_count)
    return user_conf(rules.benchmarks[wanted.benchmark].loadgen_model, wanted.scenario, values)


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
    numbered = {number: line for number, text in enumerate(lines, 1) if (line := text.partition("#")[0].strip())}
    ours = [_check_line(f"{path} line {number}", line, loadgen_model, scenario) for number, line in numbered.items()]
    if not any(ours):
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
        problem = f"{line_scenario!r} is no scenario; known are {', '.join(SCENARIOS)}"
        raise HarnessError(ExitStatus.BAD_JOB, f"{where}: {problem}")
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
