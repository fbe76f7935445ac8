"""Boards as pages show them, from results without bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.leaderboard.events import BoardSettings, KnownName, Receipt
from mlperf_home.contracts.leaderboard.judging import Judgement
from mlperf_home.leaderboard.answer.choices import choices
from mlperf_home.leaderboard.published_rows import published_rows
from mlperf_home.leaderboard.site.site_data import SiteData
from mlperf_home.leaderboard.store.index import JudgedResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.leaderboard.answer.contributors import KeyFacts

HOSTILE = '<script>alert("x")</script> \u202e\x1b[31m & "name"'


def data_of(
    results: Sequence[BoardResult], *, sample: bool = False, published: bool = False, facts: KeyFacts | None = None
) -> SiteData:
    """Return a board with these results, all plausible and wanted."""
    judged = [
        JudgedResult(each, Judgement(result=each.id, state="plausible", reasons=(HOSTILE,), wanted=True))
        for each in results
    ]
    receipts = {
        each.bundle: Receipt(
            number=each.receipt, batch=1, bundle="0" * 64, archive="0" * 64, taken_utc="2026-11-30T10:00:00+00:00",
            made_utc="", challenge="a-challenge", results=1,
        )
        for each in results
    }  # fmt: skip
    rows = published_rows("images") if published else []
    return SiteData(
        settings=BoardSettings(name="Board", sample=sample, created_utc="2026-11-01T00:00:00+00:00", crowd="images"),
        results=judged,
        every=choices(judged, rows),
        names={"contributor of key-1": KnownName(name=HOSTILE[:40], key="key-1")},
        key_facts=facts or {},
        receipts=receipts,
    )
