"""Made-up bundles are whole, marked as tests, and judged from bundle to table; planted lies are found."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from board_homes import needs_ssh, ssh_key, taken

from mlperf_home.challenges.verification.verification import verify
from mlperf_home.leaderboard import commands
from mlperf_home.leaderboard.collect.collector import collect, stored_rows
from mlperf_home.leaderboard.site.publish import publish
from mlperf_home.leaderboard.site.site_data import site_data
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.index import BoardIndex
from mlperf_home.testing.synthetic.boards import collected, judged, opened
from mlperf_home.testing.synthetic.bundles import BundleMaker, SyntheticContributor
from mlperf_home.testing.synthetic.machines import SyntheticMachine, published_machines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.contracts.leaderboard.judging import Judgement
    from mlperf_home.leaderboard.store.index import JudgedResult

pytestmark = [needs_ssh, pytest.mark.slow]

MODELS = 10
ASKED = 0.67


@pytest.fixture(scope="module")
def machines() -> list[SyntheticMachine]:
    """Return one machine for each CPU of the most frequent runtime class."""
    found = published_machines()
    runtime = Counter(each.runtime for each in found).most_common(1)[0][0]
    return list({each.cpu: each.only(MODELS) for each in found if each.runtime == runtime}.values())


@dataclass
class Crowd:
    """A board of made-up bundles, judged."""

    board: Board
    index: BoardIndex
    bundles: dict[str, Path]

    def of(self, name: str) -> list[JudgedResult]:
        """Return the results of a contributor."""
        pseudonyms = {known.name: each for each, known in self.board.names().items()}
        return self.index.results(contributor=pseudonyms[name])

    def states(self, name: str) -> set[str]:
        """Return the states of a contributor's results."""
        return {each.judgement.state for each in self.of(name)}


def plan(machines: list[SyntheticMachine]) -> dict[str, SyntheticMachine]:
    """Return the machine of each contributor, by name: what it says is what it does."""
    first, second, third, fourth, fifth = machines[:5]
    other_engine = next(each for each in published_machines() if each.runtime != first.runtime)
    models = list(third.latencies_ms)
    return {
        **{f"honest-{number}": first.again(number) for number in (1, 2, 3)},
        "names-another-cpu": second.again(4).called(first),
        "scales-all": second.again(5).scaled(ASKED),
        "measured-the-same": second.again(6),
        "scales-one": third.again(7).scaled(0.4, [models[4]]),
        "scales-beyond-physics": fourth.again(8).scaled(1e-4),
        "mixes-engines": fifth.again(9).mixed_with(other_engine),
    }


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory, machines: list[SyntheticMachine]) -> Iterator[Crowd]:
    folder = tmp_path_factory.mktemp("crowd")
    maker, bundles = BundleMaker(folder), {}
    planned = plan(machines)
    for name, machine in {**planned, "copies-logs": planned["honest-1"]}.items():
        bundles[name] = maker.bundle(machine, SyntheticContributor(name, ssh_key(folder, name)))
    board = Board(folder / "board")
    with opened(board) as index:
        for batch in (list(bundles.values())[:-1], list(bundles.values())[-1:]):
            assert not collected(board, index, batch).refused
        judged(board, index)
        yield Crowd(board, index, bundles)


def test_a_made_up_bundle_is_whole(crowd: Crowd, tmp_path: Path) -> None:
    found = verify(crowd.bundles["honest-1"], tmp_path / "bundle")
    assert found.problems == ()
    assert found.signature is not None
    assert len(found.report.results) == MODELS


def test_each_document_says_that_it_is_a_test(crowd: Crowd, tmp_path: Path) -> None:
    found = verify(crowd.bundles["honest-1"], tmp_path / "bundle")
    assert found.manifest.sample
    assert found.run.asked.sample
    assert all(each.sample and each.unofficial_because for each in found.report.results)
    assert found.report.counts is False
    for name in ("challenge.json", "report.md", "report.html"):
        assert "TEST" in (found.root / name).read_text("utf-8")
    for session in found.root.rglob("*-session.json"):
        assert "TEST: made up" in session.read_text("utf-8")


