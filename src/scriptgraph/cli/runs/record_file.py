"""Read the record of a run; only the members that a replay uses are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.errors import DocumentError, RequestError
from scriptgraph.files.json_reader import DOCUMENT, parse_json
from scriptgraph.files.sha256 import sha256
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.decoding import decode_override
from scriptgraph.manifest.located_json import (
    Malformed,
    each,
    members,
    pointer_to,
    read_anything,
    read_object,
    read_text,
    read_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from scriptgraph.manifest.types import Override

_ADVICE = "name the record.json of a run"


class RecordFile(Immutable):
    """A record as read: its file, the SHA-256 of the bytes, and the document in them."""

    path: Path
    digest: str
    document: dict[str, Any]


def read_record(path: Path, schema: str) -> RecordFile:
    """Read a record from its file or the run's folder.

    Raises:
        RequestError: the file is absent, not a record, or of another layout.
    """
    where = f"--record={path}"
    path = path / "record.json" if path.is_dir() else path
    try:
        with path.open("rb") as file:
            content = file.read(DOCUMENT.size + 1)
        document = parse_json(content, path, paths=True)
    except OSError as error:
        raise RequestError(f"{where}: cannot be read ({error.strerror}); {_ADVICE}") from None
    except DocumentError as error:
        raise RequestError(f"{where}: {error.problem}; {_ADVICE}") from None
    if not isinstance(document, dict) or document.get("schema") != schema:
        raise RequestError(f"{where}: is not a record in the layout {schema}; {_ADVICE}")
    request = document.get("request")
    if not isinstance(request, dict) or not isinstance(request.get("tags"), str) or not request["tags"]:
        raise RequestError(f"{where}: has no request, so it cannot be replayed; {_ADVICE}")
    try:
        _read_parts(document)
    except Malformed as error:
        raise RequestError(f"{where}#{error.pointer}: {error.problem}; {_ADVICE}") from None
    return RecordFile(path, sha256(content).hexdigest(), document)


def _with(needed: Mapping[str, Callable[[Any], Any]], **known: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a reader of objects with the members `needed` and the optional `known`; others are ignored."""
    readers = {**needed, **known}

    def read(value: Any) -> Any:
        document, key = read_object(value), ""
        absent = [name for name in needed if name not in document]
        if absent:
            raise Malformed("is missing", pointer_to(absent[0]))
        try:
            for key, reader in readers.items():
                if key in document:
                    reader(document[key])
        except Malformed as error:
            raise error.below(key) from None
        return document

    return read


def _read_text_or_null(value: Any) -> str:
    return "" if value is None else read_text(value)


def _read_override(value: Any) -> Override:
    try:
        return decode_override(read_object(value))
    except TypeError as error:
        raise Malformed(str(error)) from None


_read_request = _with(
    {"tags": read_text},
    inputs=members(read_value),
    env=members(read_value),
    adr=members(_read_override),
    argv=each(read_text),
)
_read_step = _with(
    {
        "title": read_text,
        "status": read_text,
        "cache_key": _read_text_or_null,
        "exports": read_object,
        "commands": each(_with({"exit_code": read_anything})),
    }
)
_read_plan_step = _with(
    {"title": read_text, "version": read_text, "manifest": read_text, "env": read_object},
    uid=read_text,
    alias=read_text,
)
_read_parts = _with(
    {"plan_fingerprint": read_text, "request": _read_request, "steps": each(_read_step)},
    plan=each(_read_plan_step),
    host=read_object,
    exports=read_object,
)
