"""Walk a JSON document so that every error can name the place by file and JSON pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from scriptgraph.errors import ManifestError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from scriptgraph.manifest.types import Value, Values

_TRUE, _FALSE = frozenset({"yes", "on", "true"}), frozenset({"no", "off", "false"})
_T = TypeVar("_T")
_NOTHING: Mapping[str, str] = {}


def decode_value(value: Any) -> Value:
    """Turn a JSON or command-line value into an environment value; "yes" and the like become bool."""
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else value
    if isinstance(value, list):
        return tuple(_entry(each) for each in value)
    if value is None or isinstance(value, bool | int | float):
        return value
    raise TypeError(f"{kind(value)} is no value of the environment")


def _entry(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"{kind(value)} in a list is no value of the environment")


class Place:
    """A value of a JSON document, with the file and the pointer that lead to it."""

    def __init__(self, path: Path, pointer: str, value: Any) -> None:
        self.path, self.pointer, self.value = path, pointer, value

    def fail(self, problem: str) -> NoReturn:
        """Raise an error that names this place."""
        raise ManifestError(self.path, self.pointer, problem)

    def at(self, key: str | int) -> Place:
        """Give the place of a member."""
        escaped = str(key).replace("~", "~0").replace("/", "~1")
        return Place(self.path, f"{self.pointer}/{escaped}", self.value[key])

    def mapping(self, known: frozenset[str] | None = None, retired: Mapping[str, str] = _NOTHING) -> Fields:
        """Read an object; with `known`, refuse other keys. Of `retired` ones it is said what to write instead."""
        if not isinstance(self.value, dict):
            self.fail(f"must be an object, is {kind(self.value)}")
        for key in self.value:
            if known is not None and key not in known:
                if key in retired:
                    self.at(key).fail(f"is not served any more: {retired[key]}")
                close = nearest(key, known)
                self.at(key).fail(f"unknown key{f'; did you mean {close[0]}?' if close else ''}")
        return Fields({key: self.at(key) for key in self.value})

    def items(self) -> list[Place]:
        """Read a list."""
        if not isinstance(self.value, list):
            self.fail(f"must be a list, is {kind(self.value)}")
        return [self.at(position) for position in range(len(self.value))]

    def text(self) -> str:
        """Read text."""
        if not isinstance(self.value, str):
            self.fail(f"must be text, is {kind(self.value)}")
        return str(self.value)

    def texts(self) -> tuple[str, ...]:
        """Read a list of texts, or one text with commas or spaces."""
        if isinstance(self.value, str):
            return tuple(part for part in self.value.replace(",", " ").split() if part)
        return tuple(place.text() for place in self.items())

    def boolean(self) -> bool:
        """Read true or false."""
        if not isinstance(self.value, bool):
            self.fail(f"must be true or false, is {kind(self.value)}")
        return bool(self.value)

    def values(self) -> Values:
        """Read a block of environment."""
        return {key: place.one_value() for key, place in self.mapping().items()}

    def one_value(self) -> Value:
        """Read one value of the environment."""
        try:
            return decode_value(self.value)
        except TypeError as error:
            self.fail(str(error))


def kind(value: Any) -> str:
    """Name the JSON kind of a value."""
    names = {
        dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null", int: "a number",
        float: "a number",
    }  # fmt: skip
    return names.get(type(value), f"a {type(value).__name__}")


class Fields(dict[str, "Place"]):
    """The members of an object, each a place."""

    def get_as(self, key: str, read: Callable[[Place], _T], default: _T) -> _T:
        """Read the member `key`; the default where it is absent."""
        return read(self[key]) if key in self else default

    def members(self, key: str) -> Fields:
        """Read the member `key` as an object; an empty one where it is absent."""
        return self[key].mapping() if key in self else Fields()
