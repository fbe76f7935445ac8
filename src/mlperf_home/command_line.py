"""Every command of this product: for completion and for the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.command_table import challenge_commands
from mlperf_home.experiments.command_table import experiment_commands
from mlperf_home.product import ENGINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scriptgraph.embed import Command


def commands() -> tuple[Command, ...]:
    """Return the tables of all commands."""
    return (*ENGINE.commands(), *experiment_commands(), *challenge_commands())


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """`cm completion script`: print what a shell reads, or complete the line after `--`."""
    return ENGINE.complete(given, commands(), _names)


def _names(automation: str) -> Iterable[str]:
    """Return the names of challenges, or of experiments in their usual place."""
    if automation == "challenge":
        from mlperf_home.challenges.definition.manifest import find_challenges  # noqa: PLC0415 - seldom

        return [each.name for each in find_challenges(ENGINE.repositories().roots)[0]]
    if automation == "experiment":
        from mlperf_home.experiments.experiment import Experiments  # noqa: PLC0415 - seldom
        from mlperf_home.product import PRODUCT  # noqa: PLC0415 - beside the other

        return [each.name for each in Experiments(PRODUCT.home / "experiments").find((), [])]
    return ()
