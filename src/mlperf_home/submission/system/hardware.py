"""The hardware's part of a system's description: processors, memory, storage, network."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.machine.firmware import describe_modules

if TYPE_CHECKING:
    from mlperf_home.machine.facts import HostFacts

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
_NO_TOPOLOGY = "the kernel does not tell the topology"
_COUNTED_AS_ONE = "the firmware numbers no packages, so the machine is counted as one"


class Found(NamedTuple):
    """A value, "" where it is not known, and what is to be said of it."""

    value: str
    reason: str = ""


def not_known(reason: str, value: str = "") -> Found:
    """Return the absence of a value, or the word that stands for it."""
    return Found(value, f"not known: {reason}")


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
    if cpu.model_name is not None:
        name = Found(cpu.model_name)
    elif facts.core_numbers:
        name = Found(facts.core_numbers, "no name is known for these numbers, so they stand for it")
    else:
        name = not_known(cpu.missing["model_name"])
    cores = Found(str(cpu.cores_per_socket)) if cpu.cores_per_socket else not_known(_NO_TOPOLOGY)
    if cpu.sockets:
        sockets = Found(str(cpu.sockets))
    elif facts.cores:
        sockets, cores = Found("1", _COUNTED_AS_ONE), Found(str(facts.cores), _COUNTED_AS_ONE)
    else:
        sockets = not_known(cpu.missing["sockets"])
    return {
        "host_processor_model_name": name,
        "host_processors_per_node": sockets,
        "host_processor_core_count": cores,
    }


def _frequency_and_caches(facts: HostFacts) -> dict[str, Found]:
    cpu = facts.cpu
    fastest = cpu.frequency_max_mhz
    caches = ", ".join(
        f"{name} cache: {binary_size(total)}" + (f" ({count} instances)" if count > 1 else "")
        for name, total, count in facts.cache_totals
    )
    why_not = cpu.missing.get("caches", "lscpu does not say whether its sizes are of one cache or of all")
    silent = cpu.missing.get("frequency_max_mhz", "the kernel tells 0")
    several = (cpu.sockets or 0) > 1
    return {
        "host_processor_frequency": Found(f"{fastest:.0f} MHz") if fastest else not_known(silent),
        "host_processor_caches": Found(caches) if caches else not_known(why_not),
        "host_processor_interconnect": not_known("no file tells how the sockets are joined") if several else Found(""),
    }


def _memory(facts: HostFacts) -> dict[str, Found]:
    total = facts.cpu.memory_total_bytes
    capacity = Found(binary_size(total)) if total else not_known("/proc/meminfo does not tell")
    if facts.memory_modules:
        configuration = Found(describe_modules(facts.memory_modules))
    elif facts.memory_modules is None:
        configuration = not_known("only dmidecode tells, which is not there or needs root", "undefined")
    else:
        configuration = not_known("dmidecode names no memory module (usual in virtual machines)", "undefined")
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
        capacity = not_known(storage.missing["file_systems_bytes"])
    return {
        "host_storage_capacity": capacity,
        "host_storage_type": Found(kind) if kind else not_known(storage.missing["disks"]),
    }


def _network(facts: HostFacts) -> dict[str, Found]:
    network = facts.network
    if not network.ports:
        networking = count = not_known(network.missing["ports"])
    else:
        silent = "; ".join(f"{name}: {reason}" for name, reason in network.missing.items())
        networking, count = Found(network.describe(), silent), Found(str(network.cards))
    return {
        "host_networking": networking,
        "host_network_card_count": count,
        "host_networking_topology": Found("N/A"),
    }


def binary_size(size_bytes: int) -> str:
    """Write bytes as memory and caches are counted: "62.7 GiB", "48 KiB"."""
    return _scaled(size_bytes, 1024, _BINARY)


def decimal_size(size_bytes: int) -> str:
    """Write bytes as disks are sold: "1.9 TB"."""
    return _scaled(size_bytes, 1000, _DECIMAL)


def _scaled(size: int, base: int, units: tuple[str, ...]) -> str:
    power = 0
    # What would be rounded up to a whole next unit is written in that one.
    while power + 1 < len(units) and round(size / base**power, 1) >= base:
        power += 1
    return f"{size / base**power:.1f}".removesuffix(".0") + f" {units[power]}"
