"""An address is a service or a repository, or it is refused before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlperf_home.leaderboard.sending.destination import Destination, SendingError, destination_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "kind", "address"),
    [
        ("https://board.example", "service", "https://board.example"),
        ("https://board.example/mlperf/index.html", "service", "https://board.example/mlperf"),
        ("http://127.0.0.1:8000/", "service", "http://127.0.0.1:8000"),
        ("https://example.org/me/board.git", "git", "https://example.org/me/board.git"),
        ("git+https://example.org/me/board", "git", "https://example.org/me/board"),
        ("git@example.org:me/board", "git", "git@example.org:me/board"),
        ("ssh://git@example.org/me/board", "git", "ssh://git@example.org/me/board"),
    ],
)
def test_an_address_is_a_service_or_a_repository(text: str, kind: str, address: str) -> None:
    found = destination_of(text)

    assert (found.kind, found.address) == (kind, address)


def test_a_folder_is_a_repository(tmp_path: Path) -> None:
    assert destination_of(str(tmp_path)).kind == "git"


@pytest.mark.parametrize(
    "text",
    [
        "board.example", "ftp://board.example", "https://", "https://a b", "https://me:secret@board.example",
        "https://board.example/?q=1", "git+ext::sh -c id", "git+--upload-pack=id", "http://[::1", "https://x:99999",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(SendingError, match="--to: "):
        destination_of(text)


def test_an_open_way_is_known() -> None:
    assert Destination("service", "http://board.example").is_open_to_listeners
    assert not Destination("service", "http://127.0.0.1:8000").is_open_to_listeners
    assert not Destination("service", "https://board.example").is_open_to_listeners
