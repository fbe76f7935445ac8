"""Decode the value of an option by its kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import RequestError
from scriptgraph.manifest.decoding import decode_override
from scriptgraph.manifest.located_json import decode_value
from scriptgraph.manifest.types import Override
from scriptgraph.planning.conditions import same
from scriptgraph.planning.environment import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptgraph.cli.commands.table import Option
    from scriptgraph.manifest.types import Value


def decode_option(option: Option, spelled: Mapping[str, Any]) -> Any:
    """Decode an option from the values of its spellings; return None if it counts as not set.

    Raises:
        RequestError: a value is missing, unexpected or invalid.
    """
    if option.kind == "switch":
        switches = [_switch(name, value) for name, value in spelled.items()]
        return any(switches)
    if option.kind == "pairs":
        return {key: each for name, value in spelled.items() for key, each in _pairs(name, value).items()}
    if option.kind == "texts":
        return {key: each for name, value in spelled.items() for key, each in _texts(name, value).items()}
    if option.kind == "blocks":
        return _blocks(spelled)
    name, value = next(iter(spelled.items()))
    return _one_value(option, name, value)


def decode_value_of(spelling: str, value: Any) -> Value:
    """Convert a value to one of the environment.

    Raises:
        RequestError: the value has parts.
    """
    try:
        return decode_value(value)
    except TypeError:
        parts = ", ".join(map(str, value))
        raise RequestError(f"{spelling}: has parts ({parts}); write one value") from None


def absolute(path: str | Path) -> Path:
    """Return the absolute form of a typed path, without resolving links.

    Raises:
        RequestError: the path begins with ~ and the name of an unknown user.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise RequestError(f"{path}: names an unknown user; correct the name after ~") from None


def _switch(name: str, value: Any) -> bool:
    value = decode_value_of(f"--{name}", value)
    for answer in (True, False):
        if same(value, answer):
            return answer
    raise RequestError(f"--{name}={as_text(value)}: must be yes or no")


def _one_value(option: Option, name: str, value: Any) -> Any:
    if value in ("", []) and not option.never_empty:
        return None
    if isinstance(value, bool | dict) or value in (None, "", []):
        form = option.form.partition("=")[2]
        raise RequestError(f"--{name}: needs {'a path' if option.kind == 'path' else 'a value'}; write --{name}={form}")
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else as_text(value)
    if option.choices and text not in option.choices:
        raise RequestError(f"--{name}={text}: must be one of {', '.join(option.choices)}")
    if option.kind == "path":
        return absolute(text)
    if option.kind == "list":
        return tuple(word for word in (each.strip() for each in text.split(",")) if word)
    return text


def _pairs(name: str, value: Any) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise RequestError(f"--{name}: needs a key; write --{name}.KEY=value")
    return {key: decode_value_of(f"--{name}.{key}", each) for key, each in value.items()}


def _texts(name: str, value: Any) -> dict[str, str | None]:
    """Return texts as typed; None for a key without a value."""
    pairs = _pairs(name, value)
    if unfit := next((key for key in pairs if value[key] is False or isinstance(value[key], list)), None):
        raise RequestError(f"--{name}.{unfit}: needs one value; write --{name}.{unfit}=TEXT")
    return {key: None if value[key] is True else str(value[key]) for key in pairs}


def _blocks(spelled: Mapping[str, Any]) -> dict[str, Override]:
    found: dict[str, Override] = {}
    for option, blocks in spelled.items():
        if not isinstance(blocks, dict) or not all(isinstance(fields, dict) for fields in blocks.values()):
            raise RequestError(f"--{option}: needs a name and a key; write --{option}.NAME.KEY=value")
        for name, fields in blocks.items():
            for key, value in fields.items():
                decode_value_of(f"--{option}.{name}.{key}", value)
            found[name] = decode_override(fields).over(found.get(name, Override()))
    return found
