"""The expected duration of a run of LoadGen: the round's minima, the dataset's size, and the model's measured speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.harness.user_conf import Target, find_performance_values, run_values
from mlperf_home.run_times.speeds import RunSpeed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlperf_home.rules import Round
    from mlperf_home.run_times.speeds import ClassSpeed

# LoadGen's Offline query has a tenth more samples than its target needs for the minimum duration.
_OFFLINE_MARGIN = 1.1
# Runs of one model agree this well on a quiet machine.
_SPREAD = 1.15


@dataclass(frozen=True)
class RunOfLoadGen:
    """A run to be made.

    Attributes:
        mode: performance, accuracy, find-performance, or a compliance test.
        style: the style of the run, see `mlperf_home.harness.user_conf`.
        test_queries: the queries of a test run; None for the default.
        samples: the samples of the dataset; None if unknown.
    """

    benchmark: str
    scenario: str
    mode: str
    style: str
    test_queries: int | None = None
    samples: int | None = None


class ExpectedDuration(NamedTuple):
    """The bounds of a duration in seconds, None if unknown, and their source in words."""

    low_s: float | None
    high_s: float | None
    basis: str


def expected_duration(
    rules: Round,
    run: RunOfLoadGen,
    speeds: Mapping[str, RunSpeed],
    published: Callable[[], ClassSpeed | None] = lambda: None,
) -> ExpectedDuration:
    """Return the expected duration of a run.

    Args:
        rules: the rules of the round.
        run: the run.
        speeds: the last runs of the same model by mode; empty if there are none.
        published: returns the published times of a sample on this class of CPU; called only without `speeds`.

    Raises:
        SettingsError: the style of the run is unknown.
    """
    least_s = minimum_duration_s(rules, run)
    modes = (run.mode, "performance", "accuracy", "find-performance")
    speed = next((speeds[mode] for mode in modes if mode in speeds), None)
    if speed is None:
        elsewhere = published()
        if elsewhere is None:
            return ExpectedDuration(least_s or None, None, "the speed of models that have not run here")
        return _expected_elsewhere(rules, run, elsewhere)
    loadgen_s = _loadgen_s(rules, run, speed)
    if loadgen_s is None:
        return ExpectedDuration(least_s or None, None, "datasets of unknown size")
    around_s = speeds[run.mode].around_s if run.mode in speeds else speed.around_s
    # The minimum duration is exact; what depends on the speed varies.
    low = max(least_s, loadgen_s / _SPREAD) + around_s / _SPREAD
    high = max(least_s, loadgen_s * _SPREAD) + around_s * _SPREAD
    basis = "the models' speed on this machine"
    if again_s := _recalibration_s(run, speeds):
        high, basis = high + again_s, f"{basis}; a doubtful calibration may be made anew"
    return ExpectedDuration(low, high, basis)


def _recalibration_s(run: RunOfLoadGen, speeds: Mapping[str, RunSpeed]) -> float:
    """Return the time of a new calibration; 0 if none is likely, or if an earlier run of the result makes it."""
    first = next((mode for mode in ("find-performance", "performance") if mode in speeds), None)
    return speeds[first].recalibration_s if first == run.mode else 0.0


def _expected_elsewhere(rules: Round, run: RunOfLoadGen, elsewhere: ClassSpeed) -> ExpectedDuration:
    """Return the bounds of LoadGen's time; how long imports and opening take is not published."""
    least_s = minimum_duration_s(rules, run)
    times = [_loadgen_s(rules, run, _one_sample(each)) for each in (elsewhere.fastest_s, elsewhere.slowest_s)]
    known = [max(least_s, each) for each in times if each is not None]
    if not known:
        return ExpectedDuration(least_s or None, None, "datasets of unknown size")
    return ExpectedDuration(min(known), max(known), elsewhere.basis)


def _one_sample(time_s: float) -> RunSpeed:
    return RunSpeed(run_s=time_s, around_s=0.0, queries=1, samples=1, at_s=0.0)


def minimum_duration_s(rules: Round, run: RunOfLoadGen) -> float:
    """Return the minimum duration of LoadGen's run in seconds; 0 if it has none."""
    if run.mode in {"accuracy", "find-performance"}:
        return 0.0
    return _values(rules, run, None).get("min_duration", rules.scenarios[run.scenario].min_duration_ms) / 1000


def _loadgen_s(rules: Round, run: RunOfLoadGen, speed: RunSpeed) -> float | None:
    """Return the time of LoadGen in seconds; None if it depends on an unknown number of samples."""
    scenario = rules.scenarios[run.scenario]
    if run.mode == "accuracy":
        return run.samples * speed.sample_s if run.samples else None
    if run.mode == "find-performance":
        values = find_performance_values(run.scenario, run.test_queries)
    else:
        values = _values(rules, run, speed)
    least_s = values.get("min_duration", scenario.min_duration_ms) / 1000
    queries = values.get("min_query_count", scenario.min_query_count)
    if run.scenario == "Offline":
        rate = values["target_qps"]
        return max(queries, rate * least_s * _OFFLINE_MARGIN) * speed.sample_s
    return max(least_s, queries * speed.query_s)


def _values(rules: Round, run: RunOfLoadGen, speed: RunSpeed | None) -> dict[str, float]:
    """Return the values of user.conf; without a speed its target is a placeholder."""
    target = None
    if run.style != "test":
        rate = run.scenario in {"Offline", "Server"}
        value = 1.0 if speed is None else 1 / speed.sample_s if rate else 1000 * speed.query_s
        target = Target(value, measured=True)
    return run_values(rules, run.scenario, run.style, target, run.test_queries, benchmark=run.benchmark)
