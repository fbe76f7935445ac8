"""The page in a real browser, without a network."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from pictures import HOSTILE, example, mark, picture

from mlperf_home.pictures.picture import with_fronts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("matplotlib", reason="Matplotlib is not installed in this Python")
pytest.importorskip("plotly", reason="Plotly is not installed in this Python")
webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed in this Python")

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium: apt-get install chromium chromium-driver"
)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1200,1000 --host-resolver-rules=MAP*~NOTFOUND"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS.split():
        options.add_argument(flag.replace("~", " ").replace("MAP*", "MAP *"))
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


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
    return browser


def points(page: Any) -> list[list[str]]:
    data = "document.getElementById('chart').data.filter((trace) => trace.mode === 'markers')"
    return page.execute_script(f"return {data}.map((trace) => trace.x.map(String))")


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
    return sum(len(each) for each in points(page))


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
    assert points(page) == [["0.6"] if each else [] for each in (False, False, False, False, True)]


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
    page.execute_script("Plotly.Fx.hover('chart', [{curveNumber: 4, pointNumber: 0}])")
    text = page.execute_script("return document.querySelector('#chart .hoverlayer').textContent")
    for words in ("small", "latency (ms): 0.1 (0.09 to 0.12)", "SAMPLE", "here", "precision: int8"):
        assert words in text


def test_names_are_shown_as_text(page: Any) -> None:
    assert (
        page.execute_script("return JSON.parse(document.getElementById('picture').textContent).marks[3].name")
        == HOSTILE
    )
    page.execute_script("Plotly.Fx.hover('chart', [{curveNumber: 2, pointNumber: 0}])")
    assert "broken" not in page.title


def test_five_thousand_points_are_drawn(browser: Any, tmp_path: Path) -> None:
    many = with_fronts(picture(*(mark(f"m{each}", 1 + each, each % 97, imported=True) for each in range(5000))))

    page = open_page(browser, tmp_path, many)

    assert count(page) == 5000
    assert (tmp_path / "pareto.html").stat().st_size < 8_000_000
