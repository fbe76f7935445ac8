"""Repeat dependencies and variations over the rows of a table (`for_each`)."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import ManifestError
from scriptgraph.manifest.located_json import (
    Malformed,
    Place,
    Shape,
    decode_value,
    each,
    kind,
    members,
    pointer_to,
    read_object,
)
from scriptgraph.manifest.text import read_shared, shared_file
from scriptgraph.manifest.types import Dependency, ForEach, Variation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from scriptgraph.manifest.types import Conditions, Value, Values

# The placeholder of a column's cell.
_COLUMN = re.compile(r"\{\{([A-Za-z0-9_]+)\}\}")


class Row:
    """A row of a table, to fill `{{COLUMN}}` placeholders.

    Attributes:
        dropped_by: the variations that drop the row while they are on.
    """

    def __init__(self, cells: Mapping[str, Any], dropped_by: Iterable[str] = ()) -> None:
        self.cells, self.dropped_by = cells, frozenset(dropped_by)

    def text(self, text: str) -> str:
        """Fill a text; a list's entries are joined by commas, and an empty cell becomes empty text."""
        return _COLUMN.sub(lambda match: ",".join(_texts(self._cell(match[1]))), text) if "{{" in text else text

    def texts(self, entries: Iterable[Value]) -> tuple[str, ...]:
        """Fill a list of texts; an entry that is only a placeholder becomes one entry for each in the cell."""
        filled: list[Any] = []
        for entry in entries:
            alone = _COLUMN.fullmatch(entry) if isinstance(entry, str) else None
            if alone:
                filled += _texts(self._cell(alone[1]))
            else:
                filled.append(self.text(entry) if isinstance(entry, str) else entry)
        return tuple(filled)

    def values(self, values: Values) -> Values:
        """Fill a mapping of environment values; a value that is only the placeholder of an empty cell is left out."""
        filled: dict[str, Value] = {}
        for key, value in values.items():
            alone = _COLUMN.fullmatch(value) if isinstance(value, str) else None
            if alone:
                cell = self._cell(alone[1])
                if cell is not None:
                    filled[self.text(key)] = decode_value(cell)
            elif isinstance(value, tuple):
                filled[self.text(key)] = self.texts(value)
            else:
                filled[self.text(key)] = self.text(value) if isinstance(value, str) else value
        return filled

    def _cell(self, column: str) -> Any:
        if column not in self.cells:
            raise Malformed(f"{{{{{column}}}}}: the table has no such column; it has {', '.join(self.cells)}")
        return self.cells[column]


def _texts(cell: Any) -> list[str]:
    return [] if cell is None else [str(entry) for entry in cell] if isinstance(cell, list) else [str(cell)]


def repeat(entry: Dependency | Variation, manifest: Path) -> Sequence[Dependency | Variation]:
    """Repeat a dependency or a variation over the rows of its table.

    Raises:
        Malformed: the table is outside the repository, no row matches, or a column does not exist.
        ManifestError: the table cannot be read, or is invalid.
    """
    for_each = entry.for_each
    if for_each is None:
        return [entry]
    try:
        rows = _rows_of(for_each, manifest)
    except Malformed as error:
        raise error.below("for_each") from None
    if isinstance(entry, Dependency):
        return [_filled_dependency(entry, row) for row in rows]
    if any(row.dropped_by for row in rows):
        raise Malformed("only a dependency's rows depend on variations; list cells alone", "/for_each/where")
    return [_filled_variation(entry, row) for row in rows]


