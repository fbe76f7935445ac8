"""Reports, as JSON, Markdown and one HTML page that needs nothing else; and the report of a challenge's run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.measurement import NOISY, from_json, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Challenge, Metric

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{border:1px solid #bbb;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top}th{background:#eee}.notice{border-left:.4rem solid #b45309;"
    "padding:.4rem .8rem;background:#fef3c7}"
)
_SPECIAL = {"\\": "\\\\", "|": "\\|", "<": "&lt;", ">": "&gt;", "*": "\\*", "_": "\\_", "`": "\\`", "[": "\\["}
SCHEMA = "mlperf-home/challenge-report/1"
MEASUREMENTS = "results/*/*_results/*/*/*/measurement.json"
KEPT_RESULTS = "results/*_results/*/*/*"
"""Where an experiment keeps whole runs, below its folder."""


class ReportError(LocatedError):
    """Something that a report tells of cannot be read."""


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
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def forms(report: object, title: str, parts: Sequence[Part]) -> dict[str, str]:
    """Write a report in its three forms: texts by the endings of their files' names."""
    lines = [f"# {_plain(title)}", ""]
    sections = []
    for part in parts:
        lines += [f"## {_plain(part.title)}", ""]
        lines += [text for notice in part.notices for text in (f"**{_plain(notice)}**", "")]
        html = f"<h2>{escape(part.title)}</h2>"
        html += "".join(f'<p class="notice">{escape(notice)}</p>' for notice in part.notices)
        if part.rows:
            lines += [_row(part.header), "|" + "---|" * len(part.header), *map(_row, part.rows), ""]
            names = "".join(f"<th>{escape(cell)}</th>" for cell in part.header)
            rows = "\n".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in part.rows)
            html += f"\n<table><tr>{names}</tr>\n{rows}</table>"
        sections.append(html)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    body = "\n".join(sections)
    page = (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )
    return {"json": json_text(report), "md": "\n".join(lines), "html": page}


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


def measurement_files(root: Path) -> list[Path]:
    """Return the measurements below a folder: those of workflows, and of the whole runs that explorations have kept."""
    return sorted([*root.glob(MEASUREMENTS), *root.glob(f"experiments/*/{KEPT_RESULTS}/measurement.json")])


