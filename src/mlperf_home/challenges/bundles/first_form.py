"""The first form of a report, which bundles of version 0.1 have: verification accepts it beside the present one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.rendering import Part, escaped, markdown_row, plain, table_part, value_text
from mlperf_home.challenges.bundles.report_parts import expected_cells, heading_rows, notices_of
from mlperf_home.contracts.codec import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlperf_home.contracts.challenges.report import ChallengeReport, ReportedExploration, ReportedResult

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{border:1px solid #bbb;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top}th{background:#eee}.notice{border-left:.4rem solid #b45309;"
    "padding:.4rem .8rem;background:#fef3c7}"
)


def first_form(report: ChallengeReport, title: str) -> dict[str, str]:
    """Return the texts of a report in its first form, by file ending: md, html."""
    parts = _parts(report)
    return {"md": _markdown(title, parts), "html": _page(title, parts)}


def _parts(report: ChallengeReport) -> list[Part]:
    workflows = [(each.name, each.status, each.error) for each in report.workflows]
    required = [(each.workflow, each.wanted, each.here, each.missing or "nothing") for each in report.required]
    machine = [(key, value_text(value)) for key, value in sorted(encode(report.machine).items())]
    return [
        Part("What this is", list(notices_of(report)), ("", ""), heading_rows(report)),
        *_results(report.results),
        *map(_front, report.explorations),
        Part("Workflows", (), ("workflow", "ended", "because"), workflows),
        Part("Machine", (), ("", ""), machine),
        Part("Requirements", (), ("of", "wanted", "here", "missing"), required),
        Part("Expected time", (), ("of", "hours", "how"), list(map(expected_cells, report.expected))),
        *table_part("Not as locked", ("difference",), [(line,) for line in report.lock_differences]),
    ]


def _results(results: Sequence[ReportedResult]) -> Iterator[Part]:
    for benchmark in dict.fromkeys(row.benchmark for row in results):
        rows = [row for row in results if row.benchmark == benchmark]
        names = [cell.name for cell in rows[0].metrics]
        header = ("workflow", "model", "scenario", "engine", *names, "LoadGen says", "remarks")
        yield Part(f"Results: {benchmark}", (), header, list(map(_cells, rows)))
    if not results:
        yield Part("Results", ["there is none"])


def _cells(row: ReportedResult) -> tuple[str, ...]:
    metrics = [value_text(cell.value) for cell in row.metrics]
    remarks = "; ".join([*row.unofficial_because, *(f"noisy: {each}" for each in row.noisy)])
    validity = row.validity or "no performance run"
    return (row.workflow, value_text(row.model), row.scenario, row.engine, *metrics, validity, remarks)


def _front(answer: ReportedExploration) -> Part:
    work = "" if answer.work_share is None else f"; {100 * answer.work_share:.1f} % of the exhaustive work"
    notice = f"{answer.undecided} undecided, {answer.dropped} dropped{work}"
    names = list(dict.fromkeys(name for point in answer.front for name in point.values))
    rows = [(point.point, *(value_text(point.values.get(name)) for name in names)) for point in answer.front]
    return Part(f"Front: {answer.experiment}", [notice], ("point", *names), rows)


def _markdown(title: str, parts: Sequence[Part]) -> str:
    lines = [f"# {plain(title)}", ""]
    for part in parts:
        lines += [f"## {plain(part.title)}", ""]
        lines += [text for notice in part.notices for text in (f"**{plain(notice)}**", "")]
        if part.rows:
            lines += [markdown_row(part.header), "|" + "---|" * len(part.header), *map(markdown_row, part.rows), ""]
    return "\n".join(lines)


def _page(title: str, parts: Sequence[Part]) -> str:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escaped(title)}</title>'
    body = "\n".join(map(_section, parts))
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n'
        f"<body><h1>{escaped(title)}</h1>\n{body}\n</body></html>\n"
    )


def _section(part: Part) -> str:
    html = f"<h2>{escaped(part.title)}</h2>"
    html += "".join(f'<p class="notice">{escaped(notice)}</p>' for notice in part.notices)
    if part.rows:
        names = "".join(f"<th>{escaped(cell)}</th>" for cell in part.header)
        rows = "\n".join(f"<tr>{''.join(f'<td>{escaped(cell)}</td>' for cell in row)}</tr>" for row in part.rows)
        html += f"\n<table><tr>{names}</tr>\n{rows}</table>"
    return html
