"""The log of own documents knows what was added, whatever else is in it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from scriptgraph.files.digest_log import DigestLog

if TYPE_CHECKING:
    from pathlib import Path

ONE, OTHER = "1" * 64, "2" * 64


def test_only_added_digests_are_known(tmp_path: Path) -> None:
    log = DigestLog(tmp_path / "state")
    assert ONE not in log

    log.add(ONE)

    assert ONE in DigestLog(tmp_path / "state")
    assert OTHER not in log
    assert ONE[:-1] not in log


def test_a_torn_line_spoils_no_other(tmp_path: Path) -> None:
    log = DigestLog(tmp_path)
    log.add(ONE)
    with next(tmp_path.iterdir()).open("ab") as file:
        file.write(b"\xff\x00" + OTHER[:10].encode())

    log.add(OTHER)

    assert ONE in log
    assert OTHER in log


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    digests = [f"{number:064x}" for number in range(64)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(DigestLog(tmp_path).add, digests))

    assert all(each in DigestLog(tmp_path) for each in digests)
