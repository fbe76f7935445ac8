"""Documents that name their layout under `schema`: another layout is named before its keys are looked at."""

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
    """Read a document whose `schema` must be the default of its kind.

    Raises:
        DocumentError: the file cannot be read, exceeds a limit, is of another layout, or is not such a document.
    """
    value = read_json(path, limits)
    layout = next(field.default for field in msgspec.structs.fields(kind) if field.name == "schema")
    if isinstance(value, dict) and value.get("schema") != layout:
        raise DocumentError(path, "/schema", f"is not {layout}, the layout that this version reads")
    return decode(value, kind, path)
