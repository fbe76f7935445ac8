"""The pages of a board: whole, linked, escaped, and written only where something has changed."""

from __future__ import annotations

import os
import re
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from board_homes import Contributors, needs_ssh, taken
from board_results import machine_results, result
from board_sites import HOSTILE, data_of, texts

from mlperf_home.contracts.leaderboard.results import MachineClass
from mlperf_home.leaderboard.collect.collector import stored_rows
from mlperf_home.leaderboard.published_rows import published_rows
from mlperf_home.leaderboard.site.addresses import page_of
from mlperf_home.leaderboard.site.publish import Published, publish
from mlperf_home.leaderboard.site.site_data import site_data
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.errors import BoardError
from mlperf_home.leaderboard.store.index import BoardIndex

if TYPE_CHECKING:
    from mlperf_home.leaderboard.site.site_data import SiteData


class Links(HTMLParser):
    """Gathers the addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value for name, value in attrs if name in {"href", "src"} and value]


def html(data: SiteData) -> dict[str, str]:
    return {address: text for address, text in texts(data).items() if address.endswith(".html")}


def test_each_link_leads_to_a_page_or_a_bundle() -> None:
    data = data_of(machine_results(0, "key-1"), published=True)
    found = texts(data)
    places = {*found, "choices.parquet", *(f"bundles/{bundle}.tar.gz" for bundle in data.receipts)}

    for address, text in found.items():
        if address.endswith(".html"):
            for link in Links(text).found:
                parts = urlsplit(link)
                assert not parts.scheme
                target = os.path.normpath(Path(address).parent / unquote(parts.path)) if parts.path else address
                assert target in places
                if parts.fragment:
                    assert f'id="{parts.fragment}"' in found[target]


def test_nothing_from_outside_becomes_markup() -> None:
    of = MachineClass(cpu=HOSTILE, runtime=HOSTILE, version=HOSTILE, governor=HOSTILE)
    own = result(1, model=HOSTILE, id=HOSTILE, path=HOSTILE, machine=HOSTILE, of=of)

    for address, text in texts(data_of([own])).items():
        if address.endswith((".json", ".csv", ".js")):
            continue
        assert "<script>alert" not in text, address
        assert "\u202e" not in text
        assert "\x1b" not in text


def test_a_revoked_key_is_shown_as_revoked() -> None:
    text = html(data_of([result(1)], facts={"revoked": {"key-1": "2026-11-30"}}))["contributors.html"]

    assert "revoked 2026-11-30" in text


def test_results_of_a_rotated_key_are_of_one_contributor() -> None:
    own = [result(1, "old", contributor="one"), result(2, "new", contributor="one")]

    text = html(data_of(own, facts={"successor": {"old": "new"}}))["contributors.html"]

    assert text.count("<tr><td>") == 1


def test_the_feed_has_an_entry_for_each_bundle() -> None:
    own = [result(number, "key-1", receipt=1 + number // 2) for number in range(3)]
    atom = "{http://www.w3.org/2005/Atom}"
    feed = ET.fromstring(texts(data_of(own))["feed.xml"])  # noqa: S314 - our own text

    titles = [entry.findtext(f"{atom}title") for entry in feed.iter(f"{atom}entry")]
    assert [title.partition(" by ")[0] for title in titles if title] == [
        "1 result of Some CPU",
        "2 results of Some CPU",
    ]


def test_each_page_has_its_notice_and_a_strict_policy() -> None:
    for text in html(data_of(machine_results(0, "key-1"))).values():
        assert "Not verified by MLCommons" in text
        assert re.search(r"default-src 'none'; style-src 'self'( 'sha256-[^' ]+')?; script-src 'self'; img", text)


def test_pages_of_samples_say_so() -> None:
    assert all("none of this is an MLPerf result" in text for text in html(data_of([result(1)], sample=True)).values())


def test_an_empty_board_says_how_to_fill_it() -> None:
    assert "collect,bundles" in html(data_of([]))["index.html"]


def test_the_first_page_begins_with_what_was_measured_here() -> None:
    text = html(data_of([result(1, latency_ms=7.0)], published=True))["index.html"]

    assert "litert" in text.partition("Other rankings")[0]


def test_a_front_is_drawn_beside_its_table() -> None:
    values = [(1.0, 40.0), (2.0, 70.0), (3.0, 60.0)]
    own = [
        result(number, model=f"model-{number}", metrics={"latency_ms": time_ms, "top1_percent": percent})
        for number, (time_ms, percent) in enumerate(values)
    ]
    text = html(data_of(own))[page_of("ranking", "resnet, SingleStream, litert")]

    assert text.count("<circle") == 3
    assert text.count(" best") == 2
    assert all(f'id="row-{rank}"' in text for rank in (1, 2, 3))


def test_choices_without_accuracy_have_a_table_and_no_picture() -> None:
    text = html(data_of([result(1)]))[page_of("ranking", "resnet, SingleStream, litert")]

    assert "svg" not in Links(text).tags
    assert "mobilenet-v1/1.0/224/fp32" in text


def test_a_result_names_its_bundle_and_how_to_repeat_it() -> None:
    text = html(data_of([result(1)]))[page_of("result", "r1")]

    assert "cm replay challenge a-challenge --results=bundle-1.tar.gz" in text


@pytest.mark.parametrize("other", ["some cpu", "Some-CPU", "Some CPU!", "\u202eSome CPU"])
def test_different_names_have_different_addresses(other: str) -> None:
    assert page_of("cpu", "Some CPU") != page_of("cpu", other)


@pytest.mark.parametrize("name", ["../../x", "a" * 500, "\u4e2d", "", "\ud800"])
def test_an_address_stays_in_its_folder(name: str) -> None:
    folder, _, file = page_of("cpu", name).partition("/")

    assert folder == "cpu"
    assert "/" not in file
    assert file.isascii()
    assert len(file) < 80


@needs_ssh
class TestBoards:
    @pytest.fixture
    def board(self, tmp_path: Path, bundles: dict[str, Path]) -> Board:
        board = Board(tmp_path / "board")
        taken(board, bundles["ada"], bundles["bob"])
        return board

    @staticmethod
    def published(board: Board, out: Path) -> Published:
        with closing(BoardIndex(board, stored_rows(board))) as index:
            return publish(board, site_data(board, index, published_rows("sample")), out)

    def test_a_second_time_writes_nothing(self, board: Board, tmp_path: Path) -> None:
        first = self.published(board, tmp_path / "site")
        second = self.published(board, tmp_path / "site")

        assert first.changed == first.files
        assert (second.files, second.changed) == (first.files, 0)

    def test_a_new_bundle_changes_few_pages(self, board: Board, tmp_path: Path, senders: Contributors) -> None:
        self.published(board, tmp_path / "site")
        taken(board, senders.bundle("Cyd", "cyd"))

        again = self.published(board, tmp_path / "site")
        assert 0 < again.changed < again.files / 2

    def test_bundles_are_beside_the_pages(self, board: Board, tmp_path: Path) -> None:
        self.published(board, tmp_path / "site")

        assert len(list((tmp_path / "site" / "bundles").glob("*.tar.gz"))) == 2

    def test_a_forgotten_name_leaves_all_pages(self, board: Board, tmp_path: Path) -> None:
        self.published(board, tmp_path / "site")
        place = next(name for name, known in board.names().items() if known.name == "Ada")
        assert "Ada" in (tmp_path / "site" / "contributors.html").read_text()

        board.erase_name(place)
        self.published(board, tmp_path / "site")

        files = [path for path in (tmp_path / "site").rglob("*") if path.suffix in {".html", ".json", ".csv"}]
        assert not any("Ada" in path.read_text() for path in files)

    def test_a_folder_with_other_files_is_refused(self, board: Board, tmp_path: Path) -> None:
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "thesis.txt").write_text("mine")

        with pytest.raises(BoardError, match=r"thesis.txt.*no pages"):
            self.published(board, tmp_path / "site")
