"""The system description, systems/<sut>.json, from facts about the machine and facts of the user's.

Nothing is invented. An unknown value is "" if round v3.1 allows that, else the word "unknown". Each unknown value has a
sentence with the reason.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.machine.firmware import describe_modules
from mlperf_home.submission.system.file import KEYS, MAY_BE_EMPTY, OPTIONAL, SystemDescriptionError, check_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.machine.facts import MachineFacts

UNKNOWN = "unknown"
_OWN_VALUES = "the system's own values (system_file)"
# This project measures CPUs: an accelerator is no part of the system under test.
_ABSENT = {**dict.fromkeys(MAY_BE_EMPTY, ""), "accelerators_per_node": "0"}
_NO_ACCELERATOR = {key: _ABSENT.get(key, "N/A") for key in KEYS if key.startswith("accelerator")}
_COOLING = "assumed: nearly all CPUs are cooled by air, and no machine reports it; correct it if it is wrong"
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
_COUNTED_AS_ONE = "the firmware numbers no packages, so the machine is counted as one"


class FieldValue(NamedTuple):
    """A value, "" if it is unknown, and a remark about it."""

    value: str
    reason: str = ""


def not_known(reason: str, value: str = "") -> FieldValue:
    """Return an unknown value, or the word for it, with the reason."""
    return FieldValue(value, f"not known: {reason}")


@dataclass(frozen=True)
class UserFacts:
    """Facts that only the user knows; "" if the user did not state them.

    Attributes:
        submitter: the submitter, who names a folder.
        division: "open", "closed" or "network".
        status: "available", "preview" or "rdi".
        system_type: the category: "edge", "datacenter" or "datacenter,edge".
        system_type_detail: the kind of system, such as "edge server".
        framework: the engine and its version: "deepsparse v1.8.0".
        system_name: the machine's name in the description.
        hw_name: its name in results, which replaces an empty `system_name`.
        python: the version of the engine's Python.
        hw_notes_extra: text to add to hw_notes.
        sw_notes_extra: text to add to sw_notes.
        overrides: values by key of systems/<sut>.json, which replace all others (`file.read_overrides`).
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
    """The contents of systems/<sut>.json.

    Attributes:
        values: the values of all `KEYS`, in that order, then those of optional keys that the user sets.
        unknown: sentences about unknown or assumed values, with the reasons; each begins with its key.
    """

    values: dict[str, str]
    unknown: tuple[str, ...]

    def to_json(self) -> str:
        """Return the text of the file."""
        return json.dumps(self.values, indent=1, ensure_ascii=False) + "\n"


def describe_system(facts: MachineFacts, user: UserFacts) -> SystemDescription:
    """Return the description of a machine, from its facts and the user's.

    Raises:
        SystemDescriptionError: a value of the user's is invalid for its key, or the overrides name another submitter or
            division than the folders of the results.
    """
    own = {key: getattr(user, key) for key in ("division", "submitter", "status", "system_type")}
    check_values(own, "the system's description")
    overrides = check_values(user.overrides, _OWN_VALUES)
    for key in ("division", "submitter"):
        if overrides.get(key, own[key]).lower() != own[key].lower():
            problem = f'"{key}" is "{overrides[key]}", not "{own[key]}"'
            raise SystemDescriptionError(_OWN_VALUES, problem, "use the same name in both")
    fields = {
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
        "hw_notes": _hw_notes(facts, overrides.get("hw_notes", ""), user.hw_notes_extra),
        "sw_notes": FieldValue("; ".join(filter(None, (overrides.get("sw_notes"), user.sw_notes_extra)))),
    }
    fields |= {key: FieldValue(value) for key, value in overrides.items() if key not in {"hw_notes", "sw_notes"}}
    values = {key: fields[key].value or ("" if key in MAY_BE_EMPTY else UNKNOWN) for key in KEYS}
    values |= {key: overrides[key] for key in OPTIONAL if key in overrides}
    check_values(values, "the system's description")
    return SystemDescription(values, tuple(f"{key}: {fields[key].reason}" for key in KEYS if fields[key].reason))


def _hw_notes(facts: MachineFacts, *own: str) -> FieldValue:
    """Return the user's notes, and what the sources of the facts disagree in."""
    reason = f"sources disagree: {'; '.join(facts.disagreements)}" if facts.disagreements else ""
    return FieldValue("; ".join(filter(None, (*own, *facts.disagreements))), reason)


