"""What systems/<sut>.json says of the machine, from what the machine tells and the user knows.

Nothing is invented. What is not known is "" where round v3.1 lets it be empty, else a word that says so; either way a
sentence says what is not known and why.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlperf_home.submission.system.file import KEYS, MAY_BE_EMPTY, SystemDescriptionError, check_values
from mlperf_home.submission.system.hardware import Found, hardware, not_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.machine.facts import HostFacts

__all__ = ["Description", "SystemDescription", "SystemDescriptionError", "describe_system"]

UNKNOWN = "unknown"
_OWN_VALUES = "the system's own values (system_file)"
# This project measures CPUs: an accelerator that may be there is no part of the system under test.
_NO_ACCELERATOR = {
    key: "" if key in MAY_BE_EMPTY else "0" if key == "accelerators_per_node" else "N/A"
    for key in KEYS
    if key.startswith("accelerator")
}
_ASSUMED_COOLING = (
    'no machine tells this; "air" is written, as nearly all CPUs are cooled: correct it where it is wrong'
)


@dataclass(frozen=True)
class Description:
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


def describe_system(facts: HostFacts, wanted: Description) -> SystemDescription:
    """Describe a machine.

    Args:
        facts: what the machine tells.
        wanted: what the user says.

    Raises:
        SystemDescriptionError: a value of the user's cannot stand under its key, or the overrides name another
            submitter or division: results lie in folders of these names.
    """
    own = {key: getattr(wanted, key) for key in ("division", "submitter", "status", "system_type")}
    check_values(own, "the system's description")
    overrides = check_values(wanted.overrides, _OWN_VALUES)
    for key in ("division", "submitter"):
        if overrides.get(key, own[key]).lower() != own[key].lower():
            problem = f'"{key}" is "{overrides[key]}", not "{own[key]}"'
            raise SystemDescriptionError(_OWN_VALUES, problem, "make the two equal")
    found = {
        **{key: Found(value) for key, value in (own | _NO_ACCELERATOR).items()},
        **hardware(facts),
        **_named(facts, wanted),
        **_software(facts, wanted),
        "number_of_nodes": Found("1"),
        "cooling": Found("air", _ASSUMED_COOLING),
        "hw_notes": Found("; ".join(filter(None, (overrides.get("hw_notes"), wanted.hw_notes_extra)))),
        "sw_notes": Found("; ".join(filter(None, (overrides.get("sw_notes"), wanted.sw_notes_extra)))),
    }
    found |= {key: Found(value) for key, value in overrides.items() if key not in {"hw_notes", "sw_notes"}}
    values = {key: found[key].value or ("" if key in MAY_BE_EMPTY else UNKNOWN) for key in KEYS}
    check_values(values, "the system's description")
    return SystemDescription(values, tuple(f"{key}: {found[key].reason}" for key in KEYS if found[key].reason))


def _named(facts: HostFacts, wanted: Description) -> dict[str, Found]:
    """Name the machine: as the user does, else its maker, else its owner."""
    product = facts.product
    if given := wanted.system_name or wanted.hw_name or product.name:
        name = Found(given)
    elif facts.host_name:
        name = Found(facts.host_name, f"the host's name stands for it: {product.missing['name']}")
    else:
        name = not_known(f"{product.missing['name']}, and the host has no name")
    machine = f"virtual machine ({facts.cpu.hypervisor})" if facts.cpu.hypervisor else product.chassis
    detail = wanted.system_type_detail or machine
    kind = Found(detail) if detail else not_known(product.missing["chassis"])
    return {"system_name": name, "system_type_detail": kind}


def _software(facts: HostFacts, wanted: Description) -> dict[str, Found]:
    system = facts.os
    parts = [system.name, f"Linux {system.kernel}" if system.kernel else None, system.libc]
    told = ", ".join(filter(None, parts))
    silent = "; ".join(f"{name}: {system.missing[name]}" for name in ("name", "libc") if name in system.missing)
    python = wanted.python or facts.python
    stack = {
        "the version of Python was not given": f"Python {python}" if python else None,
        "no C compiler was found": facts.compiler,
    }
    absent = "; ".join(problem for problem, part in stack.items() if not part)
    return {
        "operating_system": Found(told, f"not wholly known ({silent})" if silent else ""),
        "other_software_stack": Found(", ".join(filter(None, stack.values())), absent),
        "framework": Found(wanted.framework) if wanted.framework else not_known("no engine was named"),
    }
