"""The options and the context of `cm run challenge` and `cm replay challenge`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.command_table import FOR_SCRIPTS
from mlperf_home.challenges.definition.machine import neutral_name
from mlperf_home.challenges.definition.manifest import ChallengeError
from mlperf_home.product import PRODUCT
from scriptgraph.embed import home_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from mlperf_home.challenges.bundles.sender import Signer
    from mlperf_home.challenges.definition.manifest import Challenge, Workflow
    from mlperf_home.contracts.challenges.machine import Machine
    from scriptgraph.embed import Arguments

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class ChallengeOptions:
    """The options of a command that runs a challenge.

    Attributes:
        home: the home folder.
        on: the names of the switches that are on.
        own: the challenge's own options, by name.
        for_scripts: the options that are passed on to its scripts, in cmind's form.
        signer: who signs the bundle; None: nobody does.
    """

    arguments: Arguments
    home: Path
    on: frozenset[str]
    own: Mapping[str, Any]
    for_scripts: Mapping[str, Any]
    signer: Signer | None = None

    def text(self, name: str) -> str:
        """Return the value of a text option, or an empty text."""
        return self.arguments.text(name)

    def path(self, name: str) -> Path | None:
        """Return the value of a path option, or None."""
        return self.arguments.path(name)


@dataclass(frozen=True)
class RunContext:
    """The context of a run of a challenge.

    Attributes:
        say: shows the user a line.
        repeats: SHA-256 of the manifest of the bundle that the run replays; "" if it replays none.
    """

    challenge: Challenge
    options: ChallengeOptions
    machine: Machine
    say: Callable[[str], None]
    today: date
    repeats: str = ""

    @property
    def sample(self) -> bool:
        """Whether the run uses the sample."""
        return "sample" in self.options.on

    @property
    def state(self) -> str:
        """The state of the challenge today, such as "open"."""
        return self.challenge.state(self.today)

    @property
    def hw_name(self) -> str:
        """The system's name in results."""
        return self.options.text("hw_name") or neutral_name(self.machine)

    def root(self, folder: str) -> Path:
        """Return the folder of the run: --results_dir, or the challenge's folder in the home folder."""
        return self.options.path("results_dir") or self.options.home / "challenges" / self.challenge.name / folder


def read_options(arguments: Arguments, challenge: Challenge) -> ChallengeOptions:
    """Return the options of a decoded command for a challenge.

    Raises:
        RequestError: an option is neither the command's nor the challenge's.
        ChallengeError: the name of a system or a submitter cannot name a folder.
    """
    arguments.require_known(challenge.options)
    home = home_folders(arguments, PRODUCT)[0]
    for name in ("submitter", "hw_name"):
        if not _WORD.fullmatch(text := arguments.text(name) or "unnamed"):
            raise ChallengeError(f"--{name}={text[:80]!r}", "cannot name a folder", "use letters, digits and . _ + -")
    values = {name: arguments.values[name] for name in FOR_SCRIPTS if name in arguments.values}
    return ChallengeOptions(
        arguments=arguments,
        home=home,
        on=frozenset(name for name, value in arguments.values.items() if value is True),
        own={name: arguments.others[name] for name in challenge.options if name in arguments.others},
        for_scripts={
            **{name: str(value) if isinstance(value, Path) else value for name, value in values.items()},
            "out": "json" if arguments.as_json else "con",
        },
    )


def chosen_workflows(challenge: Challenge, only: tuple[str, ...]) -> tuple[Workflow, ...]:
    """Return the workflows that --only names; all if it is empty. Raise ChallengeError if one is unknown."""
    chosen = [word for each in only for word in each.split()]
    names = [workflow.name for workflow in challenge.workflows]
    if unknown := [word for word in chosen if word not in names]:
        raise ChallengeError(
            f"--only={','.join(chosen)}", f"there is no workflow {unknown[0]!r}", f"use one of {', '.join(names)}"
        )
    return tuple(each for each in challenge.workflows if not chosen or each.name in chosen)
