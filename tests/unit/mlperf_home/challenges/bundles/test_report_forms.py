"""The pages of reports: the answer first, remarks once, a picture of the front, and the form of earlier bundles."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mlperf_home.challenges.bundles.first_form import first_form
from mlperf_home.challenges.bundles.front_figure import FigurePoint, front_figure
from mlperf_home.challenges.bundles.rendering import Part, render_report
from mlperf_home.challenges.bundles.report_parts import report_parts
from mlperf_home.contracts.challenges.report import REPORT_LIMITS, ChallengeReport
from mlperf_home.contracts.codec import read_document

HOME = Path(__file__).parents[4] / "fixtures" / "home-0.1" / "home"
FOLDER = HOME / "challenges" / "run-mlperf@home-v3.1-cpu" / "sample"


@pytest.fixture(scope="module")
def report() -> ChallengeReport:
    return read_document(FOLDER / "report.json", ChallengeReport, REPORT_LIMITS)


@pytest.mark.parametrize("ending", ["md", "html"])
def test_the_first_form_has_the_bytes_of_version_0_1(report: ChallengeReport, ending: str) -> None:
    kept = (FOLDER / f"report.{ending}").read_text("utf-8")
    title = f"{report.challenge.title}: report"

    assert first_form(report, title)[ending] == kept


def texts_of(report: ChallengeReport) -> dict[str, str]:
    return render_report(report, "A report", report_parts(report))


def test_the_answer_stands_below_the_title(report: ChallengeReport) -> None:
    page = texts_of(report)["html"].partition("<body>")[2]

    answer = re.match(r'<h1>A report</h1>\n<p class="lead">(.*?)</p>', page)
    assert answer
    assert "4 results, 4 of them VALID; the front of explore-sample-mobilenets-0f7d2c44 has 3 points" in answer[1]


def test_a_remark_that_all_share_is_stated_once(report: ChallengeReport) -> None:
    for text in texts_of(report).values():
        assert text.count("it was asked to last 10 s; v3.1 asks 600 s") in {2, 4}  # two benchmarks; JSON: each result
    lines = texts_of(report)["md"].splitlines()
    assert "mobilenet\\_0.25\\_64\\_float: it has no accuracy run." in lines


def test_no_table_has_an_empty_head(report: ChallengeReport) -> None:
    texts = texts_of(report)

    assert "<th></th>" not in texts["html"]
    assert '<th scope="col"></th>' not in texts["html"]
    assert "|  |" not in texts["md"].replace("done |  |", "").replace("not run |  |", "")


def test_units_are_words(report: ChallengeReport) -> None:
    assert '<th scope="col">latency in milliseconds</th>' in texts_of(report)["html"]


def test_a_front_has_its_picture_above_the_table(report: ChallengeReport) -> None:
    page = texts_of(report)["html"]

    assert page.count("<circle") == 3
    assert page.index("<svg") < page.index("<td>sample-mobilenet/0.25/64/float</td>")


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(0.0, 1.0), (1.0, 2.0)], [(1.0, float("inf")), (2.0, 1.0)]])
def test_a_front_that_cannot_be_drawn_has_no_picture(points: list[tuple[float, float]]) -> None:
    assert front_figure([FigurePoint("a", *each) for each in points], "x", "y") == ""


@pytest.mark.parametrize(("last", "step"), [(5.0, "H"), (1.0, "V")])
def test_between_two_points_the_worse_value_is_drawn(last: float, step: str) -> None:
    figure = front_figure([FigurePoint("a", 1.0, 3.0), FigurePoint("b", 2.0, last)], "x", "y")

    assert re.search(rf'd="M[\d. ]+{step}[\d.]+[HV]', figure)


def test_hostile_names_stay_text_in_pages_and_pictures() -> None:
    hostile = """</svg></b> "x" 'y' & | *z*\x1b"""
    figure = front_figure([FigurePoint(hostile, 1.0, 2.0), FigurePoint("b", 3.0, 4.0)], hostile, "y")
    part: dict[str, Any] = {"header": ("name", "value"), "rows": [(hostile, "")], "remarks": [hostile]}

    page = render_report({}, hostile, [Part("", lead=hostile, figure=figure), Part(hostile, [hostile], **part)])

    escaped = "&lt;/svg&gt;&lt;/b&gt; &quot;x&quot; &#x27;y&#x27; &amp; | *z*\\x1b"
    assert page["html"].count(escaped) >= 7
    assert "</b>" not in page["html"]
    assert page["html"].count("</svg>") == 1
    assert "\x1b" not in "".join(page.values())


def test_facts_have_names_and_no_head() -> None:
    texts = render_report({}, "t", [Part("Facts", rows=[("a_b", "c")])])

    assert '<tr><th scope="row">a_b</th><td>c</td></tr>' in texts["html"]
    assert "thead" not in texts["html"]
    assert "- a\\_b: c" in texts["md"].splitlines()


def test_a_page_reads_no_other_file(report: ChallengeReport) -> None:
    page = texts_of(report)["html"]

    assert not re.search(r"<(script|link|img|iframe)|url\(|https?://", page)
    assert json.loads(texts_of(report)["json"])
