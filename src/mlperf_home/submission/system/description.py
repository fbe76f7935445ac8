"""What systems/<sut>.json says of the machine, from what the machine tells and the user knows.

Nothing is invented. What is not known is "" where round v3.1 lets it be empty, else a word that says so; either way a
sentence says what is not known and why.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.machine.firmware import describe_modules
from mlperf_home.submission.system.file import KEYS, MAY_BE_EMPTY, SystemDescriptionError, check_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.machine.facts import MachineFacts

UNKNOWN = "unknown"
_OWN_VALUES = "the system's own values (system_file)"
# This project measures CPUs: an accelerator that may be there is no part of the system under test.
_ABSENT = {**dict.fromkeys(MAY_BE_EMPTY, ""), "accelerators_per_node": "0"}
_NO_ACCELERATOR = {key: _ABSENT.get(key, "N/A") for key in KEYS if key.startswith("accelerator")}
_COOLING = 'no machine tells this; "air" is written, as nearly all CPUs are cooled: correct it where it is wrong'
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
_NO_TOPOLOGY = "the kernel does not tell the topology"
_COUNTED_AS_ONE = "the firmware numbers no packages, so the machine is counted as one"


class FieldValue(NamedTuple):
    """A value, "" where it is not known, and what is to be said of it."""

    value: str
    reason: str = ""


def not_known(reason: str, value: str = "") -> FieldValue:
    """Return the absence of a value, or the word that stands for it."""
    return FieldValue(value, f"not known: {reason}")


@dataclass(frozen=True)
class UserFacts:
    """What only the user knows. A text that is empty was not given.

    Attributes:
        submitter: who submits; the name of a folder.
        division: "open", "closed" or "network".
        status: "available", "preview" or "rdi".
        system_type: the category: "edge", "datacenter" or "datacenter,edge".
        system_type_detail: "edge server", say.
        framework: the engine and its version: "deepsparse v1.8.0".
        system_name: the machine's name in the description.
        hw_name: its name in results; stands for `system_name` where that was not given.
        python: the version of the Python that the engine runs in.
        hw_notes_extra: goes to hw_notes.
        sw_notes_extra: goes to sw_notes.
        overrides: values by key of systems/<sut>.json, in place of all others (`system_file.read_overrides`).
    """

    submitter: str
    division: str = "open"
    status: str = "available"
    system_type: str = "edge"
    system_type_detail: str = ""
    framework: str = ""
    system_name: str = ""
    hw_name: str = ""
    python: str = ""
    hw_notes_extra: str = ""
    sw_notes_extra: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SystemDescription:
    """What systems/<sut>.json holds.

    Attributes:
        values: every key of `KEYS`, in that order.
        unknown: sentences on what is not known, or only assumed, and why; each begins with its key.
    """

    values: dict[str, str]
    unknown: tuple[str, ...]

    def to_json(self) -> str:
        """Give the file's text."""
        return json.dumps(self.values, indent=1, ensure_ascii=False) + "\n"


def describe_system(facts: MachineFacts, user: UserFacts) -> SystemDescription:
    """Describe a machine by what it tells and what the user says.

    Raises:
        SystemDescriptionError: a value of the user's cannot stand under its key, or the overrides name another
            submitter or division: results lie in folders of these names.
    """
    own = {key: getattr(user, key) for key in ("division", "submitter", "status", "system_type")}
    check_values(own, "the system's description")
    overrides = check_values(user.overrides, _OWN_VALUES)
    for key in ("division", "submitter"):
        if overrides.get(key, own[key]).lower() != own[key].lower():
            problem = f'"{key}" is "{overrides[key]}", not "{own[key]}"'
            raise SystemDescriptionError(_OWN_VALUES, problem, "make the two equal")
    found = {
        **{key: FieldValue(value) for key, value in (own | _NO_ACCELERATOR).items()},
        **_processors(facts),
        **_frequency_and_caches(facts),
        **_memory(facts),
        **_storage(facts),
        **_network(facts),
        **_named(facts, user),
        **_software(facts, user),
        "number_of_nodes": FieldValue("1"),
        "cooling": FieldValue("air", _COOLING),
        "hw_notes": FieldValue("; ".join(filter(None, (overrides.get("hw_notes"), user.hw_notes_extra)))),
        "sw_notes": FieldValue("; ".join(filter(None, (overrides.get("sw_notes"), user.sw_notes_extra)))),
    }
    found |= {key: FieldValue(value) for key, value in overrides.items() if key not in {"hw_notes", "sw_notes"}}
    values = {key: found[key].value or ("" if key in MAY_BE_EMPTY else UNKNOWN) for key in KEYS}
    check_values(values, "the system's description")
    return SystemDescription(values, tuple(f"{key}: {found[key].reason}" for key in KEYS if found[key].reason))


