"""Detect the CPU, and the part of it that is available here."""

import json
import os
from dataclasses import asdict

from mlperf_home.machine.cpu.cpu import Cpu, read_cpu
from mlperf_home.machine.cpu.cpuinfo import LSCPU
from scriptgraph.api import Context, Done, Outcome, ScriptGraphError, capture


def preprocess(context: Context) -> Outcome:
    """Read lscpu if it exists, else /proc and /sys; unknown values stay unset."""
    cpu = read_cpu(_lscpu())
    facts = context.output / "cpu.json"
    facts.write_text(json.dumps(asdict(cpu), indent=1) + "\n", encoding="utf-8")
    for name, reason in cpu.missing.items():
        context.note(f"{name} is unknown: {reason}")
    context.say(_words(cpu))
    for disagreement in cpu.disagreements:
        context.warn(disagreement)
    return Done(
        exports={
            "CM_HOST_CPU_FACTS_PATH": facts,
            "CM_HOST_CPU_MODEL_NAME": cpu.model_name,
            "CM_HOST_CPU_VENDOR_ID": cpu.vendor,
            "CM_HOST_CPU_ARCHITECTURE": cpu.architecture,
            "CM_HOST_CPU_SOCKETS": cpu.sockets,
            "CM_HOST_CPU_TOTAL_CORES": cpu.cores,
            "CM_HOST_CPU_PHYSICAL_CORES_PER_SOCKET": cpu.cores_per_socket,
            "CM_HOST_CPU_THREADS_PER_CORE": cpu.threads_per_core,
            "CM_HOST_CPU_TOTAL_LOGICAL_CORES": cpu.logical_cpus,
            "CM_HOST_CPU_NUMA_NODES": cpu.numa_nodes,
            "CM_HOST_CPU_MAX_MHZ": cpu.frequency_max_mhz,
            "CM_HOST_CPU_FEATURES": " ".join(cpu.features),
            "CM_HOST_CPU_USABLE": len(cpu.affinity_cpus),
            "CM_HOST_CPU_HYPERVISOR": cpu.hypervisor,
            "CM_HOST_MEMORY_BYTES": cpu.memory_total_bytes,
        }
    )


def _words(cpu: Cpu) -> str:
    cores = "unknown cores" if cpu.cores is None else "1 core" if cpu.cores == 1 else f"{cpu.cores} cores"
    memory = f", {cpu.memory_total_bytes / 2**30:.1f} GiB of memory" if cpu.memory_total_bytes else ""
    return f"{cpu.model_name or 'a CPU without a name'}: {cores}, {len(cpu.affinity_cpus)} CPUs to use{memory}"


def _lscpu() -> str | None:
    try:
        return capture(LSCPU, env={**os.environ, "LC_ALL": "C"})
    except ScriptGraphError:
        return None
