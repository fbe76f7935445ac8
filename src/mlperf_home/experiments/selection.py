"""Which experiments a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.experiments.experiment import Experiment, Experiments

if TYPE_CHECKING:
    from mlperf_home.experiments.arguments import Asking
    from scriptgraph.embed import RunConsole


def chosen(asked: Asking, console: RunConsole) -> list[Experiment]:
    """Return the experiment of the name, or those with the tags; damaged ones are named.

    Raises:
        ExperimentError: there is none of that name, or it is damaged.
    """
    experiments = Experiments(asked.root)
    if asked.name:
        return [experiments.load(asked.name)]
    damages: list[str] = []
    found = experiments.find(asked.tags, damages)
    for damage in damages:
        console("warned", "experiment", {"message": damage})
    return found


def noun(asked: Asking) -> str:
    """Say in words that there is nothing of what was asked for."""
    return f"no experiment has the tags {','.join(asked.tags)}" if asked.tags else f"no experiment yet in {asked.root}"
