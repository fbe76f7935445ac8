"""The machine that a challenge runs on, and the differences of two machines."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.challenges.machine import Machine
from mlperf_home.contracts.container import ContainerFacts
from mlperf_home.machine.container import read_container
from mlperf_home.machine.cpu.cpu import read_cpu
from mlperf_home.machine.cpu.cpuinfo import LSCPU
from mlperf_home.machine.facts import COMPILERS, read_machine
from mlperf_home.machine.operating_system import read_os
from mlperf_home.submission.system.description import UserFacts, describe_system
from scriptgraph.embed import capture
from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def this_machine() -> Machine:
    """Read the facts of this machine."""
    cpu, system = read_cpu(_output(LSCPU)), read_os()
    memory = [size for size in (cpu.memory_total_bytes, cpu.memory_limit_bytes) if size]
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
        container=read_container(),
    )


def system_description(submitter: str, hw_name: str) -> dict[str, str]:
    """Return this system's description for a submission. Raise SystemDescriptionError for an invalid submitter."""
    compiler = next((text for text in map(_output, COMPILERS) if text), None)
    facts = read_machine(lscpu=_output(LSCPU), compiler=compiler)
    return describe_system(facts, UserFacts(submitter=submitter, hw_name=hw_name)).values


def neutral_name(machine: Machine) -> str:
    """Return a system name from the processor: the machine's own name may identify its owner."""
    model = "".join(letter if letter.isalnum() else "_" for letter in machine.cpu_model or "")
    words = "_".join(word for word in model.split("_") if word and word.lower() not in {"r", "tm", "cpu"})
    return f"{words[:60] or 'cpu'}_{machine.usable_cpus}_cpus"


def free_bytes(folders: Mapping[str, Path]) -> dict[str, int]:
    """Return the free bytes for each folder, existing or not; only the first folder of each file system counts."""
    free: dict[int, tuple[str, int]] = {}
    for name, folder in folders.items():
        existing = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
        free.setdefault(existing.stat().st_dev, (name, shutil.disk_usage(existing).free))
    return dict(free.values())


def machine_differences(then: Machine, now: Machine) -> list[str]:
    """Return the differences of two machines, one sentence each."""
    differences = []
    for fact in sorted(Machine.__struct_fields__):
        old, new = getattr(then, fact), getattr(now, fact)
        if fact == "cpu_features":
            differences += [f"cpu_features: only then: {name}" for name in sorted(set(old) - set(new))]
            differences += [f"cpu_features: only now: {name}" for name in sorted(set(new) - set(old))]
        elif old != new:
            texts = [_fact_in_words(fact, value) for value in (old, new)]
            differences.append("{}: {} then, {} now".format(fact, *texts))
    return differences


def _fact_in_words(fact: str, value: object) -> object:
    if isinstance(value, ContainerFacts):
        return value.in_words()
    if value is None:
        return "none" if fact == "container" else "unknown"
    return value


def _output(argv: Sequence[str]) -> str | None:
    try:
        return capture(argv, env={**os.environ, "LC_ALL": "C"}, cwd=Path("/"))
    except ScriptGraphError:
        return None
