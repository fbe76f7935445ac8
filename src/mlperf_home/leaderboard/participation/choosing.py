"""Choose what this machine can settle: only workflows of challenges that are installed here with their lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.challenges.definition.lock import LOCK_NAME
from mlperf_home.challenges.definition.requirements import Surroundings, requirements_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from mlperf_home.challenges.definition.manifest import Challenge, Workflow
    from mlperf_home.contracts.challenges.machine import Machine
    from mlperf_home.contracts.leaderboard.wanted_list import WantedClass, WantedList, WantedRun


@dataclass(frozen=True)
class ChosenRun:
    """A wanted run that this machine can make; challenge and workflow are those that are installed here."""

    wanted: WantedRun
    challenge: Challenge
    workflow: Workflow

    @property
    def name(self) -> str:
        """The challenge and the workflow, as one name."""
        return f"{self.challenge.name}/{self.workflow.name}"


@dataclass(frozen=True)
class Volunteer:
    """A machine that takes part.

    Attributes:
        challenges: the installed challenges.
        options: the challenges' own options that it has, by name.
        key: fingerprint of the key that signs its bundles; "" without one.
        done: the names of the runs that it has made before.
        begun: the names of those that it has begun; how much of them is left is unknown.
        free_bytes: free space by the option that names the folder.
    """

    machine: Machine
    challenges: tuple[Challenge, ...]
    options: Mapping[str, str]
    key: str
    done: Collection[str]
    begun: Collection[str]
    free_bytes: Mapping[str, float]


def choose(wanted: WantedList, here: Volunteer, hours: float | None) -> tuple[list[ChosenRun], dict[str, int]]:
    """Return the runs that this machine can make, the greatest gain an hour first, and the reasons against the others.

    Args:
        wanted: a list from outside.
        here: this machine.
        hours: the hours that are left; None for no end. A run of unknown length comes after the others.

    Returns:
        The runs, and the numbers of the others by the reason.
    """
    chosen: dict[str, ChosenRun] = {}
    against: dict[str, int] = {}
    for run in wanted.runs:
        found = _chosen(run, here, hours, sample=wanted.sample)
        if isinstance(found, str):
            against[found] = against.get(found, 0) + 1
        else:
            chosen.setdefault(found.name, found)
    return sorted(chosen.values(), key=_order), against


def _order(each: ChosenRun) -> tuple[bool, float, int, str]:
    run = each.wanted
    rate = run.gain if run.hours is None else run.gain / max(run.hours, 0.01)
    return (run.hours is None, -rate, -run.credit, each.name)


def _chosen(run: WantedRun, here: Volunteer, hours: float | None, *, sample: bool) -> ChosenRun | str:
    """Return the run, or why this machine cannot make it."""
    found = _installed(run, here.challenges)
    if isinstance(found, str):
        return found
    too_long = run.hours is not None and hours is not None and run.hours > hours and found.name not in here.begun
    reasons = {
        "for other machines": not is_of_class(here.machine, run.of),
        "done here before": found.name in here.done,
        "that need another contributor than you": bool(here.key) and set(run.keys) == {here.key},
        "too long for the time that is left": too_long,
    }
    if reason := next((words for words, holds in reasons.items() if holds), ""):
        return reason
    options = {name: value for name, value in here.options.items() if name in found.challenge.options}
    around = Surroundings(here.machine, here.free_bytes, options, {found.workflow.name})
    missing = [each for each in requirements_of([found.workflow], around, sample=sample) if each.missing]
    return f"that need more here ({missing[0].wanted})" if missing else found


def _installed(run: WantedRun, challenges: Sequence[Challenge]) -> ChosenRun | str:
    """Return a run of an installed challenge with its lock; the names of a list only select one."""
    challenge = next((each for each in challenges if each.name == run.challenge), None)
    if challenge is None:
        return "of challenges that are not installed here"
    if not (challenge.folder / LOCK_NAME).is_file():
        return "of challenges without a lock here"
    workflow = next((each for each in challenge.workflows if each.name == run.workflow), None)
    if workflow is None:
        return "of workflows that the installed challenge does not have"
    return ChosenRun(run, challenge, workflow)


def is_of_class(machine: Machine, of: WantedClass) -> bool:
    """Whether a machine's results can be compared with those of a class; governor and version show in its results."""
    return (
        machine.cpu_model == of.cpu
        and of.cores in {None, machine.usable_cpus}
        and of.architecture in {"", machine.architecture}
        and of.confined == machine.confined
    )


def settled(runs: Iterable[WantedRun]) -> list[str]:
    """Return what runs settle, in words."""
    lines = []
    for run in runs:
        lines += [f"{place.model} ({place.benchmark}, {place.scenario}): {place.because}" for place in run.places]
        if run.results:
            lines.append(f"{run.results} results of {run.workflow} get a second measurement")
    return lines
