"""The page in a real browser, without a network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pictures import HOSTILE, example, mark, picture

from mlperf_home.pictures.picture import with_fronts

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("matplotlib", reason="Matplotlib is not installed in this Python")
pytest.importorskip("plotly", reason="Plotly is not installed in this Python")
waits = pytest.importorskip("selenium.webdriver.support.wait", reason="selenium is not installed in this Python")

PATIENCE_S = 30
DRAWN = "return document.querySelector('#table') === null || document.querySelectorAll('#table td').length > 0"
COLOUR_OF_CHART = "return document.getElementById('chart').layout.font.color"


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Any:
    return open_page(browser, tmp_path, with_fronts(example()))


def open_page(browser: Any, tmp_path: Path, shown: Any) -> Any:
    from mlperf_home.pictures.drawing import write_page

    for kind in ("browser", "performance"):
        browser.get_log(kind)
    path = tmp_path / "pareto.html"
    path.write_text(write_page(shown), "utf-8")
    browser.get(path.as_uri())
    # Chart and table are drawn after the page has loaded.
    waits.WebDriverWait(browser, PATIENCE_S).until(lambda driver: driver.execute_script(DRAWN))
    return browser


MARKERS = "document.getElementById('chart').data.filter((trace) => trace.mode === 'markers')"


def points(page: Any) -> list[float]:
    return sorted(page.execute_script(f"return {MARKERS}.flatMap((trace) => trace.x)"))


def hover(page: Any, name: str) -> str:
    """Return the text of the pointer on a mark."""
    show = (
        "document.getElementById('chart').data.forEach((trace, curveNumber) => {"
        " const pointNumber = (trace.marks || []).findIndex((mark) => mark.name === arguments[0]);"
        " if (pointNumber >= 0) Plotly.Fx.hover('chart', [{curveNumber, pointNumber}]); })"
    )
    page.execute_script(show, name)
    return str(page.execute_script("return document.querySelector('#chart .hoverlayer').textContent"))


def rows(page: Any) -> list[str]:
    """Return the names in the table."""
    return [each.text for each in page.find_elements("css selector", "#table td .named button")]


def lines(page: Any) -> dict[str, list[list[float]]]:
    """Return the points of each front's line, in the order of the line."""
    data = "document.getElementById('chart').data.filter((trace) => trace.mode === 'lines')"
    pairs = "trace.x.map((x, index) => [x, trace.y[index]])"
    return page.execute_script(f"return Object.fromEntries({data}.map((trace) => [trace.name, {pairs}]))")


def requested_urls(page: Any) -> list[str]:
    """Return the URLs that the page requested; requests of the browser's own pages do not count."""
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    requests = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    urls = [each["request"]["url"] for each in requests if each["documentURL"].startswith("file:")]
    assert urls, "not even the page itself is in the browser's log"
    return urls


def count(page: Any) -> int:
    return len(points(page))


def click(page: Any, selector: str) -> None:
    page.find_element("css selector", selector).click()


def test_all_points_are_shown_marked_and_without_requests(page: Any) -> None:
    assert page.title == "PARTLY SAMPLE, no MLPerf results: fronts"
    assert "6 of 6 points shown; SAMPLE" in page.find_element("id", "shown").text
    assert count(page) == 6
    drawn = page.execute_script("return document.querySelectorAll('#chart .scatterlayer .point').length")
    assert drawn == 6
    assert page.execute_script("return document.querySelectorAll('#chart .errorbar').length") > 0
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in requested_urls(page))


def test_filters_and_the_search_hide_points(page: Any) -> None:
    click(page, "input[data-filter='precision'][value='int8']")
    assert count(page) == 2
    click(page, "input[data-filter='precision'][value='int8']")
    click(page, "input[data-filter='measured'][value='imported']")
    assert count(page) == 4
    page.find_element("id", "search").send_keys("LARGE")
    assert points(page) == [0.6]


def test_each_front_is_one_of_the_shown_points(page: Any) -> None:
    assert lines(page) == {"mine": [[0.1, 80.4], [0.3, 88], [0.6, 93.1]], "world": [[0.05, 70]]}
    page.find_element("id", "search").send_keys("slow")
    assert lines(page) == {"world": [[5, 69]]}


def test_axes_are_switched(page: Any) -> None:
    kinds = "const l = document.getElementById('chart').layout; return [l.xaxis.type, l.yaxis.type]"
    assert page.execute_script(kinds) == ["log", "linear"]
    click(page, "#log-x")
    click(page, "#log-y")
    assert page.execute_script(kinds) == ["linear", "log"]


