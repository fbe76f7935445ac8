"""The state of an upload, by where its file lies."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from mlperf_home.contracts.leaderboard.service import UploadStatus
from mlperf_home.leaderboard.service.held_files import stat_of
from mlperf_home.leaderboard.site.addresses import page_of

if TYPE_CHECKING:
    from mlperf_home.contracts.leaderboard.service import JudgedUpload
    from mlperf_home.leaderboard.service.spool import Spool


def status_of(spool: Spool, digest: str) -> UploadStatus | None:
    """Return what is known of an upload; None if nothing is."""
    page = f"uploads/{digest}"
    if (judged := spool.judged(digest)) is not None:
        return _judged_status(judged, page, spool.published().events)
    waiting = spool.waiting()
    if (path := spool.queued(digest)) in waiting and (stat := stat_of(path)):
        return UploadStatus(
            upload=digest, page=page, state="queued", received=stat.st_size, received_utc=utc_of(stat.st_mtime),
            before=waiting.index(path),
        )  # fmt: skip
    if stat := stat_of(spool.part(digest)):
        return UploadStatus(upload=digest, page=page, state="incomplete", received=stat.st_size)
    # It may have moved on while its place was looked up.
    judged = spool.judged(digest)
    return _judged_status(judged, page, spool.published().events) if judged is not None else None


def _judged_status(judged: JudgedUpload, page: str, published_events: int) -> UploadStatus:
    shown = judged.state == "taken" and judged.events <= published_events
    return UploadStatus(
        upload=judged.upload, page=page, state="published" if shown else judged.state, received=judged.bytes,
        received_utc=judged.received_utc, ended_utc=judged.ended_utc, reason=judged.reason, bundle=judged.bundle,
        receipt=judged.receipt, results=tuple(page_of("result", each) for each in judged.results) if shown else (),
    )  # fmt: skip


def backlog(spool: Spool) -> tuple[int, float]:
    """Return the number of uploads that wait, and the age of the oldest in seconds."""
    waiting = spool.waiting()
    stat = stat_of(waiting[0]) if waiting else None
    return len(waiting), max(0.0, time.time() - stat.st_mtime) if stat else 0.0


def utc_of(seconds: float) -> str:
    """Return a time since the epoch in UTC, as ISO 8601 to the second."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
