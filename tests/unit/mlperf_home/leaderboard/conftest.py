"""Bundles of several contributors, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from board_homes import Contributors, contributors

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def senders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contributors]:
    yield from contributors(tmp_path_factory.mktemp("senders"))


@pytest.fixture(scope="module")
def bundles(senders: Contributors) -> dict[str, object]:
    """Return bundles by name: of Ada, of Bob, unsigned, and of a thief who uses Ada's name."""
    return {
        "ada": senders.bundle("Ada", "ada"),
        "bob": senders.bundle("Bob", "bob"),
        "unsigned": senders.bundle("nobody"),
        "thief": senders.bundle("ADA", "thief"),
        "renamed": senders.bundle("Adele", "ada"),
    }
