"""What a challenge wants of the machine, beside what is there: all that is missing at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlperf_home.challenges.definition.machine import Machine
    from mlperf_home.challenges.definition.manifest import Needs, Workflow

_GB = 10**9
_REQUIRED_SYSTEM = "linux"
CACHE_PLACE = "--home"
"""Where datasets, models and environments go: nearly all of the space."""
_RESULTS_GB = 2.0


@dataclass(frozen=True)
class Requirement:
    """One thing that is wanted: of which workflow, what, what is here, and what is missing ("" if nothing)."""

    workflow: str
    wanted: str
    here: str
    missing: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What there is.

    Attributes:
        machine: the machine.
        free_bytes: space at each place that fills, by what goes there; places on one disk are counted once.
        options: the challenge's options that were given.
        workflows: those that run now, or have ended well here.
    """

    machine: Machine
    free_bytes: Mapping[str, int]
    options: Mapping[str, object]
    workflows: frozenset[str] = frozenset()


def requirements(workflows: Sequence[Workflow], there: Surroundings, *, sample: bool) -> list[Requirement]:
    """Compare what each workflow wants with what is there, in order; disk space is wanted for the largest alone.

    Workflows of one challenge share datasets and environments, so their space is not added up.
    """
    found = list(_of_the_system(there.machine))
    for workflow in workflows:
        found += _of_one(workflow.name, workflow.mode(sample=sample).needs, there)
    return list(dict.fromkeys(found))


def _of_the_system(machine: Machine) -> Iterator[Requirement]:
    missing = "" if machine.system == _REQUIRED_SYSTEM else "run it on Linux, in a virtual machine for instance"
    yield Requirement("all", "Linux", machine.os_name or machine.system, missing)


def _of_one(name: str, needs: Needs, there: Surroundings) -> Iterator[Requirement]:
    if needs.cpus:
        yield _cpu(name, needs, there.machine)
    if needs.memory_gb:
        memory = there.machine.memory_bytes
        here = "not known" if memory is None else f"{memory / _GB:.1f} GB"
        short = memory is not None and memory < needs.memory_gb * _GB
        yield Requirement(name, f"{needs.memory_gb:g} GB of memory", here, "more memory" if short else "")
    if needs.disk_gb:
        yield from _disk(name, needs.disk_gb, there.free_bytes)
    for option in needs.options:
        given = there.options.get(option)
        missing = "" if given else f"give --{option}=..."
        yield Requirement(name, f"--{option}", str(given) if given else "not given", missing)
    if needs.after:
        left = [each for each in needs.after if each in there.workflows]
        missing = "" if left else f"add {needs.after[0]} to --only, or leave {name} out"
        yield Requirement(name, f"what {' or '.join(needs.after)} leaves", ", ".join(left) or "none of it", missing)


def _cpu(name: str, needs: Needs, machine: Machine) -> Requirement:
    wanted = " or ".join(" with ".join((each, *features)) for each, features in needs.cpus.items())
    here = f"{machine.architecture or 'not known'}, {machine.cpu_model or 'model not known'}"
    if machine.architecture is None or machine.architecture not in needs.cpus:
        return Requirement(name, wanted, here, f"a CPU of the kind {' or '.join(needs.cpus)}")
    lacking = [each for each in needs.cpus[machine.architecture] if each not in machine.cpu_features]
    return Requirement(name, wanted, here, f"a CPU with {', '.join(lacking)}" if lacking else "")


def _disk(name: str, wanted_gb: float, free: Mapping[str, int]) -> Iterator[Requirement]:
    for place, there in free.items():
        wanted = wanted_gb if place == CACHE_PLACE else min(wanted_gb, _RESULTS_GB)
        short = wanted - there / _GB
        missing = f"{short:.1f} GB more, or another place by {place}" if short > 0 else ""
        yield Requirement(name, f"{wanted:g} GB free for {place}", f"{there / _GB:.1f} GB", missing)
