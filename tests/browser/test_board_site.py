"""The pages of a board in a real browser, from a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from board_results import result
from board_sites import data_of

from mlperf_home.leaderboard.site.addresses import page_of
from mlperf_home.leaderboard.site.pages import pages

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = "return [...document.querySelectorAll('tbody tr:not([hidden])')].map((row) => row.id)"
LIT = "return [...document.querySelectorAll('.lit')].map((each) => each.id || each.dataset.row)"
SHIFT = "\ue008"
RANKING = page_of("ranking", "resnet, SingleStream, litert")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    own = [
        result(number, model=model, metrics={"latency_ms": number + 1.0, "top1_percent": 60.0 + number})
        for number, model in enumerate(("small", "large"))
    ]
    for address, text in pages(data_of(own)):
        (tmp_path / address).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / address).write_text(text, encoding="utf-8")
    return tmp_path


def opened(browser: Any, path: Path, query: str = "") -> Any:
    browser.get_log("browser")
    browser.get(path.as_uri() + query)
    return browser


def test_words_in_the_address_filter_rows(browser: Any, site: Path) -> None:
    page = opened(browser, site / RANKING, "?q=large")

    assert page.execute_script(SHOWN) == ["row-2"]


def test_words_that_are_typed_stay_in_the_address(browser: Any, site: Path) -> None:
    page = opened(browser, site / RANKING)
    page.find_element("id", "filter").send_keys("small")

    assert page.execute_script(SHOWN) == ["row-1"]
    assert page.current_url.endswith("?q=small")


def test_a_focused_row_lights_its_mark(browser: Any, site: Path) -> None:
    page = opened(browser, site / RANKING)
    page.find_element("css selector", "#row-2 a").send_keys(SHIFT)

    assert set(page.execute_script(LIT)) == {"row-2", "2"}


def test_a_mark_leads_to_its_row_in_the_ranking(browser: Any, site: Path) -> None:
    page = opened(browser, site / "index.html")
    page.execute_script("document.querySelector('.mark').dispatchEvent(new MouseEvent('click'))")

    assert page.execute_script("return document.querySelector('tr:target').id").startswith("row-")


@pytest.mark.parametrize("address", ["index.html", "wanted.html", "contributors.html", page_of("result", "r1")])
def test_no_page_breaks_its_own_policy(browser: Any, site: Path, address: str) -> None:
    page = opened(browser, site / address)

    assert page.get_log("browser") == []