def result_rows(root: Path, metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    """Return the results, the best by its benchmark's first metric first. Raise MeasurementError if one is damaged."""
    rows: list[dict[str, Any]] = []
    for path in measurement_files(root):
        measurement = from_json(path.read_text(encoding="utf-8"), str(path.relative_to(root)))
        row = {
            "path": path.relative_to(root).as_posix(),
            "workflow": path.relative_to(root).parts[1],  # or the experiment
            "benchmark": measurement.benchmark,
            "scenario": measurement.scenario,
            "model": measurement.model["name"].value,
            "engine": f"{measurement.engine['name'].value} {measurement.engine['version'].value}",
            "sample": measurement.sample,
            "validity": measurement.validity,
            "unofficial_because": list(measurement.unofficial_because),
            "noisy": [each.removeprefix(NOISY) for each in measurement.warnings if each.startswith(NOISY)],
            "metrics": [
                {"name": metric.name, "better": metric.better, "value": found.value, "origin": found.origin}
                for metric in metrics
                if metric.benchmark == measurement.benchmark
                for found in [measurement.values.get(metric.name) or unknown("not in the measurement")]
            ],
        }
        rows.append(row)
    return sorted(rows, key=lambda row: (row["benchmark"], row["scenario"], _rank(row), row["workflow"], row["path"]))


def _rank(row: Mapping[str, Any]) -> float:
    numbers = ((cell["value"], cell["better"]) for cell in row["metrics"] if isinstance(cell["value"], int | float))
    value, better = next(numbers, (float("inf"), "less"))
    return -float(value) if better == "more" else float(value)


def exploration_rows(root: Path) -> list[dict[str, Any]]:
    """Return explorations' answers: front, number undecided, work. Raise ReportError if one cannot be read."""
    rows = []
    for path in sorted(root.glob("experiments/*/answer.json")):
        try:
            answer = json.loads(path.read_text(encoding="utf-8"))
            row = {
                "path": path.relative_to(root).as_posix(),
                "experiment": path.parent.name,
                "sample": bool(answer.get("sample", False)),
                "front": [{"point": each["point"], "values": each["values"]} for each in answer["front"]],
                "undecided": len(answer["undecided"]),
                "dropped": len(answer["dropped"]),
                "work_share": answer["work"].get("share"),
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            advice = "explore again, or remove the experiment"
            raise ReportError(path, f"is no exploration's answer ({error!r})", advice) from None
        rows.append(row)
    return rows


def make_report(challenge: Challenge, root: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report as JSON, of `results/` and `experiments/` below `root` and of what the run knows besides.

    Raises:
        MeasurementError: a measurement cannot be read.
        ReportError: an answer cannot be read.
    """
    return {
        "schema": SCHEMA,
        "challenge": {
            "name": challenge.name,
            "title": challenge.title,
            "opened": challenge.opened.isoformat(),
            "closed": challenge.closed.isoformat(),
            "points": challenge.points,
        },
        **facts,
        **found_in(challenge, root, facts),
    }


def found_in(challenge: Challenge, root: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a report says of the results in a folder, and whether the run counts."""
    results = result_rows(root, challenge.metrics)
    why = []
    if facts["sample"]:
        why.append("it was made with sample data: nothing in it is an MLPerf result")
    elif any(row["sample"] for row in results):
        why.append("results in it were made with sample data: those are no MLPerf results")
    if facts["state"] != "open":
        why.append(f"the challenge was {facts['state']} when it was made")
    if facts["lock_differences"]:
        why.append(f"it was not made with what is locked: {len(facts['lock_differences'])} differences")
    if facts["extra_options"]:
        why.append(f"options were added to its commands: {facts['extra_options']}")
    if not any(row["validity"] == "VALID" and not row["unofficial_because"] for row in results):
        why.append("no result in it is an official one")
    return {"results": results, "explorations": exploration_rows(root), "counts": not why, "counts_not_because": why}


def report_parts(report: Mapping[str, Any]) -> list[Part]:
    """Return the parts of a challenge's report."""
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
    workflows = [(each["name"], each["status"], each["error"]) for each in report["workflows"]]
    required = [
        (one["workflow"], one["wanted"], one["here"], one["missing"] or "nothing") for one in report["required"]
    ]
    return [
        Part("What this is", [*notices, counts], ("", ""), head),
        *_found_parts(report["results"], report["explorations"]),
        Part("Workflows", (), ("workflow", "ended", "because"), workflows),
        Part("Machine", (), ("", ""), [(key, number(value)) for key, value in sorted(report["machine"].items())]),
        Part("Requirements", (), ("of", "wanted", "here", "missing"), required),
        Part("Expected time", (), ("of", "hours", "how"), list(map(_expected, report["expected"]))),
        *listed("Not as locked", ("difference",), [(line,) for line in report["lock_differences"]]),
    ]


def _found_parts(results: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    """Yield a table of each benchmark's results, and one of each exploration's front."""
    for benchmark in dict.fromkeys(row["benchmark"] for row in results):
        rows = [row for row in results if row["benchmark"] == benchmark]
        lines = []
        for row in rows:
            metrics = [number(cell["value"]) for cell in row["metrics"]]
            said = row["validity"] or "no performance run"
            remarks = "; ".join([*row["unofficial_because"], *(f"noisy: {each}" for each in row["noisy"])])
            lines.append(
                (row["workflow"], number(row["model"]), row["scenario"], row["engine"], *metrics, said, remarks)
            )
        names = [cell["name"] for cell in rows[0]["metrics"]]
        header = ("workflow", "model", "scenario", "engine", *names, "LoadGen says", "remarks")
        yield Part(f"Results: {benchmark}", (), header, lines)
    if not results:
        yield Part("Results", ["there is none"])
    for answer in answers:
        share = answer["work_share"]
        work = "" if share is None else f"; {100 * share:.1f} % of the exhaustive work"
        notice = f"{answer['undecided']} undecided, {answer['dropped']} dropped{work}"
        names = list(dict.fromkeys(name for point in answer["front"] for name in point["values"]))
        lines = [(point["point"], *(number(point["values"].get(name)) for name in names)) for point in answer["front"]]
        yield Part(f"Front: {answer['experiment']}", [notice], ("point", *names), lines)


def _expected(each: Mapping[str, Any]) -> tuple[str, str, str]:
    hours = "not known" if each["hours"] is None else f"{each['hours']:.2f} (estimated)"
    measured = "" if each["sample_ms"] is None else f"measured: {each['sample_ms']:.4g} ms a sample; "
    return (each["workflow"], hours, measured + each["how"])
