"""A bench of machines for the tests of fleets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ssh_machines import Bench, ssh_bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ssh_bench(tmp_path / "bench") as made:
        yield made
