"""The pages of a board in a real browser, from a disk and without a network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from board_results import result
from board_sites import HOSTILE, data_of, written

from mlperf_home.contracts.leaderboard.results import MachineClass
from mlperf_home.leaderboard.answer.comparison import head_to_head
from mlperf_home.leaderboard.site.addresses import page_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.contracts.leaderboard.results import BoardResult

waits = pytest.importorskip("selenium.webdriver.support.wait", reason="selenium is not installed in this Python")

SHOWN = "return [...document.querySelectorAll('tbody tr:not([hidden])')].map((row) => row.id)"
LIT = "return [...document.querySelectorAll('.lit, .lit-mark')].map((each) => each.id || each.dataset.row)"
MODELS = "return [...document.querySelectorAll('#ranked tbody tr .model')].map((cell) => cell.textContent)"
BEST = "return [...document.querySelectorAll('#ranked tr.best .model')].map((cell) => cell.textContent)"
HEADS = "return [...document.querySelectorAll('#ranked th')].map((head) => head.textContent)"
DOTS = "return document.querySelectorAll('.board-plot [data-marks=dot] > *').length"
WIDE = "return document.documentElement.scrollWidth > window.innerWidth"
PATIENCE_S = 30
DRAWN = "return !document.getElementById('ranked') || performance.getEntriesByName('interactive').length > 0"
SHIFT = "\ue008"
RANKING = page_of("ranking", "resnet, SingleStream, litert")
PHONE = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}


def variants() -> Iterator[BoardResult]:
    """Yield results of which some are better in each of time, accuracy and memory."""
    table = (
        *(("small", 1.0, 50.0, 90e6), ("middle", 2.0, 70.0, 50e6)),
        *(("large", 8.0, 75.0, 200e6), ("poor", 9.0, 60.0, 10e6)),
    )
    for number, (model, time_ms, percent, memory) in enumerate(table):
        metrics = {"latency_ms": time_ms, "top1_percent": percent, "peak_memory_bytes": memory}
        yield result(number, model=model, metrics=metrics)
    yield result(9, model="asleep", scenario="Offline", metrics={"samples_per_second": 100.0, "top1_percent": 70.0})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(data_of(list(variants())), tmp_path_factory.mktemp("site"))


def opened(browser: Any, path: Path, query: str = "") -> Any:
    browser.get_log("browser")
    browser.get(path.as_uri() + query)
    # The first page is drawn by its script.
    waits.WebDriverWait(browser, PATIENCE_S).until(lambda driver: driver.execute_script(DRAWN))
    return browser


def typed(page: Any, name: str, text: str) -> None:
    field = page.find_element("name", name)
    field.clear()
    field.send_keys(text)


def chosen(page: Any, name: str, value: str) -> None:
    page.find_element("css selector", f"[name={name}] option[value='{value}']").click()


def unfolded(page: Any) -> Any:
    page.execute_script("document.getElementById('more').open = true")
    return page


def query_of(page: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.current_url).query).items()}


class TestFirstPage:
    def test_bounds_change_sentence_table_and_picture(self, browser: Any, site: Path) -> None:
        page = opened(browser, site / "index.html")
        assert page.execute_script(MODELS) == ["small", "middle", "large", "poor"]
        assert page.execute_script(DOTS) == 4

        typed(page, "bound_top1_percent", "65")
        assert page.execute_script(MODELS) == ["middle", "large"]
        assert page.execute_script(DOTS) == 2
        answer = page.find_element("id", "answer").text
        best = "the fastest measured machine is Some CPU with middle (2 ms, 70 % top-1"
        assert f"with at least 65 % top-1, {best}" in answer
        assert query_of(page) == {"least_top1_percent": "65"}

    def test_an_address_holds_all_wishes(self, browser: Any, site: Path) -> None:
        query = "?scenario=Offline&benchmark=resnet&runtime=litert"
        assert opened(browser, site / "index.html", query).execute_script(MODELS) == ["asleep"]

        query = "?most_latency_ms=8&sort=-top1_percent&columns=model,cores"
        page = opened(browser, site / "index.html", query)
        assert page.execute_script(MODELS) == ["small", "middle", "large"]
        assert [head.partition(" ")[0] for head in page.execute_script(HEADS)] == ["rank", "model", "cores"]
        assert opened(browser, site / "index.html", "?q=some+arge").execute_script(MODELS) == ["large"]

    def test_where_nothing_fits_the_nearest_is_named(self, browser: Any, site: Path) -> None:
        page = opened(browser, site / "index.html", "?least_top1_percent=76&most_latency_ms=10")

        assert "nothing fits of 4 choices. The nearest is Some CPU with large" in page.find_element("id", "answer").text

    def test_the_front_follows_two_or_three_axes(self, browser: Any, site: Path) -> None:
        page = unfolded(opened(browser, site / "index.html"))
        assert page.execute_script(BEST) == ["small", "middle", "large"]

        chosen(page, "z", "peak_memory_bytes")
        assert page.execute_script(BEST) == ["small", "middle", "large", "poor"]
        chosen(page, "z", "")
        chosen(page, "y", "peak_memory_bytes")
        assert page.execute_script(BEST) == ["small", "middle", "poor"]
        assert query_of(page) == {"y": "peak_memory_bytes"}

    def test_heads_of_columns_sort_and_keep_the_focus(self, browser: Any, site: Path) -> None:
        page = opened(browser, site / "index.html")
        head = page.find_element("css selector", "[data-sort=top1_percent]")
        head.send_keys("\n")
        assert page.execute_script(MODELS) == ["large", "middle", "poor", "small"]
        assert page.switch_to.active_element.get_attribute("data-sort") == "top1_percent"
        page.switch_to.active_element.send_keys("\n")
        assert page.execute_script(MODELS) == ["small", "poor", "middle", "large"]
        assert query_of(page) == {"sort": "-top1_percent"}

    def test_columns_are_chosen(self, browser: Any, site: Path) -> None:
        page = unfolded(opened(browser, site / "index.html"))
        page.find_element("css selector", "#columns [value=peak_memory_bytes]").click()

        assert any("memory, MB" in head for head in page.execute_script(HEADS))
        assert "peak_memory_bytes" in query_of(page)["columns"]

    def test_a_focused_row_lights_its_mark(self, browser: Any, site: Path) -> None:
        page = opened(browser, site / "index.html")
        page.find_element("css selector", "#ranked tbody tr:nth-child(2) a").send_keys(SHIFT)

        row = page.execute_script("return document.querySelector('#ranked tbody tr:nth-child(2)').dataset.row")
        assert set(page.execute_script(LIT)) == {f"choice-{row}", row}

    def test_many_rows_are_paged(self, browser: Any, tmp_path: Path) -> None:
        many = [
            result(number, model=f"m{number:03}", metrics={"latency_ms": number + 1.0, "top1_percent": 1 + number % 97})
            for number in range(120)
        ]
        page = opened(browser, written(data_of(many), tmp_path) / "index.html")
        assert len(page.execute_script(MODELS)) == 25
        page.find_element("css selector", "[data-page='2']").click()
        assert page.execute_script(MODELS)[0] == "m025"
        assert page.find_element("id", "shown").text == "26 to 50 of 120 choices"
        assert query_of(page) == {"page": "2"}

    def test_a_phone_needs_no_sideways_scrolling(self, browser: Any, site: Path) -> None:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
        try:
            for address in ("index.html", RANKING, "versus.html", page_of("result", "r1"), page_of("cpu", "Some CPU")):
                assert not opened(browser, site / address).execute_script(WIDE), address
            page = opened(browser, site / "index.html")
            assert page.find_element("id", "more").get_attribute("open") is None
        finally:
            browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def test_names_from_outside_are_text(self, browser: Any, tmp_path: Path) -> None:
        of = MachineClass(cpu=HOSTILE, runtime=HOSTILE)
        own = result(1, model=HOSTILE, of=of, metrics={"latency_ms": 1.0, "top1_percent": 1.0})
        page = opened(browser, written(data_of([own]), tmp_path) / "index.html")

        assert HOSTILE.partition(" ")[0] in page.execute_script(MODELS)[0]
        assert page.get_log("browser") == []


class TestTables:
    def test_words_in_the_address_filter_rows(self, browser: Any, site: Path) -> None:
        page = opened(browser, site / RANKING, "?q=large")

        assert page.execute_script(SHOWN) == ["row-3"]

    def test_words_that_are_typed_stay_in_the_address(self, browser: Any, site: Path) -> None:
        page = opened(browser, site / RANKING)
        page.find_element("id", "filter").send_keys("small")

        assert page.execute_script(SHOWN) == ["row-1"]
        assert page.current_url.endswith("?q=small")

    def test_a_focused_row_lights_its_mark(self, browser: Any, site: Path) -> None:
        page = opened(browser, site / RANKING)
        page.find_element("css selector", "#row-2 a").send_keys(SHIFT)

        assert set(page.execute_script(LIT)) == {"row-2", "2"}

    def test_a_mark_leads_to_its_row(self, browser: Any, site: Path) -> None:
        page = opened(browser, site / RANKING)
        page.execute_script("document.querySelector('.mark').dispatchEvent(new MouseEvent('click'))")

        assert page.execute_script("return document.querySelector('tr:target').id").startswith("row-")

    @pytest.mark.parametrize(
        "address",
        ["index.html", "wanted.html", "contributors.html", "versus.html", RANKING, page_of("result", "r1"),
         page_of("cpu", "Some CPU"), page_of("contributor", "key-1")],
    )  # fmt: skip
    def test_no_page_breaks_its_own_policy(self, browser: Any, site: Path, address: str) -> None:
        page = opened(browser, site / address)

        assert page.get_log("browser") == []


def measurement(time_ms: float, model: str = "middle") -> str:
    return json.dumps({
        "benchmark": "resnet", "scenario": "SingleStream", "engine": {"name": {"value": "litert"}},
        "model": {"name": {"value": model}}, "values": {"latency_ms": {"value": time_ms}},
    })  # fmt: skip


class TestYouAreHere:
    def answers(self, page: Any, text: str) -> list[str]:
        page.execute_script(
            "const box = document.querySelector('[name=pasted]'); box.value = arguments[0];"
            "box.dispatchEvent(new Event('input', {bubbles: true}))",
            text,
        )
        return [each.text for each in page.find_elements("css selector", "#here-answer li")]

    def test_a_pasted_measurement_is_placed_and_marked(self, browser: Any, site: Path) -> None:
        page = opened(browser, site / page_of("cpu", "Some CPU"))

        assert self.answers(page, measurement(1.9)) == ["middle: 1.9 ms, faster than 100 % of 1 results."]
        assert len(page.find_elements("css selector", "svg .here")) == 1

    @pytest.mark.parametrize(
        ("text", "words"),
        [("{", "is not JSON"), ("{}", "no latency"), ("null", "no latency"), ("[1, 2]", "no latency"),
         (measurement(1.0, HOSTILE), "nobody has measured"), (measurement(-1.0), "no latency")],
    )  # fmt: skip
    def test_what_cannot_be_placed_says_why(self, browser: Any, site: Path, text: str, words: str) -> None:
        page = opened(browser, site / page_of("cpu", "Some CPU"))

        assert words in self.answers(page, text)[0]
        assert page.get_log("browser") == []


class TestHeadToHead:
    def test_the_script_agrees_with_the_terminal(self, browser: Any, tmp_path: Path) -> None:
        sides = (("Slow CPU", 1.3, (0.0, 0.01, 0.02)), ("Fast CPU", 1.0, (0.0, 0.015, 0.03)))
        own = [
            result(
                1000 * side + 10 * model + run, f"key-{side}-{run}",
                (2.0 + model) * (1.0 if model == 4 else factor) * (1 + noise),
                of=MachineClass(cpu=cpu, runtime="litert"), model=f"model-{model}", machine=f"{side}-{run}",
            )
            for side, (cpu, factor, noises) in enumerate(sides)
            for model in range(6)
            for run, noise in enumerate(noises)
        ]  # fmt: skip
        first, second = ([each for each in own if each.of.cpu == cpu] for cpu, _, _ in sides)
        expected = {
            each.model: (each.words.rpartition(": ")[2], float(f"{each.found.ratio:.3g}"))
            for each in head_to_head(first, second)
        }

        query = f"?a={quote('cpu:Slow CPU')}&b={quote('cpu:Fast CPU')}"
        page = opened(browser, written(data_of(own), tmp_path) / "versus.html", query)
        cells = [[cell.text for cell in row.find_elements("tag name", "td")]
                 for row in page.find_elements("css selector", "#versus-rows tr")]  # fmt: skip
        assert {row[0]: (row[6], float(row[4])) for row in cells} == expected
        assert {verdict for verdict, _ in expected.values()} == {"different", "the same"}
        assert "on 6 in common: 5 differ" in page.find_element("id", "versus-words").text

    def test_sides_without_anything_in_common_say_so(self, browser: Any, site: Path) -> None:
        page = opened(browser, site / "versus.html", "?a=result:r1&b=result:r9")

        assert "have no benchmark" in page.find_element("id", "versus-words").text
