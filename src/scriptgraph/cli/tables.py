"""Lists on standard output: tables on a terminal, aligned lines elsewhere."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS = ("kB", "MB", "GB", "TB")
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


@dataclass(frozen=True)
class Section:
    """Rows of equally many cells below a title; without rows the title stands alone."""

    title: str
    rows: Sequence[Sequence[str]] = ()
    header: Sequence[str] = ()


def show_sections(sections: Sequence[Section], to: TextIO | None = None) -> None:
    """Write sections, by default to standard output."""
    out = to or sys.stdout
    if out.isatty():
        _show_tables(sections, out)
    else:
        out.write(as_lines(sections))


def as_lines(sections: Sequence[Section]) -> str:
    """Give sections as text: a title, and below it the rows with their columns aligned."""
    lines = []
    for section in sections:
        indent = "  " if section.title else ""
        lines += [section.title] if section.title else []
        rows = [row for row in (section.header, *section.rows) if row]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append((indent + "  ".join(cells)).rstrip())
    return "".join(f"{line}\n" for line in lines)


def _show_tables(sections: Sequence[Section], out: TextIO) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.table import Table  # noqa: PLC0415

    console = Console(file=out, highlight=False, markup=False, emoji=False)
    for section in sections:
        if not section.rows:
            console.print(section.title, style="bold")
            continue
        table = Table(title=section.title or None, show_header=bool(section.header), title_justify="left")
        for column in section.header or section.rows[0]:
            table.add_column(column if section.header else "", overflow="fold")
        for row in section.rows:
            table.add_row(*row)
        console.print(table)


def size_text(size_bytes: int) -> str:
    """Write a size in decimal units: "38.1 MB"."""
    size, unit = float(size_bytes), "bytes"
    for larger in _UNITS:
        if size < 1000:  # noqa: PLR2004 - what the units are made of
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"


def age_text(then_ns: int | None, now_ns: int) -> str:
    """Write how long ago something was: "3 h ago"; "not known" where it is not."""
    if then_ns is None:
        return "not known"
    seconds = max(0, now_ns - then_ns) // 10**9
    for unit_s, unit in ((_DAY_S, "days"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= unit_s * (2 if unit_s == _DAY_S else 1):
            return f"{seconds // unit_s} {unit} ago"
    return f"{seconds} s ago"