def _filled_dependency(entry: Dependency, row: Row) -> Dependency:
    def filled(conditions: Conditions) -> dict[str, tuple[str, ...]]:
        by_key = {row.text(key): row.texts(values) for key, values in conditions.items()}
        if len(by_key) < len(conditions):
            raise Malformed("has a key twice after its columns are replaced; write it once")
        return by_key

    tags = row.text(entry.tags)
    if not tags.strip(", "):
        raise Malformed("names no tag; give at least one", "/tags")
    return entry.replaced(
        tags=tags,
        names=row.texts(entry.names),
        enable=filled(entry.enable),
        skip=filled(entry.skip),
        skip_any=filled(entry.skip_any),
        tags_from=row.texts(entry.tags_from),
        prefixed_tags_from=filled(entry.prefixed_tags_from),
        env=row.values(entry.env),
        row=_label(entry, row),
        may_fail=row.text(entry.may_fail),
        dropped_by=row.dropped_by,
    )


def _label(entry: Dependency, row: Row) -> str:
    if entry.for_each is None:  # a dependency of a repeated variation
        return ""
    return row.text(entry.for_each.label) or " ".join(map(str, row.values(entry.env).values())) or row.text(entry.tags)


def _filled_variation(entry: Variation, row: Row) -> Variation:
    return entry.replaced(
        name=row.text(entry.name),
        description=row.text(entry.description),
        group=row.text(entry.group),
        alias=row.text(entry.alias),
        base=row.texts(entry.base),
        env=row.values(entry.env),
        default_env=row.values(entry.default_env),
        deps=tuple(_filled_dependency(each, row) for each in entry.deps),
        post_deps=tuple(_filled_dependency(each, row) for each in entry.post_deps),
        exports=row.texts(entry.exports),
    )


def _rows_of(for_each: ForEach, manifest: Path) -> list[Row]:
    try:
        path = shared_file(for_each.table, manifest)
    except Malformed as error:
        raise error.below("table") from None
    rows = read_table(path)
    for column in for_each.where:
        if column not in rows[0]:
            raise Malformed(f"no such column; {path} has {', '.join(rows[0])}", f"/where{pointer_to(column)}")
    found = [Row(cells, dropped_by) for cells in rows if (dropped_by := _dropped_by(cells, for_each)) is not None]
    if not found:
        raise Malformed(f"no row of {path} matches; correct the cells", "/where")
    return found


def _dropped_by(cells: Mapping[str, Any], for_each: ForEach) -> list[str] | None:
    """Return the variations that drop a row, or None if `where` excludes it."""
    dropped: list[str] = []
    for column, selected in for_each.where.items():
        own = set(_texts(cells[column]))
        if isinstance(selected, tuple):
            if own.isdisjoint(selected):
                return None
        else:
            dropped += [variation.lstrip("_") for variation, cell in selected.items() if own.isdisjoint(cell)]
    return dropped


def read_table(path: Path) -> tuple[dict[str, Any], ...]:
    """Read a table, `{"rows": [{COLUMN: CELL}]}`; every row has the same columns.

    Raises:
        ManifestError: the table cannot be read, or is invalid.
    """
    stamp = (0, 0)
    with suppress(OSError):  # reported when the file is read
        status = path.stat()
        stamp = status.st_mtime_ns, status.st_size
    return _read(path, stamp)


def _cell(value: Any) -> Any:
    if isinstance(value, dict) or (isinstance(value, list) and not all(isinstance(entry, str) for entry in value)):
        raise Malformed(f"a cell must be text, a number, true, false, null or a list of texts, not {kind(value)}")
    return value


_table = Shape(
    {"about": read_object, "rows": each(members(_cell))},
    lambda rows=(), about=None: rows,  # noqa: ARG005 - documentation in the file
)


@lru_cache(maxsize=16)
def _read(path: Path, _stamp: tuple[int, int]) -> tuple[dict[str, Any], ...]:
    place = Place(path, "", read_shared(path))
    rows: tuple[dict[str, Any], ...] = place.read(_table)
    if not rows:
        place.fail("has no rows; add at least one")
    for number, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            odd = sorted(row.keys() ^ rows[0].keys())
            raise ManifestError(path, f"/rows/{number}", f"does not have the first row's columns: {', '.join(odd)}")
    return tuple(rows)