def test_hovering_shows_name_values_intervals_and_sample(page: Any) -> None:
    text = hover(page, "small")
    for words in (
        "small",
        "latency in milliseconds: 0.1 (0.09 to 0.12, this session)",
        "SAMPLE",
        "here",
        "precision: int8",
    ):
        assert words in text


def test_names_are_shown_as_text(page: Any) -> None:
    assert HOSTILE in hover(page, HOSTILE)
    click(page, "#all-rows")
    assert HOSTILE in rows(page)
    assert "broken" not in page.title


def test_a_sentence_says_what_is_on_the_front(page: Any) -> None:
    answer = page.find_element("id", "answer")
    front = "3 of 4 points are on the front, from small (0.1 ms, 80.4 %) to large (0.6 ms, 93.1 %); 1 undecided."
    assert answer.text == f"On here, {front}"
    page.find_element("id", "search").send_keys("large")
    assert answer.text == "On here, 1 of 1 points is on the front: large (0.6 ms, 93.1 %)."
    page.find_element("id", "search").send_keys("est of all")
    assert answer.text.startswith("No point is shown")


def test_the_table_has_the_front_or_all_points_sorted(page: Any) -> None:
    assert rows(page) == ["world", "small", "open", "large"]
    click(page, "[data-sort='y']")
    assert rows(page) == ["world", "small", "open", "large"]
    click(page, "[data-sort='y']")
    assert rows(page) == ["large", "open", "small", "world"]
    assert page.switch_to.active_element.get_attribute("data-sort") == "y"
    click(page, "#all-rows")
    assert len(rows(page)) == 6


def labels_of_chart(page: Any) -> list[str]:
    found: list[str] = page.execute_script(
        "return (document.getElementById('chart').layout.annotations || []).map((each) => each.text)"
    )
    return found


def test_members_of_the_front_have_their_names(page: Any) -> None:
    # Names are placed after the chart is drawn.
    waits.WebDriverWait(page, PATIENCE_S).until(lambda _: {"small", "open", "large"} <= set(labels_of_chart(page)))


def systems(count: int) -> Any:
    return picture(
        *(mark(f"m{each}", 1 + each, 70 + each, system=f"box {each}", sample=False) for each in range(count))
    )


def test_systems_are_switched_all_at_once_and_searched(browser: Any, tmp_path: Path) -> None:
    page = open_page(browser, tmp_path, with_fronts(systems(12)))

    every, none = page.find_elements("css selector", ".actions button[data-filter='system']")
    none.click()
    assert count(page) == 0
    page.find_element("id", "search-system").send_keys("box 1")
    shown = page.find_elements("css selector", "label:not([hidden]) > input[data-filter='system']")
    assert [each.get_attribute("value") for each in shown] == ["box 1", "box 10", "box 11"]
    every.click()
    assert points(page) == [2, 11, 12]


def test_each_machine_has_its_colour_and_the_rest_one(browser: Any, tmp_path: Path) -> None:
    page = open_page(browser, tmp_path, with_fronts(systems(5)))
    colours = f"return {MARKERS}.map((trace) => trace.marker.color)"
    assert len(set(page.execute_script(colours))) == 5

    page = open_page(browser, tmp_path, with_fronts(systems(12)))
    assert len(set(page.execute_script(colours))) == 1


def test_a_dark_page_has_light_text(page: Any) -> None:
    def text_colours(scheme: str) -> tuple[str, str]:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        return page.execute_script("return getComputedStyle(document.body).color"), page.execute_script(COLOUR_OF_CHART)

    # The chart is drawn anew after the colours of the page have changed.
    waiting = waits.WebDriverWait(page, PATIENCE_S)
    for scheme, colours in (
        ("dark", ("rgb(230, 237, 243)", "#e6edf3")),
        ("light", ("rgb(31, 35, 40)", "#1f2328")),
    ):
        assert waiting.until(lambda _, scheme=scheme, colours=colours: text_colours(scheme) == colours)


def test_a_phone_needs_no_sideways_scrolling(page: Any) -> None:
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.refresh()
        assert page.execute_script("return document.documentElement.scrollWidth") == 390
        assert page.find_element("id", "filters").get_attribute("open") is None
        assert not page.find_element("css selector", "td.machine").is_displayed()
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_five_thousand_points_are_drawn(browser: Any, tmp_path: Path) -> None:
    many = with_fronts(picture(*(mark(f"m{each}", 1 + each, each % 97, imported=True) for each in range(5000))))

    page = open_page(browser, tmp_path, many)

    assert count(page) == 5000
    assert (tmp_path / "pareto.html").stat().st_size < 8_000_000
