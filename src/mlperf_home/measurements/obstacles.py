"""What keeps a result from being an official one, as far as the round's rules tell."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.loadgen_logs.run_log import LoadGenResult
    from mlperf_home.rules import Round


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
    if session["sample"]:
        obstacles.append("it was made with sample data")
    else:
        obstacles += _part_of_the_dataset(rules, session)
    if not accuracy:
        obstacles.append("it has no accuracy run")
    if result is None:
        return (*obstacles, "it has no performance run")
    if result.validity != "VALID":
        obstacles.append("LoadGen calls the performance run INVALID")
    if dict(result.seeds) != asdict(rules.seeds):
        obstacles.append(f"its seeds are not those of {rules.name}")
    return (*obstacles, *_short_of(rules, session["job"]["benchmark"], result))


def _part_of_the_dataset(rules: Round, session: Mapping[str, Any]) -> list[str]:
    whole = rules.benchmarks[session["job"]["benchmark"]].dataset_sample_count
    found = session["dataset"]["count"]
    return [f"its dataset has {found} samples; {rules.name} asks all {whole}"] if found < whole else []


def _short_of(rules: Round, benchmark: str, result: LoadGenResult) -> list[str]:
    scenario = rules.scenarios[result.scenario]
    settings = result.settings
    obstacles = []
    if settings["min_duration_ms"] < scenario.min_duration_ms:
        obstacles.append(
            f"it was asked to last {settings['min_duration_ms'] / 1000:g} s; "
            f"{rules.name} asks {scenario.min_duration_ms / 1000:g} s"
        )
    wanted = rules.benchmarks[benchmark].performance_sample_count
    if settings["performance_sample_count"] < wanted:
        obstacles.append(f"{settings['performance_sample_count']} samples were loaded; {rules.name} asks {wanted}")
    if result.scenario == "Offline" and settings["samples_per_query"] < scenario.min_query_count:
        obstacles.append(
            f"{settings['samples_per_query']} samples were issued; {rules.name} asks {scenario.min_query_count}"
        )
    return obstacles
