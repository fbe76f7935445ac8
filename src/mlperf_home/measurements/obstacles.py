"""What keeps a result from being an official one, as far as the round's rules tell."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlperf_home.loadgen_logs.run_log import LoadGenResult
    from mlperf_home.rules import Round
    from mlperf_home.rules.rounds import Benchmark


def unofficial_because(
    rules: Round, session: Mapping[str, Any], result: LoadGenResult | None, accuracy: Mapping[str, float]
) -> tuple[str, ...]:
    """List what keeps a result from being submitted (to the open division); empty if nothing known here does.

    Args:
        rules: the round's rules.
        session: the session of the performance run, or of the accuracy run if there is no other.
        result: the performance run, or None.
        accuracy: the accuracy by name, empty without an accuracy run.
    """
    obstacles = []
    benchmark = rules.benchmarks[session["job"]["benchmark"]]
    found, whole = session["dataset"]["count"], benchmark.dataset_sample_count
    if session["sample"]:
        obstacles.append("it was made with sample data")
    elif found < whole:
        obstacles.append(f"its dataset has {found} samples; {rules.name} asks all {whole}")
    if not accuracy:
        obstacles.append("it has no accuracy run")
    if result is None:
        return (*obstacles, "it has no performance run")
    if result.validity != "VALID":
        obstacles.append("LoadGen calls the performance run INVALID")
    if dict(result.seeds) != asdict(rules.seeds):
        obstacles.append(f"its seeds are not those of {rules.name}")
    return (*obstacles, *_short_of(rules, benchmark, result))


def _short_of(rules: Round, benchmark: Benchmark, result: LoadGenResult) -> Iterator[str]:
    wanted, settings = rules.scenarios[result.scenario], result.settings
    duration_s, wanted_s = settings["min_duration_ms"] / 1000, wanted.min_duration_ms / 1000
    if duration_s < wanted_s:
        yield f"it was asked to last {duration_s:g} s; {rules.name} asks {wanted_s:g} s"
    loaded, needed = settings["performance_sample_count"], benchmark.performance_sample_count
    if loaded < needed:
        yield f"{loaded} samples were loaded; {rules.name} asks {needed}"
    if result.scenario == "Offline" and settings["samples_per_query"] < wanted.min_query_count:
        yield f"{settings['samples_per_query']} samples were issued; {rules.name} asks {wanted.min_query_count}"
