"""The tables of options of `cm ... challenge`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.measurements.equivalence import MOST_RUNS, USUAL_RUNS
from mlperf_home.product import PRODUCT
from scriptgraph.embed import (
    EVERYDAY,
    PLACES,
    STEERING,
    Command,
    Option,
    network_options,
    output_options,
    place_options,
    progress_options,
    quiet_option,
    trust_options,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FOR_SCRIPTS = ("quiet", "verbose", "offline", "mirrors", "home", "cache_dir")
"""Options that are passed on to the scripts of a challenge."""
_REASON = "is for cm run script: a challenge runs its workflows unchanged"
_REFUSED = dict.fromkeys(
    ("prefetch", "explain", "renew", "env", "adr", "add_deps_recursive", "add_deps", "ad"), _REASON
)


def challenge_command(action: str) -> Command:
    """Return the table of `cm ACTION challenge`."""
    return _TABLES[action]()


def challenge_commands() -> tuple[Command, ...]:
    """Return the tables of all commands."""
    return tuple(make() for make in _TABLES.values())


def run_command() -> Command:
    """Return the table of `cm run challenge`."""
    group = "Bundle"
    options = (
        _sample(),
        Option("only", "list", "only these workflows", value="=WORKFLOW,...", never_empty=True),
        Option("plan", "switch", "print the workflows' commands, and stop"),
        Option("check", "switch", "check the machine, and stop"),
        *sender_options(group),
        _hw_name(group),
        Option(
            "official",
            "switch",
            "refuse a run that cannot count: not open, on the sample, or with changed scripts",
            STEERING,
        ),
        *_steering(),
        Option("lock", "switch", "write the challenge's lock file, and stop", STEERING),
    )
    summary = "Check the machine, run the workflows of a challenge, write the report and the bundle."
    example = "cm run challenge run-mlperf@home-v3.1-cpu --sample"
    return _running("run", summary, options, example, "NAME")


def sender_options(group: str) -> tuple[Option, ...]:
    """Return the options that name the sender of a bundle."""
    return (
        Option("sign_key", "path", "the SSH key that signs the bundle", group, "=FILE", never_empty=True),
        Option(
            "submitter",
            "text",
            "your name on boards; only with --sign_key",
            group,
            "=WORD",
            "unnamed",
            never_empty=True,
        ),
        Option("submitter_link", "text", "an address beside your name", group, "=URL", never_empty=True),
    )


def replay_command() -> Command:
    """Return the table of `cm replay challenge`."""
    options = (
        Option("results", "path", "the bundle to verify and run again", value="=BUNDLE", never_empty=True),
        Option(
            "repeats",
            "text",
            "run the workflows so often: more repetitions tell noise from a difference",
            value="=K",
            default=str(USUAL_RUNS),
            choices=tuple(map(str, range(1, MOST_RUNS + 1))),
            never_empty=True,
        ),
        *trust_options(),
        _sample(),
        _hw_name(EVERYDAY),
        *sender_options(EVERYDAY),
        *_steering(),
    )
    summary = "Verify a bundle, run the same workflows again, and compare the results."
    example = "cm replay challenge run-mlperf@home-v3.1-cpu --results=bundle.tar.gz"
    return _running("replay", summary, options, example, "NAME --results=BUNDLE")


def find_command() -> Command:
    """Return the table of `cm find challenge`."""
    tags = (Option("tags", "tags", "challenges that have all of these"),)
    command = _looking("find", "List challenges; ls and list are the same.", tags, "cm find challenge --tags=mlperf")
    return command.replaced(words="[NAME] [--tags=TAG,TAG]", named_and_tagged=True)


def show_command() -> Command:
    """Return the table of `cm show challenge`."""
    summary = "Show a challenge: dates, rules, workflows, and their needs."
    return _looking("show", summary, (), "cm show challenge run-mlperf@home-v3.1-cpu")


def _sample() -> Option:
    return Option("sample", "switch", "run on the embedded sample in minutes; not MLPerf results")


def _hw_name(group: str) -> Option:
    return Option("hw_name", "text", "the system's name in results", group, "=NAME", "from the CPU", never_empty=True)


def _steering() -> tuple[Option, ...]:
    return (
        Option("unlocked", "switch", "run with scripts that differ from the challenge's lock file", STEERING),
        Option("new", "switch", "run finished workflows again", STEERING),
        Option("skip_probe", "switch", "do not estimate the duration by short runs", STEERING),
        *network_options(),
    )


def _running(action: str, summary: str, options: tuple[Option, ...], example: str, words: str) -> Command:
    home = f"$CM_REPOS/{PRODUCT.name}"
    place = Option(
        "results_dir", "path", "the folder of the run", PLACES, "=DIR", f"{home}/challenges/NAME", never_empty=True
    )
    every = (*options, place, *place_options(PRODUCT), *progress_options(), *output_options())
    refused = {**_REFUSED, "tags": f"is not an option here: name the challenge, cm {action} challenge NAME"}
    return Command(
        action, "challenge", summary, every, example, word="name", words=words, open_to="the challenge", extra="own",
        refused=refused,
    )  # fmt: skip


def _looking(action: str, summary: str, options: tuple[Option, ...], example: str) -> Command:
    every = (*options, quiet_option(), *output_options())
    return Command(action, "challenge", summary, every, example, word="name", words="NAME")


_TABLES: dict[str, Callable[[], Command]] = {
    "run": run_command,
    "replay": replay_command,
    "find": find_command,
    "show": show_command,
}
