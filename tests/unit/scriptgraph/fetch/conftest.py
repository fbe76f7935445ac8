from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from download_harness import Harness
from faulty_server import FaultyServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with FaultyServer() as running:
        yield running


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return Harness(tmp_path)
