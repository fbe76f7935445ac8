"""A machine runs what is installed here with its lock, what it can settle, and what fits the time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from challenge_homes import NAME, ChallengeHome, challenge_home
from volunteers import list_document, run_document

from mlperf_home.challenges.definition.machine import this_machine
from mlperf_home.challenges.definition.manifest import find_challenges
from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.leaderboard.wanted_list import WantedList
from mlperf_home.leaderboard.participation.choosing import Volunteer, choose

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChallengeHome:
    return challenge_home(tmp_path, monkeypatch)


@pytest.fixture
def here(home: ChallengeHome) -> Volunteer:
    challenges = tuple(find_challenges([home.root])[0])
    return Volunteer(this_machine(), challenges, {}, "", set(), set(), {"--home": 1e12})


def chosen(here: Volunteer, *runs: dict[str, Any], hours: float | None = None) -> tuple[list[str], dict[str, int]]:
    found, against = choose(decode(list_document(*runs), WantedList, "list"), here, hours)
    return [each.name for each in found], against


def test_a_wanted_workflow_of_an_installed_challenge_is_chosen(here: Volunteer) -> None:
    assert chosen(here, run_document()) == ([f"{NAME}/first"], {})


def test_the_greatest_gain_an_hour_goes_first(here: Volunteer) -> None:
    runs = (run_document(gain=4, hours=8.0), run_document(workflow="second", gain=2, hours=1.0))

    assert chosen(here, *runs)[0] == [f"{NAME}/second", f"{NAME}/first"]


def test_an_unknown_length_goes_last(here: Volunteer) -> None:
    runs = (run_document(gain=9, hours=None), run_document(workflow="second"))

    assert chosen(here, *runs, hours=2)[0] == [f"{NAME}/second", f"{NAME}/first"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"challenge": "another"}, "of challenges that are not installed here"),
        ({"challenge": NAME.upper()}, "of challenges that are not installed here"),
        ({"challenge": "00112233445566aa"}, "of challenges that are not installed here"),
        ({"workflow": "third"}, "of workflows that the installed challenge does not have"),
        ({"workflow": "First"}, "of workflows that the installed challenge does not have"),
        ({"of": {"cpu": "Another CPU"}}, "for other machines"),
        ({"of": {**run_document()["of"], "cores": 4096}}, "for other machines"),
        ({"of": {**run_document()["of"], "confined": "another"}}, "for other machines"),
        ({"hours": 3.0}, "too long for the time that is left"),
    ],
)
def test_what_does_not_fit_is_left_out(here: Volunteer, changes: dict[str, Any], reason: str) -> None:
    assert chosen(here, run_document(**changes), hours=2.0) == ([], {reason: 1})


@pytest.mark.parametrize("name", ["first\n", "first\n--unlocked"])
def test_a_name_with_a_line_end_selects_nothing(here: Volunteer, name: str) -> None:
    run = replace_workflow(list_document(run_document()), name)

    assert choose(run, here, None)[0] == []


def replace_workflow(document: dict[str, Any], name: str) -> WantedList:
    wanted = decode(document, WantedList, "list")
    return msgspec.structs.replace(wanted, runs=(msgspec.structs.replace(wanted.runs[0], workflow=name),))


def test_a_challenge_without_its_lock_is_left_out(home: ChallengeHome, here: Volunteer) -> None:
    (home.root / "challenge" / NAME / "lock.json").unlink()

    assert chosen(here, run_document())[1] == {"of challenges without a lock here": 1}


def test_what_is_done_is_left_out(here: Volunteer) -> None:
    assert chosen(replace(here, done={f"{NAME}/first"}), run_document())[1] == {"done here before": 1}


def test_what_was_begun_goes_on_in_less_time(here: Volunteer) -> None:
    assert chosen(replace(here, begun={f"{NAME}/first"}), run_document(), hours=0.5)[0] == [f"{NAME}/first"]


def test_own_results_need_another_contributor(here: Volunteer) -> None:
    mine = replace(here, key="SHA256:mine")

    assert chosen(mine, run_document(keys=["SHA256:mine"]))[0] == []
    assert chosen(mine, run_document(keys=["SHA256:mine", "SHA256:other"]))[0] == [f"{NAME}/first"]


def test_unmet_requirements_are_named(home: ChallengeHome, here: Volunteer) -> None:
    del home
    _, against = chosen(replace(here, free_bytes={"--home": 0}), run_document())

    assert next(iter(against)).startswith("that need more here (0.001 GB free")
