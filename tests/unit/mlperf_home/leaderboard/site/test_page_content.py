"""What pages say of results, classes, contributors and challenges; all of it without JavaScript."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from board_results import machine_results, result
from board_sites import data_of, texts

from mlperf_home.challenges.definition.manifest import Challenge
from mlperf_home.contracts.leaderboard.events import VerdictLine
from mlperf_home.contracts.leaderboard.judging import Judgement
from mlperf_home.leaderboard.answer.prize_draw import PrizeDraw
from mlperf_home.leaderboard.site.addresses import page_of, part_of
from mlperf_home.leaderboard.site.site_data import SiteExtras
from mlperf_home.measurements.prices import Price, Prices

if TYPE_CHECKING:
    from mlperf_home.leaderboard.site.site_data import SiteData

RESULT = page_of("result", "r1")
CHALLENGE = page_of("challenge", "a-challenge")
ATOM = "{http://www.w3.org/2005/Atom}"


def words(data: SiteData, address: str) -> str:
    """Return the words of a page, without its tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", texts(data)[address]).split())


def same_class(*times_ms: float) -> SiteData:
    return data_of([result(number, f"key-{number}", time_ms) for number, time_ms in enumerate(times_ms, 1)])


class TestResult:
    def test_values_stand_in_groups_with_origin_and_interval(self) -> None:
        own = result(
            1,
            metrics={"latency_ms": 10.0, "low_latency_ms": 9.5, "high_latency_ms": 11.0, "peak_memory_bytes": 5e7},
            origins={"latency_ms": "measured", "peak_memory_bytes": "inferred"},
        )
        text = words(data_of([own]), RESULT)

        assert "speed latency_ms 10 9.5 to 11 measured" in text
        assert "machine peak_memory_bytes 5e+07 inferred" in text
        assert "low_latency_ms" not in text

    def test_an_origin_that_nobody_recorded_is_not_invented(self) -> None:
        assert "latency_ms 10 not recorded" in words(data_of([result(1)]), RESULT)

    def test_its_place_in_its_class_is_told(self) -> None:
        text = words(same_class(10.0, 12.0, 8.0), RESULT)

        assert "Faster than 1 of the 2 other results" in text
        assert "8 to 12 ms" in text

    def test_a_lone_result_is_compared_with_nothing(self) -> None:
        assert "The only one of this CPU" in words(same_class(10.0), RESULT)

    def test_its_verdicts_are_listed_the_newest_first(self) -> None:
        told = (
            (Judgement(result="r1", state="plausible", reasons=("nothing objects",)), "2026-11-01"),
            (Judgement(result="r1", state="disputed", reasons=("another",)), "2026-11-02"),
        )
        lines = [VerdictLine(judgement=judgement, utc=utc, events=1) for judgement, utc in told]
        text = words(data_of([result(1)], verdicts=lines), RESULT)

        assert "2026-11-02 disputed another 2026-11-01 plausible nothing objects" in text


class TestSubjects:
    def test_a_cpu_shows_the_distribution_of_each_model(self) -> None:
        data = same_class(10.0, 12.0, 8.0)

        assert "litert 4 3 8 10 12" in words(data, page_of("cpu", "Some CPU"))
        assert 'data-times="8,10,12"' in texts(data)[page_of("cpu", "Some CPU")]

    @pytest.mark.parametrize(("link", "links"), [("https://example.org/me", 1), ("", 0)])
    def test_a_contributor_links_outside_without_endorsement(self, link: str, links: int) -> None:
        text = texts(data_of([result(1)], link=link))[page_of("contributor", "key-1")]

        assert text.count(f'rel="nofollow ugc noopener" href="{link}"') == links

    def test_a_badge_is_an_svg_with_the_credit(self) -> None:
        text = texts(data_of([result(1)], state="replicated"))[page_of("badge", "key-1", "svg")]

        assert "1 credited, 1 replicated" in "".join(ET.fromstring(text).itertext())  # noqa: S314 - our own text

    def test_badges_of_samples_say_so(self) -> None:
        assert ">SAMPLE<" in texts(data_of([result(1)], sample=True))[page_of("badge", "key-1", "svg")]

    def test_long_pages_have_linked_parts(self) -> None:
        own = [result(number, "key-1", model=f"model-{number:03}") for number in range(250)]
        found = texts(data_of(own))
        first = page_of("contributor", "key-1")

        assert [part_of(first, number) in found for number in (1, 2, 3, 4)] == [True, True, True, False]
        assert f'href="../{part_of(first, 3)}"' in found[first]
        assert sum(found[part_of(first, number)].count('href="../result/') for number in (1, 2, 3)) == 250

    def test_no_page_of_a_full_board_is_longer_than_100_kb(self) -> None:
        own = [each for key in range(30) for each in machine_results(0, f"key-{key}", start=100 * key, receipt=key + 1)]

        lengths = {address: len(text) for address, text in texts(data_of(own)).items() if address.endswith(".html")}
        assert max(lengths.values()) < 100_000, max(lengths, key=lambda address: lengths[address])


