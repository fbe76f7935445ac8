"""The hardware's part of a system's description: processors, memory, storage, network."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.machine.devices.firmware import describe_modules
from mlperf_home.submission.system.amounts import binary_size, decimal_size

if TYPE_CHECKING:
    from mlperf_home.machine.facts import HostFacts


class Found(NamedTuple):
    """A value, "" where it is not known, and what is to be said of it."""

    value: str
    reason: str = ""


def hardware(facts: HostFacts) -> dict[str, Found]:
    """Describe a machine's hardware by the keys of systems/<sut>.json."""
    return {
        **_processors(facts),
        **_frequency_and_caches(facts),
        **_memory(facts),
        **_storage(facts),
        **_network(facts),
    }


def _processors(facts: HostFacts) -> dict[str, Found]:
    cpu = facts.cpu
    name = Found(cpu.model_name or "")
    if cpu.model_name is None and facts.core_numbers:
        name = Found(facts.core_numbers, "no name is known for these numbers, so they stand for it")
    elif cpu.model_name is None:
        name = Found("", f"not known: {cpu.missing['model_name']}")
    sockets, cores = Found(str(cpu.sockets or "")), Found(str(cpu.cores_per_socket or ""))
    no_topology = "not known: the kernel does not tell the topology"
    if not cpu.sockets and facts.cores:
        counted = "the firmware numbers no packages, so the machine is counted as one"
        sockets, cores = Found("1", counted), Found(str(facts.cores), counted)
    elif not cpu.sockets:
        sockets = Found("", f"not known: {cpu.missing['sockets']}")
    return {
        "host_processor_model_name": name,
        "host_processors_per_node": sockets,
        "host_processor_core_count": cores if cores.value else Found("", no_topology),
    }


def _frequency_and_caches(facts: HostFacts) -> dict[str, Found]:
    cpu = facts.cpu
    fastest = cpu.frequency_max_mhz
    caches = ", ".join(
        f"{name} cache: {binary_size(total)}" + (f" ({count} instances)" if count > 1 else "")
        for name, total, count in facts.cache_totals
    )
    why_not = cpu.missing.get("caches", "lscpu does not say whether its sizes are of one cache or of all")
    links = "not known: no file tells how the sockets are joined" if (cpu.sockets or 0) > 1 else ""
    return {
        "host_processor_frequency": Found(f"{fastest:.0f} MHz")
        if fastest
        else Found("", f"not known: {cpu.missing.get('frequency_max_mhz', 'the kernel tells 0')}"),
        "host_processor_caches": Found(caches, "" if caches else f"not known: {why_not}"),
        "host_processor_interconnect": Found("", links),
    }


def _memory(facts: HostFacts) -> dict[str, Found]:
    total = facts.cpu.memory_total_bytes
    capacity = Found(binary_size(total)) if total else Found("", "not known: /proc/meminfo does not tell")
    if facts.memory_modules:
        configuration = Found(describe_modules(facts.memory_modules))
    elif facts.memory_modules is None:
        configuration = Found("undefined", "not known: only dmidecode tells, which is not there or needs root")
    else:
        configuration = Found("undefined", "not known: dmidecode names no memory module (usual in virtual machines)")
    return {"host_memory_capacity": capacity, "host_memory_configuration": configuration}


def _storage(facts: HostFacts) -> dict[str, Found]:
    storage = facts.storage
    kinds = Counter(disk.kind for disk in storage.disks)
    kind = ", ".join(f"{count} x {name}" if count > 1 else name for name, count in kinds.items())
    in_disks = sum(disk.size_bytes for disk in storage.disks)
    if storage.file_systems_bytes:
        capacity = Found(decimal_size(storage.file_systems_bytes))
    elif in_disks:
        reason = f"this is the disks' capacity, since {storage.missing['file_systems_bytes']}"
        capacity = Found(f"{decimal_size(in_disks)} in disks", reason)
    else:
        capacity = Found("", f"not known: {storage.missing['file_systems_bytes']}")
    return {
        "host_storage_capacity": capacity,
        "host_storage_type": Found(kind, "" if kind else f"not known: {storage.missing['disks']}"),
    }


def _network(facts: HostFacts) -> dict[str, Found]:
    network = facts.network
    if not network.ports:
        absent = Found("", f"not known: {network.missing['ports']}")
        networking = count = absent
    else:
        silent = "; ".join(f"{name}: {reason}" for name, reason in network.missing.items())
        networking, count = Found(network.describe(), silent), Found(str(network.cards))
    return {
        "host_networking": networking,
        "host_network_card_count": count,
        "host_networking_topology": Found("N/A"),
    }
