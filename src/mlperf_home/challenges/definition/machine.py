"""The machine that a challenge runs on, as far as it tells, and in what two machines differ."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.machine import Machine
from mlperf_home.machine.cpu.cpu import read_cpu
from mlperf_home.machine.cpu.cpuinfo import LSCPU
from mlperf_home.machine.facts import COMPILERS, read_machine
from mlperf_home.machine.operating_system import read_os
from mlperf_home.submission.system.description import Description, describe_system
from scriptgraph.embed import capture
from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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
    """Describe this system as a submission does. Raise SystemDescriptionError if the submitter's name is refused."""
    compiler = next((text for text in map(_said, COMPILERS) if text), None)
    facts = read_machine(lscpu=_said(LSCPU), compiler=compiler)
    return describe_system(facts, Description(submitter=submitter, hw_name=hw_name)).values


def neutral_name(machine: Machine) -> str:
    """Name a system after its processor: the host's own name may say whose it is."""
    model = "".join(letter if letter.isalnum() else "_" for letter in machine.cpu_model or "")
    words = "_".join(word for word in model.split("_") if word and word.lower() not in {"r", "tm", "cpu"})
    return f"{words[:60] or 'cpu'}_{machine.usable_cpus}_cpus"


def free_places(folders: Mapping[str, Path]) -> dict[str, int]:
    """Return the free space where each folder is, or will be; of several on one file system the first alone."""
    found: dict[int, tuple[str, int]] = {}
    for name, folder in folders.items():
        existing = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
        found.setdefault(existing.stat().st_dev, (name, shutil.disk_usage(existing).free))
    return dict(found.values())


def machine_differences(then: Machine, now: Machine) -> list[str]:
    """Return in what two machines differ, a sentence each."""
    found = []
    for fact in sorted(Machine.__struct_fields__):
        old, new = getattr(then, fact), getattr(now, fact)
        if fact == "cpu_features":
            found += [f"cpu_features: only then: {name}" for name in sorted(set(old) - set(new))]
            found += [f"cpu_features: only now: {name}" for name in sorted(set(new) - set(old))]
        elif old != new:
            words = ("not known" if each is None else each for each in (old, new))
            found.append("{}: {} then, {} now".format(fact, *words))
    return found


def _said(argv: Sequence[str]) -> str | None:
    try:
        return capture(argv, env={**os.environ, "LC_ALL": "C"}, cwd=Path("/"))
    except ScriptGraphError:
        return None
