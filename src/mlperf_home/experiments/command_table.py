"""The tables of options of `cm ... experiment`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.artifact_commands import artifact_command
from mlperf_home.product import PRODUCT
from scriptgraph.embed import PLACES, Option, trust_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from scriptgraph.embed import Command

_HOME = f"$CM_REPOS/{PRODUCT.name}"
_SOME = "[NAME | --tags=TAG,TAG]"


def experiment_command(action: str) -> Command:
    """Return the table of `cm ACTION experiment`."""
    return _TABLES[action]()


def experiment_commands() -> tuple[Command, ...]:
    """Return the tables of all commands."""
    return tuple(make() for make in _TABLES.values())


def run_command() -> Command:
    """Return the table of `cm run experiment`."""
    summary = "Run a command once for each combination of values; {{VARIABLE}} in the command stands for a value."
    options = (
        Option("explore", "text", 'the values: {"VARIABLE": [1, 2]}', value="=JSON"),
        Option("explore_file", "path", "a JSON or YAML file with the values", value="=FILE"),
        Option("tags", "tags", "tags of the experiment"),
        Option("rerun", "switch", "run finished points again"),
    )
    example = """cm run experiment threads --explore='{"N": [1, 2]}' -- \\
    cm run script --tags=run,mlperf,mobilenet,tflite,_sample --num_threads={{N}}"""
    question = "which experiment? write cm run experiment NAME --explore=JSON -- cm run script ..."
    command = _command("run", summary, options, example, words="NAME")
    return command.replaced(question=question, rest="COMMAND", named_and_tagged=True)


def replay_command() -> Command:
    """Return the table of `cm replay experiment`."""
    summary = "Run an experiment's command with the same values again, and compare."
    command = _command("replay", summary, trust_options(), "cm replay experiment threads", words="NAME")
    return command.replaced(question="which experiment? write cm replay experiment NAME")


def find_command() -> Command:
    """Return the table of `cm find experiment`."""
    summary = "List experiments; ls and list are the same."
    return _command("find", summary, (_tags(),), "cm find experiment --tags=mobilenet")


def show_command() -> Command:
    """Return the table of `cm show experiment`."""
    options = (
        _tags(),
        Option("pareto", "switch", "show the Pareto front: the points that no other dominates"),
        Option("metrics", "list", "columns; with --pareto those of the front, NAME:min or NAME:max", value="=NAME,..."),
        Option("sort", "text", "order by a metric", value="=NAME"),
        Option("derive", "text", "metrics by arithmetic, separated by ;", value='="NAME=EXPRESSION"'),
        Option("prices", "path", "prices of machines per hour", value="=FILE", default=f"{_HOME}/prices.json"),
        Option("parquet", "path", "also write the measurements as a Parquet table", PLACES, "=FILE"),
    )
    summary = "Show measurements, or with --pareto their front."
    return _command("show", summary, options, "cm show experiment --tags=mobilenet --pareto")


def remove_command() -> Command:
    """Return the table of `cm rm experiment`."""
    options = (_tags(), Option("f", "switch", "remove without asking", also=("force",)))
    summary = "Remove experiments with all their measurements; without a terminal, only with -f."
    command = _command("rm", summary, options, "cm rm experiment threads -f")
    return command.replaced(question="which experiment? write cm rm experiment NAME, or --tags=TAG,TAG")


def _tags() -> Option:
    return Option("tags", "tags", "experiments that have all of these")


def _command(action: str, summary: str, options: tuple[Option, ...], example: str, *, words: str = _SOME) -> Command:
    return artifact_command(action, "experiment", summary, options, example, words=words)


_TABLES: dict[str, Callable[[], Command]] = {
    "run": run_command,
    "replay": replay_command,
    "find": find_command,
    "show": show_command,
    "rm": remove_command,
}
