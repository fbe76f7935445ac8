"""A decoded `cm run challenge` or `cm replay challenge`, and all that such a run happens in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.command_table import FOR_SCRIPTS
from mlperf_home.challenges.definition.machine import neutral_name
from mlperf_home.challenges.definition.manifest import ChallengeError
from mlperf_home.product import PRODUCT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from mlperf_home.challenges.definition.manifest import Challenge, Workflow
    from mlperf_home.contracts.machine import Machine
    from scriptgraph.embed import Arguments

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class ChallengeOptions:
    """The options of a command that runs a challenge.

    Attributes:
        home: the folder of all that is kept.
        on: the switches that are on.
        own: the options that the challenge declares, by name.
        for_scripts: options that its scripts get as well, as cmind hands them over.
    """

    arguments: Arguments
    home: Path
    on: frozenset[str]
    own: Mapping[str, Any]
    for_scripts: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Return an option that is a text, or an empty text."""
        return self.arguments.text(name)

    def path(self, name: str) -> Path | None:
        """Return an option that is a path."""
        return self.arguments.path(name)


@dataclass(frozen=True)
class RunContext:
    """All that a run of a challenge happens in; `say` tells the user a line."""

    challenge: Challenge
    options: ChallengeOptions
    machine: Machine
    say: Callable[[str], None]
    today: date

    @property
    def sample(self) -> bool:
        """Whether it runs on the sample."""
        return "sample" in self.options.on

    @property
    def state(self) -> str:
        """Whether the challenge is open today."""
        return self.challenge.state(self.today)

    @property
    def hw_name(self) -> str:
        """The system's name in results."""
        return self.options.text("hw_name") or neutral_name(self.machine)

    def root(self, folder: str) -> Path:
        """Return the folder of the run: --results_dir, or one of the challenge's own in the home folder."""
        return self.options.path("results_dir") or self.options.home / "challenges" / self.challenge.name / folder


def read_options(arguments: Arguments, challenge: Challenge) -> ChallengeOptions:
    """Return the options of a decoded command for a challenge.

    Raises:
        RequestError: an option is neither the command's nor the challenge's.
        ChallengeError: the name of a system or a person cannot name a folder.
    """
    arguments.require_known(challenge.options)
    for name in ("submitter", "hw_name"):
        if not _WORD.fullmatch(text := arguments.text(name) or "unnamed"):
            raise ChallengeError(f"--{name}={text[:80]!r}", "names a folder", "use letters, digits and . _ + - only")
    values = {name: arguments.values[name] for name in FOR_SCRIPTS if name in arguments.values}
    return ChallengeOptions(
        arguments=arguments,
        home=arguments.path("home") or Path(PRODUCT.home).expanduser().absolute(),
        on=frozenset(name for name, value in arguments.values.items() if value is True),
        own={name: arguments.others[name] for name in challenge.options if name in arguments.others},
        for_scripts={
            **{name: str(value) if isinstance(value, Path) else value for name, value in values.items()},
            "out": "json" if arguments.as_json else "con",
        },
    )


def chosen_workflows(challenge: Challenge, only: tuple[str, ...]) -> tuple[Workflow, ...]:
    """Return the workflows that --only names; all where it is empty. Raise ChallengeError if one is unknown."""
    wanted = [word for each in only for word in each.split()]
    names = [workflow.name for workflow in challenge.workflows]
    if unknown := [word for word in wanted if word not in names]:
        raise ChallengeError(
            f"--only={','.join(wanted)}", f"there is no workflow {unknown[0]!r}", f"there are: {', '.join(names)}"
        )
    return tuple(each for each in challenge.workflows if not wanted or each.name in wanted)
