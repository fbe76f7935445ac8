"""The keys of systems/<sut>.json as round v3.1's checker wants them, and what each may be."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Mapping

# In the order of published files; the checker wants all of them.
KEYS = (
    *("division", "submitter", "status", "system_type", "system_type_detail", "system_name", "number_of_nodes"),
    *("host_processor_model_name", "host_processors_per_node", "host_processor_core_count"),
    *("host_processor_frequency", "host_processor_caches", "host_processor_interconnect"),
    *("host_memory_capacity", "host_memory_configuration", "host_storage_capacity", "host_storage_type"),
    *("host_networking", "host_network_card_count", "host_networking_topology"),
    *("accelerators_per_node", "accelerator_model_name", "accelerator_memory_capacity"),
    *("accelerator_host_interconnect", "accelerator_interconnect", "accelerator_memory_configuration"),
    *("accelerator_frequency", "accelerator_interconnect_topology", "accelerator_on-chip_memories"),
    *("cooling", "framework", "operating_system", "other_software_stack", "hw_notes", "sw_notes"),
)
# The rest must hold a text that is not empty.
MAY_BE_EMPTY = frozenset(
    {
        *("system_type_detail", "host_processor_frequency", "host_processor_caches", "host_processor_interconnect"),
        *("accelerator_frequency", "accelerator_interconnect_topology", "accelerator_on-chip_memories"),
        *("hw_notes", "sw_notes"),
    }
)
CHOICES = {
    "division": ("open", "closed", "network"),
    "status": ("available", "preview", "rdi"),
    "system_type": ("edge", "datacenter", "datacenter,edge"),
}


class SystemDescriptionError(LocatedError):
    """A value that a user gave cannot stand in a system's description."""


def check_values(values: Mapping[str, object], where: object) -> dict[str, str]:
    """Give the values if each of them may stand under its key.

    Raises:
        SystemDescriptionError: an unknown key, a value that is no text, is empty where it must not be, holds what is
            not Unicode, or is none of the key's choices.
    """
    return {key: _checked(key, value, where) for key, value in values.items()}


def _checked(key: str, value: object, where: object) -> str:
    if key not in KEYS:
        close = get_close_matches(key, KEYS, n=1, cutoff=0.0)
        raise SystemDescriptionError(where, f'unknown key "{_short(key)}"', f'the nearest known key is "{close[0]}"')
    if not isinstance(value, str):
        raise SystemDescriptionError(
            where, f'"{key}" is {_short(value)}, which is no text', 'write it in quotation marks, as in "1"'
        )
    if not value.isascii() and _has_surrogates(value):
        raise SystemDescriptionError(where, f'"{key}" holds bytes that are not UTF-8', "write it in UTF-8")
    if not value.strip() and key not in MAY_BE_EMPTY:
        raise SystemDescriptionError(
            where, f'"{key}" is empty', 'the checker wants a text; write what it is, or "unknown"'
        )
    if key in CHOICES and value not in CHOICES[key]:
        choices = ", ".join(f'"{choice}"' for choice in CHOICES[key])
        raise SystemDescriptionError(where, f'"{key}" is "{_short(value)}"', f"write one of {choices}")
    if key == "submitter" and (len(value.split()) != 1 or value != value.strip() or "/" in value):
        raise SystemDescriptionError(
            where, f'"submitter" is "{_short(value)}"', "it names a folder: write it without spaces and slashes"
        )
    return value


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return ascii(text)[1:-1][:60] if _has_surrogates(text) else text[:60]
