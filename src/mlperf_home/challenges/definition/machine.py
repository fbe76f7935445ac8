"""The machine that a challenge runs on, as far as it tells: what is missing, and what differs between two."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.machine.cpu.cpu import read_cpu
from mlperf_home.machine.cpu.lscpu import LSCPU
from mlperf_home.machine.facts import COMPILERS, read_host
from mlperf_home.machine.operating_system import read_os
from mlperf_home.submission.system.description import Description, describe_system
from scriptgraph.embed import capture
from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlperf_home.challenges.definition.manifest import Needs, Workflow

CACHE_PLACE = "--home"
"""Where datasets, models and environments go: nearly all of the space."""
_UNNAMED = "cpu"
_GB = 10**9
_RESULTS_GB = 2.0


@dataclass(frozen=True)
class Machine:
    """What decides whether and how a challenge runs; None where the machine does not tell.

    Attributes:
        system: "linux".
        memory_bytes: what a process may use.
    """

    system: str
    os_name: str | None
    kernel: str
    libc: str | None
    architecture: str | None
    cpu_model: str | None
    cpu_features: tuple[str, ...]
    sockets: int | None
    cores_per_socket: int | None
    usable_cpus: int
    hypervisor: str | None
    memory_bytes: int | None
    python: str

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "cpu_features": list(self.cpu_features)}


def this_machine() -> Machine:
    """Read this machine."""
    cpu, system = read_cpu(_said(LSCPU)), read_os()
    memory = [each for each in (cpu.memory_total_bytes, cpu.memory_limit_bytes) if each]
    return Machine(
        system=sys.platform,
        os_name=system.name,
        kernel=system.kernel,
        libc=system.libc,
        architecture=cpu.architecture,
        cpu_model=cpu.model_name,
        cpu_features=tuple(sorted(cpu.features)),
        sockets=cpu.sockets,
        cores_per_socket=cpu.cores_per_socket,
        usable_cpus=len(cpu.affinity_cpus),
        hypervisor=cpu.hypervisor,
        memory_bytes=min(memory) if memory else None,
        python=".".join(map(str, sys.version_info[:3])),
    )


def described(submitter: str, hw_name: str) -> dict[str, str]:
    """Return the description of this system as a submission has it.

    Raises:
        SystemDescriptionError: the submitter's name cannot stand there.
    """
    compiler = next((text for text in map(_said, COMPILERS) if text), None)
    facts = read_host(lscpu=_said(LSCPU), compiler=compiler)
    return describe_system(facts, Description(submitter=submitter, hw_name=hw_name)).values


def neutral_name(machine: Machine) -> str:
    """Name a system after its processor: the host's own name may say whose it is."""
    model = "".join(letter if letter.isalnum() else "_" for letter in machine.cpu_model or _UNNAMED)
    words = "_".join(word for word in model.split("_") if word and word.lower() not in {"r", "tm", "cpu"})
    return f"{words[:60] or _UNNAMED}_{machine.usable_cpus}_cpus"


def free_places(folders: Mapping[str, Path]) -> dict[str, int]:
    """Return the free space where each folder is, or will be; of several on one file system the first alone."""
    found: dict[int, tuple[str, int]] = {}
    for name, folder in folders.items():
        existing = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
        found.setdefault(existing.stat().st_dev, (name, shutil.disk_usage(existing).free))
    return dict(found.values())


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
    there_is = there.machine.os_name or there.machine.system
    missing = "" if there.machine.system == "linux" else "run it on Linux, in a virtual machine for instance"
    found = [Requirement("all", "Linux", there_is, missing)]
    for workflow in workflows:
        found += _of_one(workflow.name, workflow.mode(sample=sample).needs, there)
    return list(dict.fromkeys(found))


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
        given = str(there.options.get(option) or "")
        yield Requirement(name, f"--{option}", given or "not given", "" if given else f"give --{option}=...")
    if needs.after:
        left = [each for each in needs.after if each in there.workflows]
        missing = "" if left else f"add {needs.after[0]} to --only, or leave {name} out"
        yield Requirement(name, f"what {' or '.join(needs.after)} leaves", ", ".join(left) or "none of it", missing)


def _cpu(name: str, needs: Needs, machine: Machine) -> Requirement:
    here = f"{machine.architecture or 'not known'}, {machine.cpu_model or 'model not known'}"
    if machine.architecture is None or machine.architecture not in needs.cpus:
        return Requirement(name, needs.cpu_words, here, f"a CPU of the kind {' or '.join(needs.cpus)}")
    lacking = [each for each in needs.cpus[machine.architecture] if each not in machine.cpu_features]
    return Requirement(name, needs.cpu_words, here, f"a CPU with {', '.join(lacking)}" if lacking else "")


def _disk(name: str, wanted_gb: float, free: Mapping[str, int]) -> Iterator[Requirement]:
    for place, there in free.items():
        wanted = wanted_gb if place == CACHE_PLACE else min(wanted_gb, _RESULTS_GB)
        short = wanted - there / _GB
        missing = f"{short:.1f} GB more, or another place by {place}" if short > 0 else ""
        yield Requirement(name, f"{wanted:g} GB free for {place}", f"{there / _GB:.1f} GB", missing)


def machine_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return in what two machines differ, a sentence each."""
    found = []
    for key in sorted(then.keys() | now.keys()):
        old, new = then.get(key), now.get(key)
        if key == "cpu_features":
            before, after = set(old or ()), set(new or ())
            found += [f"cpu_features: only then: {name}" for name in sorted(before - after)]
            found += [f"cpu_features: only now: {name}" for name in sorted(after - before)]
        elif old != new:
            then_now = ["not known" if each is None else each for each in (old, new)]
            found.append("{}: {} then, {} now".format(key, *then_now))
    return found


def _said(argv: Sequence[str]) -> str | None:
    try:
        return capture(argv, env={**os.environ, "LC_ALL": "C"}, cwd=Path("/"))
    except ScriptGraphError:
        return None