def _named(facts: MachineFacts, user: UserFacts) -> dict[str, FieldValue]:
    """Return the machine's name and kind: the user's, else the maker's, else the network name."""
    product = facts.product
    if named := user.system_name or user.hw_name or product.name:
        name = FieldValue(named)
    elif facts.host_name:
        name = FieldValue(facts.host_name, f"this is the machine's network name: {product.missing['name']}")
    else:
        name = not_known(f"{product.missing['name']}, and the machine has no network name")
    machine = f"virtual machine ({facts.cpu.hypervisor})" if facts.cpu.hypervisor else product.chassis
    detail = user.system_type_detail or machine
    kind = FieldValue(detail) if detail else not_known(product.missing["chassis"])
    return {"system_name": name, "system_type_detail": kind}


def _software(facts: MachineFacts, user: UserFacts) -> dict[str, FieldValue]:
    system = facts.os
    parts = [system.name, f"Linux {system.kernel}" if system.kernel else None, system.libc]
    known = ", ".join(filter(None, parts))
    missing = "; ".join(f"{name}: {system.missing[name]}" for name in ("name", "libc") if name in system.missing)
    python = user.python or facts.python
    stack = {
        "the version of Python is unknown": f"Python {python}" if python else None,
        "no C compiler was found": facts.compiler,
    }
    absent = "; ".join(problem for problem, part in stack.items() if not part)
    container = f"container: {facts.container}" if facts.container else None
    return {
        "operating_system": FieldValue(known, f"partly unknown ({missing})" if missing else ""),
        "other_software_stack": FieldValue(", ".join(filter(None, (*stack.values(), container))), absent),
        "framework": FieldValue(user.framework) if user.framework else not_known("no engine was named"),
    }


def _processors(facts: MachineFacts) -> dict[str, FieldValue]:
    cpu = facts.cpu
    if cpu.model_name is not None:
        name = FieldValue(cpu.model_name)
    elif facts.core_numbers:
        name = FieldValue(facts.core_numbers, "these are the numbers of the core; its name is unknown")
    else:
        name = not_known(cpu.missing["model_name"])
    cores = (
        FieldValue(str(cpu.cores_per_socket)) if cpu.cores_per_socket else not_known(cpu.missing["cores_per_socket"])
    )
    if cpu.sockets:
        sockets = FieldValue(str(cpu.sockets))
    elif cpu.cores:
        sockets, cores = FieldValue("1", _COUNTED_AS_ONE), FieldValue(str(cpu.cores), _COUNTED_AS_ONE)
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
    no_caches = cpu.missing.get("caches", "lscpu does not state whether its sizes are of one cache or of all")
    no_frequency = cpu.missing.get("frequency_max_mhz", "the kernel reports 0")
    several = (cpu.sockets or 0) > 1
    return {
        "host_processor_frequency": FieldValue(f"{fastest:.0f} MHz") if fastest else not_known(no_frequency),
        "host_processor_caches": FieldValue(caches) if caches else not_known(no_caches),
        "host_processor_interconnect": not_known("no file describes the link of the sockets")
        if several
        else FieldValue(""),
    }


def _memory(facts: MachineFacts) -> dict[str, FieldValue]:
    total = facts.cpu.memory_total_bytes
    capacity = FieldValue(binary_size(total)) if total else not_known("/proc/meminfo does not report it")
    if facts.memory_modules:
        configuration = FieldValue(describe_modules(facts.memory_modules))
    elif facts.memory_modules is None:
        configuration = not_known("it needs dmidecode, which is not installed or needs root", "undefined")
    elif any("dmidecode" in each for each in facts.disagreements):
        configuration = not_known("dmidecode and the kernel disagree", "undefined")
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
        missing = "; ".join(f"{name}: {reason}" for name, reason in network.missing.items())
        networking, count = FieldValue(network.describe(), missing), FieldValue(str(network.cards))
    topology = FieldValue("N/A")
    return {"host_networking": networking, "host_network_card_count": count, "host_networking_topology": topology}


def binary_size(size_bytes: int) -> str:
    """Return bytes in the units of memory and caches: "62.7 GiB", "48 KiB"."""
    return _scaled(size_bytes, 1024, _BINARY)


def decimal_size(size_bytes: int) -> str:
    """Return bytes in the units of disks: "1.9 TB"."""
    return _scaled(size_bytes, 1000, _DECIMAL)


def _scaled(size: int, base: int, units: tuple[str, ...]) -> str:
    power = 0
    # A size that rounds up to one of the next unit is written in that unit.
    while power + 1 < len(units) and round(size / base**power, 1) >= base:
        power += 1
    return f"{size / base**power:.1f}".removesuffix(".0") + f" {units[power]}"
