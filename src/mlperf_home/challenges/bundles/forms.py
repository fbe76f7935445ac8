"""Write reports as JSON, as Markdown and as one HTML page that needs nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import encode

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
    """A heading, sentences that stand out, and a table."""

    title: str
    notices: Sequence[str] = ()
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def listed(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Part]:
    """Return one part with a table, or none where it would have no rows."""
    return [Part(title, (), header, rows)] if rows else []


def json_text(document: object) -> str:
    """Write a document as JSON text, the same for the same document."""
    return json.dumps(encode(document), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def forms(report: object, title: str, parts: Sequence[Part]) -> dict[str, str]:
    """Write a report in its three forms: texts by the endings of their files' names."""
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
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    body = "\n".join(map(_section, parts))
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def _section(part: Part) -> str:
    html = f"<h2>{escape(part.title)}</h2>"
    html += "".join(f'<p class="notice">{escape(notice)}</p>' for notice in part.notices)
    if part.rows:
        names = "".join(f"<th>{escape(cell)}</th>" for cell in part.header)
        rows = "\n".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in part.rows)
        html += f"\n<table><tr>{names}</tr>\n{rows}</table>"
    return html


def number(value: object) -> str:
    """Write a value for people."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _plain(text: str) -> str:
    return " ".join("".join(_SPECIAL.get(letter, letter) for letter in text).split())


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"
