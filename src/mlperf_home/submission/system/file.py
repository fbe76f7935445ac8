"""systems/<sut>.json: the keys that every round requires since v3.1, the file, and the user's own values."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.rules import DEFAULT_ROUND, LATEST, load_round
from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_text, replacement
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# In the order of published files; the checker requires all of them.
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
_RULES = load_round(DEFAULT_ROUND).submission
_NEWER = load_round(LATEST).submission.system.optional
# The other keys need a text that is not empty.
MAY_BE_EMPTY = frozenset(_RULES.system.present)
OPTIONAL = tuple(dict.fromkeys((*_RULES.system.optional, *_NEWER, *_RULES.network.fields)))
"""Further keys that the field's own tools write: a description has them only if the user sets them."""
# The field's tools write this one as a number.
_COUNTS = ("host_processor_vcpu_count",)
CHOICES = {
    "division": ("open", "closed", "network"),
    "status": ("available", "preview", "rdi"),
    "system_type": ("edge", "datacenter", "datacenter,edge"),
}

_ADVICE = 'write one JSON object such as {"cooling": "liquid"}'


class SystemDescriptionError(LocatedError):
    """A user's value is invalid in a system description."""


def check_values(values: Mapping[str, object], where: object) -> dict[str, str]:
    """Return the values if they are valid for their keys.

    Raises:
        SystemDescriptionError: a key is unknown, or a value is not a text, is empty, is not valid Unicode, or is none
            of the key's choices.
    """
    for key, value in values.items():
        if fault := _fault(key, value):
            raise SystemDescriptionError(where, *fault)
    return {key: str(value) for key, value in values.items()}


def _fault(key: str, value: object) -> tuple[str, str] | None:
    """Return problem and advice of an invalid value."""
    fault = None
    if key not in KEYS and key not in OPTIONAL:
        close = get_close_matches(key, (*KEYS, *OPTIONAL), n=1, cutoff=0.0)
        fault = f'unknown key "{_short(key)}"', f'the nearest known key is "{close[0]}"'
    elif key in _COUNTS and type(value) is int and value > 0:
        pass
    elif not isinstance(value, str):
        fault = f'"{key}" is {_short(value)}, not a text', 'write it in quotation marks, as in "1"'
    elif not value.isascii() and _has_surrogates(value):
        fault = f'"{key}" holds bytes that are not UTF-8', "write it in UTF-8"
    elif not value.strip() and key not in MAY_BE_EMPTY:
        fault = f'"{key}" is empty', 'the checker requires a text; write the value, or "unknown"'
    elif key in CHOICES and value not in CHOICES[key]:
        choices = ", ".join(f'"{choice}"' for choice in CHOICES[key])
        fault = f'"{key}" is "{_short(value)}"', f"write one of {choices}"
    elif key == "submitter" and (len(value.split()) != 1 or value != value.strip() or "/" in value):
        fault = f'"submitter" is "{_short(value)}"', "it names a folder: write it without spaces and slashes"
    return fault


def read_overrides(path: Path) -> dict[str, str]:
    """Read the user's own values, which replace those of the machine.

    Raises:
        SystemDescriptionError: the file cannot be read, is not a JSON object, has a duplicate or unknown key, or an
            invalid value.
    """
    try:
        document = read_json(path, unique=True)
    except DocumentError as error:
        raise SystemDescriptionError(path, error.problem, _ADVICE) from None
    if not isinstance(document, dict):
        raise SystemDescriptionError(path, "is not a JSON object", _ADVICE)
    return check_values(document, path)


def place_description(path: Path, text: str, previous: Path) -> Path | None:
    """Write a description, completely or not at all.

    The user may have corrected an existing, different description by hand. It is moved to `previous`.

    Returns:
        `previous` if it was written, else None.

    Raises:
        SystemDescriptionError: one of the two files cannot be read or written.
    """
    saved = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and (before := path.read_bytes()) != text.encode():
            with replacement(previous) as file:
                file.write(before)
            saved = previous
        replace_text(path, text)
    except OSError as error:
        raise SystemDescriptionError(path, f"cannot be written ({error.strerror})", "use another folder") from error
    return saved


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return ascii(text)[1:-1][:60] if _has_surrogates(text) else text[:60]
