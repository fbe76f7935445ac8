"""The requirements of a challenge's workflows, each beside the state of a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.contracts.challenges.run import Requirement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from mlperf_home.challenges.definition.manifest import Needs, Workflow
    from mlperf_home.contracts.challenges.machine import Machine

GB = 10**9
CACHE_PLACE = "--home"
"""The place of datasets, models, and environments: nearly all of the space."""
_RESULTS_GB = 2.0


@dataclass(frozen=True)
class Surroundings:
    """The surroundings of a run.

    Attributes:
        free_bytes: free space by the option that names the folder.
        options: the challenge's own options that are set.
        ready: the workflows that run now or are done.
    """

    machine: Machine
    free_bytes: Mapping[str, float]
    options: Mapping[str, str]
    ready: Collection[str]


def requirements_of(workflows: Sequence[Workflow], here: Surroundings, *, sample: bool) -> tuple[Requirement, ...]:
    """Return the requirements of workflows, in order.

    Workflows share datasets and environments, so disk space must suffice for the largest workflow only.
    """
    system = here.machine.system
    missing = "" if system == "linux" else "run on Linux, for instance in a virtual machine"
    rows = [Requirement("all", "Linux", here.machine.os_name or system, missing)]
    for workflow in workflows:
        needs = workflow.mode(sample=sample).needs
        rows += _of_machine(workflow.name, needs, here)
        rows += _of_command(workflow.name, needs, here)
    return tuple(dict.fromkeys(rows))


def _of_machine(name: str, needs: Needs, there: Surroundings) -> Iterator[Requirement]:
    machine = there.machine
    if needs.cpus:
        known = needs.cpus.get(machine.architecture or "")
        lacking = [each for each in known or () if each not in machine.cpu_features]
        missing = f"a CPU with {', '.join(lacking)}" if lacking else ""
        missing = f"a CPU with the architecture {' or '.join(needs.cpus)}" if known is None else missing
        here = f"{machine.architecture or 'unknown architecture'}, {machine.cpu_model or 'unknown model'}"
        yield Requirement(name, needs.cpu_words, here, missing)
    if needs.memory_gb:
        memory = machine.memory_bytes
        here = "unknown" if memory is None else f"{memory / GB:.1f} GB"
        short = memory is not None and memory < needs.memory_gb * GB
        yield Requirement(name, f"{needs.memory_gb:g} GB of memory", here, "more memory" if short else "")
    for option, size in there.free_bytes.items() if needs.disk_gb else ():
        needed_gb = needs.disk_gb if option == CACHE_PLACE else min(needs.disk_gb, _RESULTS_GB)
        lacking_gb = needed_gb - size / GB
        missing = f"{lacking_gb:.1f} GB more, or another folder by {option}" if lacking_gb > 0 else ""
        yield Requirement(name, f"{needed_gb:g} GB free for {option}", f"{size / GB:.1f} GB", missing)


def _of_command(name: str, needs: Needs, there: Surroundings) -> Iterator[Requirement]:
    for option in needs.options:
        value = there.options.get(option, "")
        yield Requirement(name, f"--{option}", value or "not set", "" if value else f"set --{option}=...")
    if needs.after:
        available = [each for each in needs.after if each in there.ready]
        missing = "" if available else f"add {needs.after[0]} to --only, or remove {name}"
        yield Requirement(name, f"results of {' or '.join(needs.after)}", ", ".join(available) or "none", missing)