def challenge(folder: Path) -> Challenge:
    return Challenge(
        name="a-challenge", uid="0", folder=folder, title="Measure at home", opened=date(2026, 11, 1),
        closed=date(2026, 11, 30), points=3, rules=("Be honest.",), metrics=(), workflows=(),
    )  # fmt: skip


def with_draw(seed: str) -> SiteData:
    own = [result(number, f"key-{number}", receipt=number) for number in range(1, 6)]
    draw = PrizeDraw("a-challenge", "the first lottery numbers of December", seed)
    return data_of(own, state="replicated", extras=SiteExtras(draw=draw))


class TestChallenges:
    def test_rules_days_and_standing_are_shown(self, tmp_path: Path) -> None:
        extras = SiteExtras(challenges={"a-challenge": challenge(tmp_path)})
        own = [result(1), result(2, receipt=2), result(3, "key-2", receipt=3)]
        text = words(data_of(own, state="replicated", extras=extras), CHALLENGE)

        assert "From 2026-11-01 to 2026-11-30; 3 points" in text
        assert "Be honest." in text
        assert "contributor-contributor 3 1 0 1 1" in text

    def test_late_bundles_and_quantity_bring_no_points(self, tmp_path: Path) -> None:
        late = Challenge(**{**challenge(tmp_path).__dict__, "closed": date(2026, 11, 29)})
        own = [result(number, "key-2") for number in range(5)]

        too_late = SiteExtras(challenges={"a-challenge": late})
        assert "contributor 0 0 1 0 0" in words(data_of(own, state="replicated", extras=too_late), CHALLENGE)
        assert "contributor 0 0 0 0 0" in words(data_of(own), CHALLENGE)
        assert "contributor 1 1 0 5 5" in words(data_of(own, state="replicated"), CHALLENGE)

    def test_a_challenge_that_is_not_installed_says_so(self) -> None:
        assert "its rules and days are unknown here" in words(data_of([result(1)]), CHALLENGE)

    def test_anyone_can_draw_again(self) -> None:
        rows = list(csv.DictReader(io.StringIO(texts(with_draw("7 14 23"))[page_of("draw", "a-challenge", "csv")])))

        again = sorted(hashlib.sha256(f"7 14 23\nkey-{number}".encode()).hexdigest() for number in range(1, 6))
        assert [row["sha256"] for row in rows] == again
        assert [row["place"] for row in rows] == ["1", "2", "3", "4", "5"]

    def test_entries_are_public_before_the_seed_is_known(self) -> None:
        rows = list(csv.DictReader(io.StringIO(texts(with_draw(""))[page_of("draw", "a-challenge", "csv")])))

        assert [(row["place"], row["key"]) for row in rows] == [("", f"key-{number}") for number in range(1, 6)]
        assert "It is not known yet" in words(with_draw(""), CHALLENGE)


class TestFeedsAndData:
    def test_the_feed_of_what_is_wanted_has_the_command(self) -> None:
        feed = ET.fromstring(texts(data_of([result(1)]))["wanted.xml"])  # noqa: S314 - our own text
        (entry,) = feed.iter(f"{ATOM}entry")

        assert "Some CPU? It could settle 1 result" in str(entry.findtext(f"{ATOM}title"))
        command = "cm replay challenge a-challenge --results=bundle-1.tar.gz"
        assert command in str(entry.findtext(f"{ATOM}summary"))

    def test_all_results_are_one_list_of_json(self) -> None:
        own = json.loads(texts(same_class(1.0, 2.0))["results.json"])

        assert [each["judgement"]["state"] for each in own] == ["plausible", "plausible"]
        assert {each["notice"] for each in own} == {"not verified by MLCommons"}

    def test_prices_become_costs(self) -> None:
        prices = Prices("prices.json", "EUR", (Price("*some cpu*", 0.36),))
        from mlperf_home.leaderboard.answer.recommendation import priced

        data = same_class(10.0)
        (choice,) = priced(data.every, prices)

        assert choice.cost_per_million == pytest.approx(1.0)

    def test_parquet_stands_beside_where_pyarrow_is(self) -> None:
        pytest.importorskip("pyarrow", reason="pyarrow is not installed in this Python")
        from mlperf_home.leaderboard.site.pages import pages

        (draft,) = (each for each in pages(same_class(10.0)) if each.address == "choices.parquet")
        assert draft.make().startswith(b"PAR1")

    def test_vendored_files_are_those_that_their_list_names(self) -> None:
        from mlperf_home.leaderboard import site

        folder = Path(str(site.__file__)).parent / "vendored"
        listed = (folder / "README.md").read_text()
        named = dict(re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|", listed, re.MULTILINE))
        files = {path.name for path in folder.iterdir()} - {"README.md"}

        assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files} == named
