"""What is wanted stands in the pages for people, and in a signed list for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from board_homes import needs_ssh, ssh_key
from board_results import result
from board_sites import data_of

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.leaderboard.wanted_list import WantedList
from mlperf_home.leaderboard.participation.board_list import read_board_list
from mlperf_home.leaderboard.site.pages import pages
from mlperf_home.leaderboard.site.wanted_signature import sign_wanted

if TYPE_CHECKING:
    from pathlib import Path

METRICS = {"latency_ms": 3.0, "top1_percent": 70.0}


def texts() -> dict[str, str]:
    data = data_of([result(1, path="results/a-workflow/x", metrics=METRICS, hours=1.5)])
    return {
        each.address: each.make().decode() for each in pages(data) if each.address in {"wanted.json", "wanted.html"}
    }


def test_the_list_is_beside_the_pages() -> None:
    wanted = decode(json.loads(texts()["wanted.json"]), WantedList, "wanted.json")

    assert [(run.workflow, run.gain, run.hours, run.credit) for run in wanted.runs] == [("a-workflow", 1, 1.5, 1)]


def test_people_see_gain_hours_and_credit() -> None:
    page = texts()["wanted.html"]

    assert "on the front, measured once" in page
    assert '<td class="number">1.5</td><td class="number">1</td>' in page
    assert "participate,board" in page


@needs_ssh
def test_the_signature_follows_the_key(tmp_path: Path) -> None:
    (tmp_path / "wanted.json").write_text(texts()["wanted.json"])
    key = ssh_key(tmp_path, "key")
    sign_wanted(tmp_path, key)
    first = (tmp_path / "wanted.json.sig").stat()
    sign_wanted(tmp_path, key)

    assert (tmp_path / "wanted.json.sig").stat().st_mtime_ns == first.st_mtime_ns
    assert read_board_list(str(tmp_path)).key.startswith("SHA256:")

    sign_wanted(tmp_path, None)
    assert read_board_list(str(tmp_path)).key == ""