def test_a_real_board_refuses_made_up_bundles(crowd: Crowd, tmp_path: Path) -> None:
    board, bundle = Board(tmp_path / "board"), crowd.bundles["honest-1"]
    with board.held():
        board.create(sample=False)
        index = BoardIndex(board, stored_rows(board))
        refused = collect(board, index, [bundle], lambda _: None).refused
        index.close()
    assert refused[bundle] == "it holds samples, and this is a board of real results"
    assert not (board.folder / "objects").exists()


def test_honest_machines_of_one_class_replicate(crowd: Crowd) -> None:
    for name in ("honest-1", "honest-2", "honest-3"):
        states = Counter(each.judgement.state for each in crowd.of(name))
        assert states["replicated"] >= MODELS - 2
        # Two single runs may be too few to tell.
        assert states.keys() <= {"replicated", "consistent", "plausible"}


def test_another_cpus_results_are_not_replicated(crowd: Crowd) -> None:
    own = [each.judgement for each in crowd.of("names-another-cpu")]
    assert not [each for each in own if each.state == "replicated"]
    # Ratios that differ from model to model are taken for noise, so that single runs contradict nobody.
    assert all(each.wanted for each in own)


def test_a_scaled_machine_and_its_class_are_both_shown(crowd: Crowd) -> None:
    assert crowd.states("scales-all") == crowd.states("measured-the-same") == {"disputed"}
    assert not any(each.judgement.credited for each in crowd.of("scales-all"))


def test_copied_logs_belong_to_whom_they_came_from_first(crowd: Crowd) -> None:
    assert crowd.states("copies-logs") == {"disputed"}
    reasons = {reason for each in crowd.of("copies-logs") for reason in each.judgement.reasons}
    assert reasons == {"its logs are those of receipt 1, by another contributor"}


def test_what_no_cpu_can_do_stays_verified(crowd: Crowd) -> None:
    assert crowd.states("scales-beyond-physics") == {"verified"}
    assert all("cannot do" in each.judgement.reasons[0] for each in crowd.of("scales-beyond-physics"))


def predicted(judgement: Judgement) -> tuple[float, float]:
    """Return a latency as a multiple of the predicted one, and the reach of honest ones, by the reason's words."""
    numbers = re.findall(r"[0-9.]+[0-9]", judgement.reasons[0])
    return float(numbers[0]), float(numbers[-1])


def test_a_single_scaled_value_is_asked_for_again(crowd: Crowd, machines: list[SyntheticMachine]) -> None:
    scaled = list(machines[2].latencies_ms)[4]
    own = {each.result.model: each.judgement for each in crowd.of("scales-one")}
    ratio, reach = predicted(own.pop(scaled))
    assert ratio < 1 / reach
    assert sum(1 / reach <= ratio <= reach for ratio, reach in map(predicted, own.values())) >= MODELS - 2


def test_mixed_engines_are_never_believed_alone(crowd: Crowd) -> None:
    assert crowd.states("mixes-engines") <= {"plausible", "verified"}
    assert all(each.judgement.wanted for each in crowd.of("mixes-engines"))


def test_the_board_is_shown_and_published(crowd: Crowd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = {"board": str(crowd.board.folder), "contributors": True, "out": "con", "cmd": []}
    answer = commands.answer("show", command)
    assert answer["return"] == 0
    assert {row[0] for row in answer["contributors"]} == set(crowd.bundles)
    assert "SAMPLE BOARD, no MLPerf results" in capsys.readouterr().out
    publish(crowd.board, site_data(crowd.board, crowd.index, ()), tmp_path / "site")
    assert "Sample board" in (tmp_path / "site" / "index.html").read_text("utf-8")


def test_a_board_of_samples_takes_them_as_samples(crowd: Crowd, tmp_path: Path) -> None:
    found = taken(Board(tmp_path / "board"), crowd.bundles["honest-1"])
    assert [each.results for each in found.taken.values()] == [MODELS]
