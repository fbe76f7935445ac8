"""systems/<sut>.json: its keys as round v3.1's checker wants them, the file, and the user's own values for it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.rules import load_round
from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_text, replacement
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
MAY_BE_EMPTY = frozenset(load_round("v3.1").submission.system.present)
CHOICES = {
    "division": ("open", "closed", "network"),
    "status": ("available", "preview", "rdi"),
    "system_type": ("edge", "datacenter", "datacenter,edge"),
}

_ADVICE = 'write one JSON object such as {"cooling": "liquid"}'


class SystemDescriptionError(LocatedError):
    """A value that a user gave cannot stand in a system's description."""


def check_values(values: Mapping[str, object], where: object) -> dict[str, str]:
    """Give the values if each of them may stand under its key.

    Raises:
        SystemDescriptionError: an unknown key, a value that is no text, is empty where it must not be, holds what is
            not Unicode, or is none of the key's choices.
    """
    for key, value in values.items():
        if fault := _fault(key, value):
            raise SystemDescriptionError(where, *fault)
    return {key: str(value) for key, value in values.items()}


def _fault(key: str, value: object) -> tuple[str, str] | None:
    """Return what is wrong with a value, and what to do."""
    found = None
    if key not in KEYS:
        close = get_close_matches(key, KEYS, n=1, cutoff=0.0)
        found = f'unknown key "{_short(key)}"', f'the nearest known key is "{close[0]}"'
    elif not isinstance(value, str):
        found = f'"{key}" is {_short(value)}, which is no text', 'write it in quotation marks, as in "1"'
    elif not value.isascii() and _has_surrogates(value):
        found = f'"{key}" holds bytes that are not UTF-8', "write it in UTF-8"
    elif not value.strip() and key not in MAY_BE_EMPTY:
        found = f'"{key}" is empty', 'the checker wants a text; write what it is, or "unknown"'
    elif key in CHOICES and value not in CHOICES[key]:
        choices = ", ".join(f'"{choice}"' for choice in CHOICES[key])
        found = f'"{key}" is "{_short(value)}"', f"write one of {choices}"
    elif key == "submitter" and (len(value.split()) != 1 or value != value.strip() or "/" in value):
        found = f'"submitter" is "{_short(value)}"', "it names a folder: write it without spaces and slashes"
    return found


def read_overrides(path: Path) -> dict[str, str]:
    """Read the values that stand in place of what was found.

    Raises:
        SystemDescriptionError: the file cannot be read, is no JSON object, names a key twice or an unknown one, or
            holds a value that may not stand under its key.
    """
    try:
        document = read_json(path, unique=True)
    except DocumentError as error:
        raise SystemDescriptionError(path, error.problem, _ADVICE) from None
    if not isinstance(document, dict):
        raise SystemDescriptionError(path, "is no JSON object", _ADVICE)
    return check_values(document, path)


def place_description(path: Path, text: str, previous: Path) -> Path | None:
    """Write a description, whole or not at all, and never lose another that may have been corrected by hand.

    `previous` gets what another file at `path` held, and is returned then.

    Raises:
        SystemDescriptionError: one of the two cannot be read or written.
    """
    kept = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and (before := path.read_bytes()) != text.encode():
            with replacement(previous) as file:
                file.write(before)
            kept = previous
        replace_text(path, text)
    except OSError as error:
        raise SystemDescriptionError(path, f"cannot be written ({error.strerror})", "give another folder") from error
    return kept


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return ascii(text)[1:-1][:60] if _has_surrogates(text) else text[:60]