def _named(facts: MachineFacts, user: UserFacts) -> dict[str, FieldValue]:
    """Name the machine: as the user does, else its maker, else its owner."""
    product = facts.product
    if given := user.system_name or user.hw_name or product.name:
        name = FieldValue(given)
    elif facts.host_name:
        name = FieldValue(facts.host_name, f"the host's name stands for it: {product.missing['name']}")
    else:
        name = not_known(f"{product.missing['name']}, and the host has no name")
    machine = f"virtual machine ({facts.cpu.hypervisor})" if facts.cpu.hypervisor else product.chassis
    detail = user.system_type_detail or machine
    kind = FieldValue(detail) if detail else not_known(product.missing["chassis"])
    return {"system_name": name, "system_type_detail": kind}


def _software(facts: MachineFacts, user: UserFacts) -> dict[str, FieldValue]:
    system = facts.os
    parts = [system.name, f"Linux {system.kernel}" if system.kernel else None, system.libc]
    told = ", ".join(filter(None, parts))
    silent = "; ".join(f"{name}: {system.missing[name]}" for name in ("name", "libc") if name in system.missing)
    python = user.python or facts.python
    stack = {
        "the version of Python was not given": f"Python {python}" if python else None,
        "no C compiler was found": facts.compiler,
    }
    absent = "; ".join(problem for problem, part in stack.items() if not part)
    return {
        "operating_system": FieldValue(told, f"not wholly known ({silent})" if silent else ""),
        "other_software_stack": FieldValue(", ".join(filter(None, stack.values())), absent),
        "framework": FieldValue(user.framework) if user.framework else not_known("no engine was named"),
    }


def _processors(facts: MachineFacts) -> dict[str, FieldValue]:
    cpu = facts.cpu
    if cpu.model_name is not None:
        name = FieldValue(cpu.model_name)
    elif facts.core_numbers:
        name = FieldValue(facts.core_numbers, "no name is known for these numbers, so they stand for it")
    else:
        name = not_known(cpu.missing["model_name"])
    cores = FieldValue(str(cpu.cores_per_socket)) if cpu.cores_per_socket else not_known(_NO_TOPOLOGY)
    if cpu.sockets:
        sockets = FieldValue(str(cpu.sockets))
    elif facts.cores:
        sockets, cores = FieldValue("1", _COUNTED_AS_ONE), FieldValue(str(facts.cores), _COUNTED_AS_ONE)
    else:
        sockets = not_known(cpu.missing["sockets"])
    return {"host_processor_model_name": name, "host_processors_per_node": sockets, "host_processor_core_count": cores}


def _frequency_and_caches(facts: MachineFacts) -> dict[str, FieldValue]:
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
        "host_processor_frequency": FieldValue(f"{fastest:.0f} MHz") if fastest else not_known(silent),
        "host_processor_caches": FieldValue(caches) if caches else not_known(why_not),
        "host_processor_interconnect": not_known("no file tells how the sockets are joined")
        if several
        else FieldValue(""),
    }


def _memory(facts: MachineFacts) -> dict[str, FieldValue]:
    total = facts.cpu.memory_total_bytes
    capacity = FieldValue(binary_size(total)) if total else not_known("/proc/meminfo does not tell")
    if facts.memory_modules:
        configuration = FieldValue(describe_modules(facts.memory_modules))
    elif facts.memory_modules is None:
        configuration = not_known("only dmidecode tells, which is not there or needs root", "undefined")
    else:
        configuration = not_known("dmidecode names no memory module (usual in virtual machines)", "undefined")
    return {"host_memory_capacity": capacity, "host_memory_configuration": configuration}


def _storage(facts: MachineFacts) -> dict[str, FieldValue]:
    storage = facts.storage
    kinds = Counter(disk.kind for disk in storage.disks)
    kind = ", ".join(f"{count} x {name}" if count > 1 else name for name, count in kinds.items())
    in_disks = sum(disk.size_bytes for disk in storage.disks)
    if storage.file_systems_bytes:
        capacity = FieldValue(decimal_size(storage.file_systems_bytes))
    elif in_disks:
        reason = f"this is the disks' capacity, since {storage.missing['file_systems_bytes']}"
        capacity = FieldValue(f"{decimal_size(in_disks)} in disks", reason)
    else:
        capacity = not_known(storage.missing["file_systems_bytes"])
    return {
        "host_storage_capacity": capacity,
        "host_storage_type": FieldValue(kind) if kind else not_known(storage.missing["disks"]),
    }


def _network(facts: MachineFacts) -> dict[str, FieldValue]:
    network = facts.network
    if not network.ports:
        networking = count = not_known(network.missing["ports"])
    else:
        silent = "; ".join(f"{name}: {reason}" for name, reason in network.missing.items())
        networking, count = FieldValue(network.describe(), silent), FieldValue(str(network.cards))
    topology = FieldValue("N/A")
    return {"host_networking": networking, "host_network_card_count": count, "host_networking_topology": topology}


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
