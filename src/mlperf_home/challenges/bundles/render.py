"""Reports as Markdown and as one HTML page that needs nothing else: made from the same sections."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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


def to_markdown(title: str, parts: Sequence[Part]) -> str:
    """Write parts as Markdown."""
    lines = [f"# {_plain(title)}", ""]
    for part in parts:
        lines += [f"## {_plain(part.title)}", ""]
        lines += [text for notice in part.notices for text in (f"**{_plain(notice)}**", "")]
        if part.rows:
            lines += [_row(part.header), "|" + "---|" * len(part.header), *map(_row, part.rows), ""]
    return "\n".join(lines)


def to_html(title: str, parts: Sequence[Part]) -> str:
    """Write parts as a page."""
    body = "\n".join(_html_part(part) for part in parts)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def report_parts(report: Mapping[str, Any]) -> list[Part]:
    """Give the parts of a challenge's report."""
    counts = (
        f"It counts for the challenge: {report['challenge']['points']} points"
        if report["counts"]
        else f"It does not count for the challenge: {'; '.join(report['counts_not_because'])}"
    )
    notices = ["SAMPLE: made-up data and toy models, no MLPerf result"] if report["sample"] else []
    if not report["sample"] and any(row["sample"] for row in report["results"]):
        notices.append("SAMPLE: results in it were made with made-up data, and are no MLPerf results")
    dates = report["challenge"]
    head = [
        ("challenge", dates["name"]),
        ("open", f"{dates['opened']} to {dates['closed']}"),
        ("made", f"{report['made_utc']}, when it was {report['state']}"),
        ("locked", "as locked" if not report["lock_differences"] else f"{len(report['lock_differences'])} differences"),
        ("mlperf-home", report["version"]),
    ]
    return [
        Part("What this is", [*notices, counts], ("", ""), head),
        *_result_parts(report["results"]),
        *_exploration_parts(report["explorations"]),
        Part("Workflows", (), ("workflow", "ended", "because"), [_workflow_row(each) for each in report["workflows"]]),
        Part("Machine", (), ("", ""), [(key, number(value)) for key, value in sorted(report["machine"].items())]),
        Part("Requirements", (), ("of", "wanted", "here", "missing"), [_wanted(each) for each in report["required"]]),
        Part("Expected time", (), ("of", "hours", "how"), [_expected(each) for each in report["expected"]]),
        *_difference_part("Not as locked", report["lock_differences"]),
    ]


def number(value: object) -> str:
    """Write a value for people."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _result_parts(results: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    for benchmark in dict.fromkeys(row["benchmark"] for row in results):
        rows = [row for row in results if row["benchmark"] == benchmark]
        metrics = [cell["name"] for cell in rows[0]["metrics"]]
        header = ("workflow", "model", "scenario", "engine", *metrics, "LoadGen says", "remarks")
        yield Part(f"Results: {benchmark}", (), header, [_result_row(row) for row in rows])
    if not results:
        yield Part("Results", ["there is none"])


def _result_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    remarks = [*row["unofficial_because"], *(f"noisy: {each}" for each in row["noisy"])]
    return (
        row["workflow"],
        number(row["model"]),
        row["scenario"],
        row["engine"],
        *(number(cell["value"]) for cell in row["metrics"]),
        row["validity"] or "no performance run",
        "; ".join(remarks),
    )


def _exploration_parts(answers: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    for answer in answers:
        share = answer["work_share"]
        work = "" if share is None else f"; {100 * share:.1f} % of the exhaustive work"
        notice = f"{answer['undecided']} undecided, {answer['dropped']} dropped{work}"
        names = list(dict.fromkeys(name for point in answer["front"] for name in point["values"]))
        rows = [(point["point"], *(number(point["values"].get(name)) for name in names)) for point in answer["front"]]
        yield Part(f"Front: {answer['experiment']}", [notice], ("point", *names), rows)


def _workflow_row(each: Mapping[str, Any]) -> tuple[str, str, str]:
    return (each["name"], each["status"], each["error"])


def _wanted(each: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return (each["workflow"], each["wanted"], each["here"], each["missing"] or "nothing")


def _expected(each: Mapping[str, Any]) -> tuple[str, str, str]:
    hours = "not known" if each["hours"] is None else f"{each['hours']:.2f} (estimated)"
    measured = "" if each["sample_ms"] is None else f"measured: {each['sample_ms']:.4g} ms a sample; "
    return (each["workflow"], hours, measured + each["how"])


def _difference_part(title: str, lines: Sequence[str]) -> Iterator[Part]:
    if lines:
        yield Part(title, (), ("difference",), [(line,) for line in lines])


def _plain(text: str) -> str:
    return " ".join("".join(_SPECIAL.get(letter, letter) for letter in text).split())


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _html_part(part: Part) -> str:
    notices = "".join(f'<p class="notice">{escape(notice)}</p>' for notice in part.notices)
    if not part.rows:
        return f"<h2>{escape(part.title)}</h2>{notices}"
    head = "".join(f"<th>{escape(cell)}</th>" for cell in part.header)
    rows = "\n".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in part.rows)
    return f"<h2>{escape(part.title)}</h2>{notices}\n<table><tr>{head}</tr>\n{rows}</table>"
