"""Readers of JSON values; every error names the file and the JSON pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast

from scriptgraph.errors import ManifestError, nearest
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from scriptgraph.manifest.types import Value, Values

_TRUE, _FALSE = frozenset({"yes", "on", "true"}), frozenset({"no", "off", "false"})
_T = TypeVar("_T")
_NOTHING: Mapping[str, str] = {}
_KINDS = {
    dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null", int: "a number",
    float: "a number",
}  # fmt: skip


class Malformed(Exception):  # noqa: N818 - it describes the value
    """A value is invalid.

    Attributes:
        pointer: the JSON pointer from the value read to the invalid one; each enclosing reader extends it.
    """

    def __init__(self, problem: str, pointer: str = "") -> None:
        super().__init__(problem, pointer)
        self.problem, self.pointer = problem, pointer

    def under(self, pointer: str) -> Malformed:
        """Prepend `pointer` to the pointer, and return self."""
        self.pointer = pointer + self.pointer
        return self

    def below(self, key: str | int) -> Malformed:
        """Prepend a member's key or an entry's index to the pointer, and return self."""
        return self.under(pointer_to(key))


def pointer_to(key: str | int) -> str:
    """Return the JSON pointer to a member or an entry."""
    return "/" + str(key).replace("~", "~0").replace("/", "~1")


def kind(value: Any) -> str:
    """Return the JSON kind of a value with its article, for messages."""
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def decode_value(value: Any) -> Value:
    """Convert a JSON or command-line value to an environment value; words such as "yes" become bool.

    Raises:
        TypeError: the value is an object, or a list of anything but texts, numbers and booleans.
    """
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else value
    if isinstance(value, list):
        for entry in value:
            if not isinstance(entry, str | int | float):
                raise TypeError(f"{kind(entry)} in a list is not a value of the environment")
        return tuple(("yes" if entry else "no") if isinstance(entry, bool) else str(entry) for entry in value)
    if value is None or isinstance(value, bool | int | float):
        return value
    raise TypeError(f"{kind(value)} is not a value of the environment")


def read_value(value: Any) -> Value:
    """Read an environment value."""
    try:
        return decode_value(value)
    except TypeError as error:
        raise Malformed(str(error)) from None


def read_text(value: Any) -> str:
    """Read text."""
    if not isinstance(value, str):
        raise Malformed(f"must be text, is {kind(value)}")
    return value


def read_anything(value: Any) -> Any:
    """Return any value unchanged."""
    return value


def read_number(value: Any) -> float:
    """Read a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"must be a number, is {kind(value)}")
    return value


def one_of(*words: str) -> Callable[[Any], str]:
    """Return a reader of one of these words."""

    def read_word(value: Any) -> str:
        if read_text(value) not in words:
            raise Malformed(f"must be {', '.join(words[:-1])} or {words[-1]}")
        return str(value)

    return read_word


def read_query(value: Any) -> str:
    """Read the tags of a query; at least one is required."""
    texts = read_texts(value)
    if not texts:
        raise Malformed("names no tag; give at least one")
    return ",".join(texts)


