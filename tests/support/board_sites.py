"""Boards as pages show them, from results without bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import to_line
from mlperf_home.contracts.leaderboard.events import BoardSettings, KnownName, Receipt
from mlperf_home.contracts.leaderboard.judging import Judgement
from mlperf_home.leaderboard.answer.choices import choices
from mlperf_home.leaderboard.published_rows import published_rows
from mlperf_home.leaderboard.site.pages import pages
from mlperf_home.leaderboard.site.site_data import SiteData, SiteExtras
from mlperf_home.leaderboard.site.verdict_history import VerdictHistory
from mlperf_home.leaderboard.store.index import JudgedResult

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlperf_home.contracts.leaderboard.events import VerdictLine
    from mlperf_home.contracts.leaderboard.judging import State
    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.leaderboard.answer.contributors import KeyFacts

HOSTILE = '<script>alert("x")</script> \u202e\x1b[31m & "name"'


def data_of(  # noqa: PLR0913 - one board in one call
    results: Sequence[BoardResult],
    *,
    sample: bool = False,
    published: bool = False,
    facts: KeyFacts | None = None,
    state: State = "plausible",
    extras: SiteExtras | None = None,
    verdicts: Sequence[VerdictLine] = (),
    link: str = "",
) -> SiteData:
    """Return a board with these results, all of one state and wanted; replicated ones are credited."""
    credited = state == "replicated"
    judged = [
        JudgedResult(each, Judgement(result=each.id, state=state, reasons=(HOSTILE,), wanted=True, credited=credited))
        for each in results
    ]
    receipts = {
        each.bundle: Receipt(
            number=each.receipt, batch=1, bundle="0" * 64, archive="0" * 64, taken_utc="2026-11-30T10:00:00+00:00",
            made_utc="2026-11-30T09:00:00+00:00", challenge="a-challenge", results=1,
        )
        for each in results
    }  # fmt: skip
    rows = published_rows("images") if published else []
    return SiteData(
        settings=BoardSettings(name="Board", sample=sample, created_utc="2026-11-01T00:00:00+00:00", crowd="images"),
        results=judged,
        every=choices(judged, rows),
        names={"contributor of key-1": KnownName(name=HOSTILE[:40], key="key-1", link=link)},
        key_facts=facts or {},
        receipts=receipts,
        history=VerdictHistory(["\n".join(map(to_line, verdicts)).encode()]),
        extras=extras or SiteExtras(),
    )


def texts(data: SiteData) -> dict[str, str]:
    """Return the texts of all files of a site, by address."""
    found = ((each.address, each) for each in pages(data) if not each.address.endswith(".parquet"))
    return {address: each.make().decode() for address, each in found}


def written(data: SiteData, folder: Path) -> Path:
    """Write the files of a site; return its folder."""
    for address, text in texts(data).items():
        (folder / address).parent.mkdir(parents=True, exist_ok=True)
        (folder / address).write_text(text, encoding="utf-8")
    return folder
