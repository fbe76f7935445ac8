"""Render reports as JSON, Markdown, and one self-contained HTML page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import encode
from scriptgraph.printable import printable, printable_name

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{border:1px solid #bbb;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top}th{background:#eee}.notice{border-left:.4rem solid #b45309;"
    "padding:.4rem .8rem;background:#fef3c7}"
)
_SPECIAL = {"\\": "\\\\", "|": "\\|", "<": "&lt;", ">": "&gt;", "*": "\\*", "_": "\\_", "`": "\\`", "[": "\\["}


@dataclass(frozen=True)
class Part:
    """A section of a report: heading, emphasised sentences, table, and pictures as SVG, which only the page has."""

    title: str
    notices: Sequence[str] = ()
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    pictures: Sequence[str] = ()


def table_part(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Part]:
    """Return a part with a table; no part without rows."""
    return [Part(title, (), header, rows)] if rows else []


def json_text(document: object) -> str:
    """Return a document as JSON text with sorted keys."""
    return json.dumps(encode(document), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def render_report(report: object, title: str, parts: Sequence[Part]) -> dict[str, str]:
    """Return a report's texts by file ending: json, md, html."""
    return {"json": json_text(report), "md": _markdown(title, parts), "html": _page(title, parts)}


def _markdown(title: str, parts: Sequence[Part]) -> str:
    lines = [f"# {_plain(title)}", ""]
    for part in parts:
        lines += [f"## {_plain(part.title)}", ""]
        lines += [text for notice in part.notices for text in (f"**{_plain(notice)}**", "")]
        if part.rows:
            lines += [_row(part.header), "|" + "---|" * len(part.header), *map(_row, part.rows), ""]
    return "\n".join(lines)


def _page(title: str, parts: Sequence[Part]) -> str:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{_escaped(title)}</title>'
    body = "\n".join(map(_section, parts))
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n'
        f"<body><h1>{_escaped(title)}</h1>\n{body}\n</body></html>\n"
    )


def _escaped(text: str) -> str:
    return escape(printable_name(text))


def _section(part: Part) -> str:
    html = f"<h2>{_escaped(part.title)}</h2>"
    html += "".join(f'<p class="notice">{_escaped(notice)}</p>' for notice in part.notices)
    if part.rows:
        names = "".join(f"<th>{_escaped(cell)}</th>" for cell in part.header)
        rows = "\n".join(f"<tr>{''.join(f'<td>{_escaped(cell)}</td>' for cell in row)}</tr>" for row in part.rows)
        html += f"\n<table><tr>{names}</tr>\n{rows}</table>"
    return html + "".join(f"\n{picture}" for picture in part.pictures)


def value_text(value: object) -> str:
    """Return a value as text for people."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _plain(text: str) -> str:
    return " ".join("".join(_SPECIAL.get(letter, letter) for letter in printable(text)).split())


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"
