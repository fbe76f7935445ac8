"""The service of a board: its job, its answers about uploads, and what its processes tell each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import Document, OpenDocument
from mlperf_home.contracts.leaderboard.events import Digest
from scriptgraph.files.json_reader import Limits

SERVICE_JOB_LIMITS = Limits(size=64 << 10, depth=2, values=50)
UPLOAD_LIMITS = Limits(size=1 << 20, depth=2, values=25_000)
"""A bundle has at most 20,000 files, so fewer results."""
ANSWER_LIMITS = Limits(size=16 << 10, depth=2, values=50)

UploadState = Literal["incomplete", "queued", "taken", "published", "refused", "set aside"]
"""Bytes are missing; waits; is on the board; is on its pages; is refused; the organiser has to look."""


class ServiceJob(Document):
    """What a service serves, and within which limits.

    Attributes:
        board: the folder of the board.
        site: the folder of its pages.
        worker: the words of the command that starts a worker.
        judge: the Python that judges.
        host: the address to listen at.
        port: the port to listen at; 0 for any free one.
        workers: the number of processes that verify.
        uploads_per_hour: the most uploads from one address.
        uploads_at_once: the most uploads from one address at a time.
        waiting_bytes: the most bytes of all uploads that are incomplete or wait.
        proxy: addresses of proxies whose X-Forwarded-For is believed, separated by commas.
        published: whether published rows stand beside the board's results.
        key: the board's key, which signs its verdicts.
    """

    board: Path
    site: Path
    worker: tuple[str, ...]
    judge: Path
    host: str
    port: int
    workers: int
    uploads_per_hour: int
    uploads_at_once: int
    waiting_bytes: int
    proxy: str = ""
    published: bool = True
    key: Path | None = None


class JudgedUpload(Document):
    """`uploads/done/ab/ab12....json`: what has become of an upload.

    Attributes:
        upload: SHA-256 of the archive as it was sent.
        bytes: its size.
        reason: why it is not taken.
        bundle: SHA-256 of the bundle's manifest, if it is taken.
        receipt: the number of its receipt.
        events: the number of the journal's events with which the pages show it.
        results: the ids of its results.
    """

    schema: Literal["mlperf-home/judged-upload/1"] = "mlperf-home/judged-upload/1"
    upload: Digest
    bytes: int
    received_utc: str
    ended_utc: str
    state: Literal["taken", "refused", "set aside"]
    reason: str = ""
    bundle: str = ""
    receipt: int = 0
    events: int = 0
    results: tuple[str, ...] = ()


class PublishedState(Document):
    """`uploads/published.json`: the number of the journal's events that the pages show."""

    schema: Literal["mlperf-home/published-state/1"] = "mlperf-home/published-state/1"
    events: int
    utc: str


class UploadStatus(OpenDocument):
    """The service's answer about an upload; addresses are relative to the service.

    Attributes:
        upload: SHA-256 of the archive.
        state: see `UploadState`.
        received: the number of bytes that have arrived.
        page: the page that shows this.
        reason: why it is refused, or set aside.
        bundle: SHA-256 of the bundle's manifest, if it is taken.
        receipt: the number of its receipt; 0 without one.
        before: the number of uploads that are verified before it, while it waits.
        results: the pages of its results, once they are published.
    """

    schema: Literal["mlperf-home/upload/1"] = "mlperf-home/upload/1"
    upload: Digest
    state: UploadState
    received: Annotated[int, Meta(ge=0)]
    page: str
    received_utc: str = ""
    ended_utc: str = ""
    reason: str = ""
    bundle: str = ""
    receipt: int = 0
    before: int = 0
    results: tuple[str, ...] = ()


class ServiceFault(OpenDocument):
    """The service's answer to a request that it does not fulfil."""

    error: str
    advice: str


class ListeningEvent(Document, tag_field="service", tag="listening"):
    """The service listens at an address."""

    url: str


class WorkerEvent(Document, tag_field="service", tag="worker"):
    """A worker has ended an upload, published, or waits for something.

    Attributes:
        event: "judged", "published", or "waits".
        upload: the upload that was judged.
        words: the state of the upload, what was published, or what is waited for.
        seconds: how long it took.
    """

    event: Literal["judged", "published", "waits"]
    upload: str = ""
    words: str = ""
    reason: str = ""
    seconds: float = 0.0


ServiceEvent = ListeningEvent | WorkerEvent