def read_boolean(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise Malformed(f"must be true or false, is {kind(value)}")
    return value


def read_texts(value: Any) -> tuple[str, ...]:
    """Read a list of texts, or one text separated by commas or spaces."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return each(read_text)(value)


def each(read: Callable[[Any], _T]) -> Callable[[Any], tuple[_T, ...]]:
    """Return a reader of lists with entries read by `read`."""

    def read_all(value: Any) -> tuple[_T, ...]:
        if not isinstance(value, list):
            raise Malformed(f"must be a list, is {kind(value)}")
        found: list[_T] = []
        try:
            for entry in value:
                found.append(read(entry))  # noqa: PERF401 - its length is the index of an invalid entry
        except Malformed as error:
            raise error.below(len(found)) from None
        return tuple(found)

    return read_all


def one_or_more(read: Callable[[Any], _T]) -> Callable[[Any], tuple[_T, ...]]:
    """Return a reader of a single value or a list, read by `read`."""
    read_list = each(read)
    return lambda value: read_list(value) if isinstance(value, list) else (read(value),)


def members(read: Callable[[Any], _T]) -> Callable[[Any], dict[str, _T]]:
    """Return a reader of objects with any keys, with members read by `read`."""
    return named(lambda member, **_key: read(member))


def named(read: Callable[..., _T]) -> Callable[[Any], dict[str, _T]]:
    """Return a reader of objects with any keys, with members read by `read(member, name=key)`."""

    def read_all(value: Any) -> dict[str, _T]:
        fields, decoded, key = read_object(value), {}, ""
        try:
            for key, member in fields.items():
                decoded[key] = read(member, name=key)
        except Malformed as error:
            raise error.below(key) from None
        return decoded

    return read_all


def read_object(value: Any) -> dict[str, Any]:
    """Read an object, leaving its members unchanged."""
    if not isinstance(value, dict):
        raise Malformed(f"must be an object, is {kind(value)}")
    return value


read_values: Callable[[Any], Values] = members(read_value)
"""Read a mapping of environment values."""


class Shape(Generic[_T]):
    """A reader of objects with known keys.

    Attributes:
        readers: the reader of each key's member.
    """

    def __init__(
        self,
        readers: Mapping[str, Callable[[Any], Any]],
        make: Callable[..., _T],
        needs: Mapping[str, str] = _NOTHING,
        retired: Mapping[str, str] = _NOTHING,
        names: Mapping[str, str] = _NOTHING,
    ) -> None:
        """Take the readers and the constructor.

        Args:
            readers: the reader of each key's member.
            make: called with the members as named arguments; raises Malformed for an invalid combination.
            needs: the required keys, each with the problem to report when it is missing.
            retired: keys that are no longer supported, each with its replacement.
            names: the names of arguments that differ from their keys.
        """
        self.readers, self._make, self._needs, self._retired = readers, make, needs, retired
        self._defaults = make.field_defaults if isinstance(make, type) and issubclass(make, Immutable) else None
        self._names = {key: names.get(key, key) for key in readers}

    def __call__(self, value: Any, **more: Any) -> _T:
        """Read an object, and construct the result from its members and `more`."""
        readers, names, key = self.readers, self._names, ""
        fields = read_object(value)
        if not fields.keys() <= readers.keys():
            self._refuse(fields)
        for key, problem in self._needs.items():
            if key not in fields:
                raise Malformed(problem)
        try:
            for key, member in fields.items():
                more[names[key]] = readers[key](member)
        except Malformed as error:
            raise error.below(key) from None
        if self._defaults is None:
            return self._make(**more)
        # Equals `Immutable.__init__` without its check, for speed: the keys are known, and those without a default are
        # in `needs`.
        made = object.__new__(cast("type[_T]", self._make))
        vars(made).update(self._defaults)
        vars(made).update(more)
        return made

    def _refuse(self, keys: Collection[str]) -> NoReturn:
        key = next(key for key in keys if key not in self.readers)
        if key in self._retired:
            raise Malformed(f"is no longer supported: {self._retired[key]}", pointer_to(key))
        close = nearest(key, self.readers)
        raise Malformed(f"unknown key{f'; did you mean {close[0]}?' if close else ''}", pointer_to(key))


class Place:
    """A value in a JSON document, with its file and JSON pointer."""

    def __init__(self, path: Path, pointer: str, value: Any) -> None:
        self.path, self.pointer, self.value = path, pointer, value

    def fail(self, problem: str) -> NoReturn:
        """Raise a ManifestError for this place."""
        raise ManifestError(self.path, self.pointer, problem)

    def read(self, reader: Callable[[Any], _T]) -> _T:
        """Read the value.

        Raises:
            ManifestError: the value is invalid.
        """
        try:
            return reader(self.value)
        except Malformed as error:
            raise ManifestError(self.path, self.pointer + error.pointer, error.problem) from None

    def mapping(self) -> dict[str, Place]:
        """Read an object, and return its members as places."""
        fields = self.read(read_object)
        return {key: Place(self.path, self.pointer + pointer_to(key), value) for key, value in fields.items()}
