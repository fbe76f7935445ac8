"""Read documents with a `schema` key; another layout is reported before any other problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from mlperf_home.contracts.codec import decode
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.files.json_reader import Limits

_T = TypeVar("_T", bound=msgspec.Struct)


def read_layout(path: Path, kind: type[_T], limits: Limits) -> _T:
    """Read a document of a kind; its `schema` must be the kind's default.

    Raises:
        DocumentError: the file cannot be read, exceeds a limit, has another layout, or is not such a document.
    """
    value = read_json(path, limits)
    layout = next(field.default for field in msgspec.structs.fields(kind) if field.name == "schema")
    if isinstance(value, dict) and value.get("schema") != layout:
        raise DocumentError(path, "/schema", f"is not {layout}, the layout of this version")
    return decode(value, kind, path)
