"""What a machine keeps of a board: the consent with its pinned key, and the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from volunteers import list_document

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.leaderboard.participation import BoardConsent, TakenRun
from mlperf_home.contracts.leaderboard.wanted_list import WantedList
from mlperf_home.leaderboard.participation.board_list import BoardList
from mlperf_home.leaderboard.participation.errors import ParticipationError
from mlperf_home.leaderboard.participation.kept import KeptParticipation, require_same_board

if TYPE_CHECKING:
    from pathlib import Path

CONSENT = BoardConsent(
    address="https://b.example",
    board="Board",
    key="SHA256:key",
    sample=True,
    receiver="https://b.example",
    day="2026-12-01",
)
FOUND = BoardList(decode(list_document(), WantedList, "list"), "SHA256:key")


@pytest.fixture
def kept(tmp_path: Path) -> KeptParticipation:
    return KeptParticipation(tmp_path, "https://b.example")


def test_a_consent_is_kept_and_withdrawn(kept: KeptParticipation) -> None:
    run = TakenRun(challenge="a", workflow="b", state="made", bundle="/b")
    kept.consent(CONSENT)
    kept.keep(run)
    assert kept.read().consent == CONSENT

    kept.consent(None)
    assert kept.read().consent is None
    assert kept.read().runs == {"a/b": run}


def test_boards_are_kept_apart(kept: KeptParticipation, tmp_path: Path) -> None:
    kept.consent(CONSENT)

    assert KeptParticipation(tmp_path, "https://c.example").read().consent is None


def test_two_processes_cannot_take_part_at_once(kept: KeptParticipation, tmp_path: Path) -> None:
    other = KeptParticipation(tmp_path, "https://b.example").held()

    with kept.held(), pytest.raises(ParticipationError, match="another process"), other:
        pass


def test_a_damaged_file_says_what_to_do(kept: KeptParticipation) -> None:
    kept.consent(CONSENT)
    (kept.folder / "participation.json").write_text("{")

    with pytest.raises(ParticipationError, match="remove it"):
        kept.read()


def test_the_board_that_was_consented_to_is_the_same() -> None:
    require_same_board(CONSENT, FOUND, CONSENT.receiver)


@pytest.mark.parametrize("key", ["", "SHA256:thief"])
def test_another_key_of_the_board_is_refused(key: str) -> None:
    with pytest.raises(ParticipationError, match=r"withdraw_consent"):
        require_same_board(CONSENT, FOUND._replace(key=key), CONSENT.receiver)


def test_a_key_after_an_unsigned_list_is_refused() -> None:
    with pytest.raises(ParticipationError, match="was unsigned"):
        require_same_board(msgspec.structs.replace(CONSENT, key=""), FOUND, CONSENT.receiver)


def test_another_kind_of_board_is_refused() -> None:
    real = FOUND._replace(wanted=msgspec.structs.replace(FOUND.wanted, sample=False))

    with pytest.raises(ParticipationError, match="samples"):
        require_same_board(CONSENT, real, CONSENT.receiver)


def test_another_receiver_is_refused() -> None:
    with pytest.raises(ParticipationError, match="send_to"):
        require_same_board(CONSENT, FOUND, "https://elsewhere.example")
