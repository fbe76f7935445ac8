"""Read a JSON document by shapes, so that every error names the place by file and JSON pointer."""

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


class Malformed(Exception):  # noqa: N818 - it reads as what the value is
    """A value that cannot be used.

    Attributes:
        pointer: the JSON pointer from the value that was read to the one that is wrong; grows on the way up.
    """

    def __init__(self, problem: str, pointer: str = "") -> None:
        super().__init__(problem, pointer)
        self.problem, self.pointer = problem, pointer

    def under(self, pointer: str) -> Malformed:
        """Return self, as seen from where `pointer` leads to the value that was read."""
        self.pointer = pointer + self.pointer
        return self

    def below(self, key: str | int) -> Malformed:
        """Return self, as seen from the object or list that has the value as `key`."""
        return self.under(pointer_to(key))


def pointer_to(key: str | int) -> str:
    """Return the JSON pointer to a member."""
    return "/" + str(key).replace("~", "~0").replace("/", "~1")


def kind(value: Any) -> str:
    """Name the JSON kind of a value."""
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def decode_value(value: Any) -> Value:
    """Turn a JSON or command-line value into an environment value; "yes" and the like become bool."""
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else value
    if isinstance(value, list):
        for entry in value:
            if not isinstance(entry, str | int | float):
                raise TypeError(f"{kind(entry)} in a list is no value of the environment")
        return tuple(("yes" if entry else "no") if isinstance(entry, bool) else str(entry) for entry in value)
    if value is None or isinstance(value, bool | int | float):
        return value
    raise TypeError(f"{kind(value)} is no value of the environment")


def read_value(value: Any) -> Value:
    """Read a value of the environment."""
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
    """Read any value, as it is."""
    return value


def one_of(*words: str) -> Callable[[Any], str]:
    """Return a reader of one of some texts."""

    def read_word(value: Any) -> str:
        if read_text(value) not in words:
            raise Malformed(f"must be {', '.join(words[:-1])} or {words[-1]}")
        return str(value)

    return read_word


def read_query(value: Any) -> str:
    """Read the tags of a query, at least one."""
    texts = read_texts(value)
    if not texts:
        raise Malformed("names no tag")
    return ",".join(texts)


def read_boolean(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise Malformed(f"must be true or false, is {kind(value)}")
    return value


def read_texts(value: Any) -> tuple[str, ...]:
    """Read a list of texts, or one text with commas or spaces."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return each(read_text)(value)


def each(read: Callable[[Any], _T]) -> Callable[[Any], tuple[_T, ...]]:
    """Return a reader of lists whose entries `read` reads."""

    def read_all(value: Any) -> tuple[_T, ...]:
        if not isinstance(value, list):
            raise Malformed(f"must be a list, is {kind(value)}")
        found: list[_T] = []
        try:
            for entry in value:
                found.append(read(entry))  # noqa: PERF401 - its length tells which entry is wrong
        except Malformed as error:
            raise error.below(len(found)) from None
        return tuple(found)

    return read_all


def one_or_more(read: Callable[[Any], _T]) -> Callable[[Any], tuple[_T, ...]]:
    """Return a reader of one value that `read` reads, or of a list of them."""
    read_list = each(read)
    return lambda value: read_list(value) if isinstance(value, list) else (read(value),)


def members(read: Callable[[Any], _T]) -> Callable[[Any], dict[str, _T]]:
    """Return a reader of objects with any keys, whose members `read` reads."""
    return named(lambda member, **_key: read(member))


def named(read: Callable[..., _T]) -> Callable[[Any], dict[str, _T]]:
    """Return a reader of objects with any keys, whose members `read` reads, each with its key as `name`."""

    def read_all(value: Any) -> dict[str, _T]:
        given, found, key = read_object(value), {}, ""
        try:
            for key, member in given.items():
                found[key] = read(member, name=key)
        except Malformed as error:
            raise error.below(key) from None
        return found

    return read_all


def read_object(value: Any) -> dict[str, Any]:
    """Read an object, its members as they are."""
    if not isinstance(value, dict):
        raise Malformed(f"must be an object, is {kind(value)}")
    return value


read_values: Callable[[Any], Values] = members(read_value)
"""Read a block of environment."""


class Shape(Generic[_T]):
    """A reader of objects with known keys.

    Attributes:
        readers: how the member of each key is read.
    """

    def __init__(
        self,
        readers: Mapping[str, Callable[[Any], Any]],
        make: Callable[..., _T],
        needs: Mapping[str, str] = _NOTHING,
        retired: Mapping[str, str] = _NOTHING,
        names: Mapping[str, str] = _NOTHING,
    ) -> None:
        """Take the readers, and what is made of the members that are there.

        Args:
            readers: by key.
            make: takes the members as named arguments; raises Malformed for those that do not go together.
            needs: keys that must be there, each with what is said where one is not.
            retired: keys that are not served any more, each with what to write instead.
            names: the arguments' names, by key, where they are not the key.
        """
        self.readers, self._make, self._needs, self._retired = readers, make, needs, retired
        self._defaults = make.field_defaults if isinstance(make, type) and issubclass(make, Immutable) else None
        self._names = {key: names.get(key, key) for key in readers}

    def __call__(self, value: Any, **more: Any) -> _T:
        """Read an object, and make something of its members and of `more`."""
        readers, names, key = self.readers, self._names, ""
        given = read_object(value)
        if not given.keys() <= readers.keys():
            self._refuse(given)
        for key, problem in self._needs.items():
            if key not in given:
                raise Malformed(problem)
        try:
            for key, member in given.items():
                more[names[key]] = readers[key](member)
        except Malformed as error:
            raise error.below(key) from None
        if self._defaults is None:
            return self._make(**more)
        # As `Immutable.__init__`, without a call for each of a plan's thousand values, and without its check: the
        # members are known, and those without a default are needed.
        made = object.__new__(cast("type[_T]", self._make))
        vars(made).update(self._defaults)
        vars(made).update(more)
        return made

    def _refuse(self, given: Collection[str]) -> NoReturn:
        key = next(key for key in given if key not in self.readers)
        if key in self._retired:
            raise Malformed(f"is not served any more: {self._retired[key]}", pointer_to(key))
        close = nearest(key, self.readers)
        raise Malformed(f"unknown key{f'; did you mean {close[0]}?' if close else ''}", pointer_to(key))


class Place:
    """A value of a JSON document, with the file and the pointer that lead to it."""

    def __init__(self, path: Path, pointer: str, value: Any) -> None:
        self.path, self.pointer, self.value = path, pointer, value

    def fail(self, problem: str) -> NoReturn:
        """Raise an error that names this place."""
        raise ManifestError(self.path, self.pointer, problem)

    def read(self, reader: Callable[[Any], _T]) -> _T:
        """Read the value.

        Raises:
            ManifestError: it cannot be used.
        """
        try:
            return reader(self.value)
        except Malformed as error:
            raise ManifestError(self.path, self.pointer + error.pointer, error.problem) from None

    def mapping(self) -> dict[str, Place]:
        """Read an object: its members, each a place."""
        given = self.read(read_object)
        return {key: Place(self.path, self.pointer + pointer_to(key), value) for key, value in given.items()}
