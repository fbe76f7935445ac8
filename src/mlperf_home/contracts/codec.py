"""Encode and decode the documents that cross a process or a file.

The annotations of a `Document` are its JSON Schema. Errors are `DocumentError`s that name the file and the place in it.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_text
from scriptgraph.files.json_reader import DOCUMENT, Limits, parse_json, read_json

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_options: Any) -> Any:
        """Return a decorator without effect; only type checkers use the real one."""
        return lambda cls: cls


_T = TypeVar("_T")
_PLACE = re.compile(r" - at `\$(.*)`$")
_PART = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


class _FrozenByName(msgspec.StructMeta):
    """The metaclass of frozen structures with keyword-only fields."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
        return super().__new__(mcs, name, bases, namespace, **{"frozen": True, "kw_only": True, **options})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class OpenDocument(msgspec.Struct, metaclass=_FrozenByName, frozen=True, kw_only=True):
    """The base of documents that later versions may extend: unknown keys are ignored."""


class Document(OpenDocument, forbid_unknown_fields=True):
    """The base of documents in which an unknown key is an error."""


def read_document(path: Path, kind: type[_T], limits: Limits = DOCUMENT) -> _T:
    """Read a document of type `kind` from a file.

    Raises:
        DocumentError: the file cannot be read, is not JSON, exceeds a limit, or does not fit `kind`.
    """
    return decode(read_json(path, limits), kind, path)


def parse_document(content: bytes | str, kind: type[_T], where: object, limits: Limits = DOCUMENT) -> _T:
    """Parse a document from text; `where` names the source in errors, which are those of `read_document`."""
    return decode(parse_json(content, where, limits), kind, where)


def parse_own(content: bytes | str, kind: type[_T], where: object) -> _T:
    """Parse a document that this program keeps for itself, in a fifth of the time: nothing limits its size.

    Raises:
        DocumentError: the text is no such document.
    """
    try:
        return msgspec.json.decode(content, type=kind, dec_hook=_decode_leaf)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DocumentError(where, "", f"is no {kind.__name__} ({error})") from None


def decode(value: Any, kind: type[_T], where: object) -> _T:
    """Decode JSON values to a document of type `kind`.

    Raises:
        DocumentError: the values do not fit `kind`; the error names `where` and the place in the document.
    """
    try:
        return msgspec.convert(value, kind, dec_hook=_decode_leaf)
    except msgspec.ValidationError as error:
        text = str(error)
        place = _PLACE.search(text)
        parts = _PART.findall(place[1]) if place else []
        pointer = "".join(f"/{name or number}" for name, number in parts)
        problem = text[: place.start()] if place else text
        raise DocumentError(where, pointer, problem[:1].lower() + problem[1:]) from None


def encode(document: object) -> Any:
    """Encode a document as JSON values; raise ValueError for a number that JSON does not know."""
    values = msgspec.to_builtins(document, str_keys=True, enc_hook=_encode_leaf)
    return msgspec.json.decode(json.dumps(values, allow_nan=False))


def to_line(document: object) -> str:
    """Encode a document as one line of JSON, without a line end."""
    return msgspec.json.encode(document, enc_hook=_encode_leaf).decode()


def print_line(document: object) -> None:
    """Print a document as one line of JSON, for the parent process.

    An interruption leaves a complete line or none: `print` writes the text and its line end one after the other.
    """
    sys.stdout.write(f"{to_line(document)}\n")
    sys.stdout.flush()


def write_document(path: Path, document: object) -> None:
    """Write a document to a file atomically.

    Raises:
        OSError: the file cannot be written.
    """
    replace_text(path, json.dumps(encode(document), indent=1) + "\n")


def schema_of(kind: type) -> dict[str, Any]:
    """Return the JSON Schema of a document type."""
    return msgspec.json.schema(kind, schema_hook=_schema_of_leaf)


def _decode_leaf(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str) and value:
        if not value.isprintable() and any("\ud800" <= each <= "\udfff" for each in value):
            raise ValueError(f"Expected a path in UTF-8, got {value!r}")
        return Path(value)
    raise ValueError(f"Expected a path, got {value!r}")


def _encode_leaf(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _schema_of_leaf(kind: type) -> dict[str, Any]:
    if kind is Path:
        return {"type": "string", "minLength": 1}
    raise NotImplementedError(kind)
