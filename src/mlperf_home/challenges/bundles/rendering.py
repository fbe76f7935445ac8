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
    ":root{color-scheme:light dark;--page:#fff;--text:#1f2328;--soft:#59636e;--line:#d1d9e0;--mark:#0072b2;"
    "--notice:#8a3b00;--notice-page:#fff4e5}"
    "@media(prefers-color-scheme:dark){:root{--page:#12161c;--text:#e6edf3;--soft:#9aa7b4;--line:#333d49;"
    "--mark:#5cb8f0;--notice:#ffb86b;--notice-page:#2b2116}}"
    "*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;"
    "padding:1.25rem clamp(.75rem,2.5vw,2rem) 3rem;color:var(--text);background:var(--page)}"
    "h1{font-size:clamp(1.3rem,2.6vw,1.7rem);line-height:1.25;margin:0 0 .4rem}"
    "h2{font-size:1.15rem;margin:2rem 0 .5rem}.lead{font-size:1.08rem;margin:0 0 1rem}"
    ".notice{border-left:.25rem solid var(--notice);padding:.35rem .8rem;margin:.5rem 0;color:var(--notice);"
    "background:var(--notice-page);overflow-wrap:anywhere}"
    ".remark{color:var(--soft);margin:.25rem 0;overflow-wrap:anywhere}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.94rem;width:100%}"
    "th,td{border-bottom:1px solid var(--line);padding:.4rem .9rem .4rem 0;text-align:left;vertical-align:top;"
    "overflow-wrap:break-word}th[scope=row]{font-weight:400;color:var(--soft);width:13rem}"
    "figure{margin:.5rem 0}svg{width:100%;max-width:38rem;height:auto;font:13px system-ui,sans-serif}"
    "text{paint-order:stroke;stroke:var(--page);stroke-width:3px}"
    "@media(max-width:34rem){th,td{font-size:.88rem;padding-right:.6rem}th[scope=row]{width:8rem}}"
)
_SPECIAL = {"\\": "\\\\", "|": "\\|", "<": "&lt;", ">": "&gt;", "*": "\\*", "_": "\\_", "`": "\\`", "[": "\\["}


@dataclass(frozen=True)
class Part:
    """A section of a report.

    Attributes:
        title: its heading; the first section may have none.
        notices: emphasised sentences.
        header: the names of the columns; without them, each row is the name and the value of a fact.
        rows: the table.
        lead: the sentence with the answer, before all else.
        remarks: sentences on the table, stated once.
        figure: a picture as SVG, above the table.
        pictures: pictures as SVG, below the table; only the page has them.
    """

    title: str
    notices: Sequence[str] = ()
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    lead: str = ""
    remarks: Sequence[str] = ()
    figure: str = ""
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
    lines = [f"# {plain(title)}", ""]
    for part in parts:
        lines += [f"## {plain(part.title)}", ""] if part.title else []
        lines += [plain(part.lead), ""] if part.lead else []
        lines += [text for notice in part.notices for text in (f"**{plain(notice)}**", "")]
        lines += [text for remark in part.remarks for text in (plain(remark), "")]
        if part.rows and part.header:
            lines += [markdown_row(part.header), "|" + "---|" * len(part.header), *map(markdown_row, part.rows), ""]
        elif part.rows:
            lines += [*(f"- {': '.join(map(plain, row))}" for row in part.rows), ""]
    return "\n".join(lines)


def _page(title: str, parts: Sequence[Part]) -> str:
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escaped(title)}</title>"
    )
    body = "\n".join(map(_section, parts))
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n'
        f"<body><h1>{escaped(title)}</h1>\n{body}\n</body></html>\n"
    )


def _section(part: Part) -> str:
    html = f"<h2>{escaped(part.title)}</h2>" if part.title else ""
    html += f'<p class="lead">{escaped(part.lead)}</p>' if part.lead else ""
    html += "".join(f'<p class="notice">{escaped(notice)}</p>' for notice in part.notices)
    html += "".join(f'<p class="remark">{escaped(remark)}</p>' for remark in part.remarks)
    html += f"<figure>{part.figure}</figure>" if part.figure else ""
    html += _table(part) if part.rows else ""
    return html + "".join(f'\n<div class="scroll">{picture}</div>' for picture in part.pictures)


def _table(part: Part) -> str:
    names = "".join(f'<th scope="col">{escaped(cell)}</th>' for cell in part.header)
    head = f"<thead><tr>{names}</tr></thead>" if names else ""
    rows = "\n".join(_row(row, is_fact=not names) for row in part.rows)
    return f'\n<div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div>'


def _row(row: Sequence[str], *, is_fact: bool) -> str:
    first = f'<th scope="row">{escaped(row[0])}</th>' if is_fact else f"<td>{escaped(row[0])}</td>"
    return f"<tr>{first}{''.join(f'<td>{escaped(cell)}</td>' for cell in row[1:])}</tr>"


def escaped(text: str) -> str:
    """Return a text for HTML, on one line and without control characters."""
    return escape(printable_name(text))


def value_text(value: object) -> str:
    """Return a value as text for people."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def plain(text: str) -> str:
    """Return a text for Markdown, without its special letters."""
    return " ".join("".join(_SPECIAL.get(letter, letter) for letter in printable(text)).split())


def markdown_row(cells: Sequence[str]) -> str:
    """Return a row of a table in Markdown."""
    return f"| {' | '.join(map(plain, cells))} |"
