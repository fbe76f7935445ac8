"""user.conf for a run: its style, and the target that was given, measured now, or measured earlier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.harness.configuration.settings import Target, find_performance_values, run_values, target_key
from mlperf_home.harness.configuration.user_conf import user_conf

if TYPE_CHECKING:
    from mlperf_home.rules import Round


@dataclass(frozen=True)
class Wanted:
    """What a run is to be.

    Attributes:
        run: performance, accuracy or find-performance.
        given: the target as the user gave it; `measured`: as a find-performance run found it.
    """

    benchmark: str
    scenario: str
    run: str
    style: str
    test_query_count: int | None = None
    given: float | None = None
    measured: float | None = None


def user_conf_text(rules: Round, wanted: Wanted) -> str:
    """Write user.conf for a run.

    Raises:
        SettingsError: the style needs a target, and none is known.
    """
    if wanted.run == "find-performance":
        values = find_performance_values(wanted.scenario, wanted.test_query_count)
    elif wanted.run == "accuracy":
        # Every sample is asked once, whatever the target; LoadGen wants one all the same.
        values = {target_key(wanted.scenario): wanted.given or wanted.measured or 1.0}
    else:
        values = run_values(rules, wanted.scenario, wanted.style, _target(wanted), wanted.test_query_count)
    return user_conf(rules.benchmarks[wanted.benchmark].loadgen_model, wanted.scenario, values)


def _target(wanted: Wanted) -> Target | None:
    if wanted.given is not None:
        return Target(wanted.given, measured=False)
    return None if wanted.measured is None else Target(wanted.measured, measured=True)
