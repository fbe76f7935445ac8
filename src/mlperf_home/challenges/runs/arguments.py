"""What was typed after `cm run challenge`: decoded, with every option known or refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.definition.machine import neutral_name
from mlperf_home.challenges.definition.manifest import ChallengeError
from mlperf_home.experiments.arguments import Options, check_known, is_on, refuse_strays, text_of
from mlperf_home.product import PRODUCT
from scriptgraph.embed import read_front, wants_json
from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Challenge, Workflow
    from mlperf_home.contracts.machine import Machine
    from scriptgraph.embed import FrontOptions

_NAMED = ("artifact", "tags")
_FRONT = ("quiet", "v", "verbose", "offline", "mirrors", "home", "cache_dir")
_SWITCHES = ("sample", "official", "unlocked", "new", "check", "skip_probe", "lock", "plan")
_TEXTS = ("only", "submitter", "hw_name", "results_dir", "sign_key", "results", "allowed_signers")
_OF_REPLAY = ("results", "allowed_signers")
_NOT_OF_REPLAY = ("lock", "official", "only", "sign_key", "submitter", "plan", "check")
_OVERRIDES = {"adr", "add_deps_recursive", "add_deps", "ad"}
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class Asking(Options):
    """A command about a challenge: the options that every command has, as typed, and the challenge's own."""

    front: Mapping[str, Any]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Setting:
    """All that a run of a challenge happens in; `say` tells the user a line."""

    challenge: Challenge
    asking: Asking
    machine: Machine
    say: Callable[[str], None]
    today: date

    @property
    def sample(self) -> bool:
        """Whether it runs on the sample."""
        return "sample" in self.asking.on

    @property
    def state(self) -> str:
        """Whether the challenge is open today."""
        return self.challenge.state(self.today)

    @property
    def hw_name(self) -> str:
        """The system's name in results."""
        return self.asking.texts.get("hw_name") or neutral_name(self.machine)

    def root(self, folder: str) -> Path:
        """Return the folder of the run: --results_dir, or one of the challenge's own in the home folder."""
        return self.asking.path("results_dir") or self.asking.home / "challenges" / self.challenge.name / folder


def name_of(command: Mapping[str, Any]) -> str:
    """Return the challenge that a command names, or "". Raise RequestError if it names several things."""
    refuse_strays(command, "artifacts", "unparsed_cmd")
    return str(command.get("artifact") or "")


def refuse_options(command: Mapping[str, Any]) -> None:
    """Raise RequestError if a command that only looks has options, except those for how much is told."""
    request, _ = read_front({key: value for key, value in command.items() if key not in _NAMED}, PRODUCT, "challenge")
    given = {key.replace("-", "_") for key in command}
    if unknown := [f"--{name}" for name in request.inputs if name in given]:
        raise RequestError(f"{', '.join(unknown)}: not known here")


def read_asking(command: Mapping[str, Any], challenge: Challenge, *, replay: bool = False) -> Asking:
    """Decode a command.

    Raises:
        RequestError: an option is unknown, not of this action, or has a wrong form.
        ChallengeError: a name of a system or person cannot name a folder.
    """
    given = {key.replace("-", "_"): value for key, value in command.items() if key not in {*_NAMED, "plan"}}
    if command.get("tags"):
        raise RequestError(f"--tags={command['tags']}: a challenge is named: cm run challenge {challenge.name}")
    request, options = read_front(given, PRODUCT, challenge.name)
    _refuse_options_of_scripts(options, given)
    # What CM_SCRIPT_EXTRA_CMD adds is for the scripts that the challenge runs.
    inputs = {name: value for name, value in request.inputs.items() if name in given}
    if "plan" in command:
        inputs["plan"] = command["plan"]
    inputs["new"] = options.anew == "all"  # the front reads it: it is an option of scripts too
    known = {*_SWITCHES, *_TEXTS}.difference(_NOT_OF_REPLAY if replay else _OF_REPLAY)
    check_known(inputs, sorted({*known, *challenge.options}))
    front = {key: given[key] for key in _FRONT if key in given}
    texts = {name: text_of(name, inputs[name]) for name in _TEXTS if name in inputs}
    for name in ("submitter", "hw_name"):
        if not _WORD.fullmatch(text := texts.get(name, "unnamed")):
            raise ChallengeError(f"--{name}={text[:80]!r}", "names a folder", "use letters, digits and . _ + - only")
    return Asking(
        home=options.home,
        front={**front, "out": "json" if wants_json(command) else "con"},
        on=frozenset(name for name in _SWITCHES if is_on(name, inputs.get(name, False))),
        texts=texts,
        options={name: inputs[name] for name in challenge.options if name in inputs},
    )


def _refuse_options_of_scripts(options: FrontOptions, given: Mapping[str, Any]) -> None:
    refused = {
        "prefetch": options.prefetch,
        "explain": bool(options.explain),
        "renew": options.anew == "requested",
        "env": "env" in given,
        "adr": bool(_OVERRIDES & given.keys()),
    }
    if wrong := [name for name, is_given in refused.items() if is_given]:
        raise RequestError(f"--{wrong[0]} is for cm run script: a challenge runs its workflows as they are")


def chosen_workflows(challenge: Challenge, only: str) -> tuple[Workflow, ...]:
    """Return the workflows that --only names; all where it is empty. Raise ChallengeError if one is unknown."""
    wanted = [word for word in only.replace(",", " ").split() if word]
    names = [workflow.name for workflow in challenge.workflows]
    if unknown := [word for word in wanted if word not in names]:
        raise ChallengeError(f"--only={only}", f"there is no workflow {unknown[0]!r}", f"there are: {', '.join(names)}")
    return tuple(each for each in challenge.workflows if not wanted or each.name in wanted)
