"""Every command of this product: for completion and for the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.command_table import challenge_commands
from mlperf_home.challenges.definition.manifest import find_challenges
from mlperf_home.experiments.command_table import experiment_commands
from mlperf_home.experiments.experiment import Experiments
from mlperf_home.fleet.command_table import fleet_commands
from mlperf_home.fleet.store import fleets_of
from mlperf_home.leaderboard.command_table import board_command
from mlperf_home.product import ENGINE, PRODUCT
from mlperf_home.results.command_table import result_commands
from mlperf_home.results.stored import find_results
from scriptgraph.embed import cache_commands, script_commands

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scriptgraph.embed import Command


def commands() -> tuple[Command, ...]:
    """Return the tables of all commands."""
    own = (*script_commands(PRODUCT), *cache_commands(PRODUCT))
    return (*own, *experiment_commands(), *result_commands(), board_command(), *challenge_commands(), *fleet_commands())


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """`cm completion script`: print what a shell reads, or complete the line after `--`."""
    return ENGINE.complete(given, commands(), _names)


def _names(automation: str) -> Iterable[str]:
    """Return the names of challenges, or of experiments, results or fleets in their usual place."""
    if automation == "challenge":
        return [each.name for each in find_challenges(ENGINE.repositories().roots)[0]]
    if automation == "experiment":
        return [each.name for each in Experiments(PRODUCT.home / "experiments").find((), [])]
    if automation == "result":
        return [each.name for each in find_results(PRODUCT.home / "results", [])]
    if automation == "fleet":
        return [each.folder.name for each in fleets_of(PRODUCT.home / "fleets")]
    return ()
