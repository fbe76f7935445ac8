"""The figures of a service in Prometheus' text format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from mlperf_home.leaderboard.service.upload_states import backlog

if TYPE_CHECKING:
    from mlperf_home.contracts.leaderboard.service import WorkerEvent
    from mlperf_home.leaderboard.service.spool import Spool

_PREFIX = "mlperf_home_board"
_REQUEST_S = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)
_VERIFY_S = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 1800.0)


class Metrics:
    """Counters of this process, and what the spool holds."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            f"{_PREFIX}_requests", "Requests by kind and status", ("kind", "status"), registry=registry
        )
        self._seconds = Histogram(
            f"{_PREFIX}_request_seconds",
            "Seconds of requests by kind",
            ("kind",),
            registry=registry,
            buckets=_REQUEST_S,
        )
        self._received = Counter(f"{_PREFIX}_received_bytes", "Bytes of uploads that arrived", registry=registry)
        self._judged = Counter(
            f"{_PREFIX}_judged", "Uploads that were verified, by state", ("state",), registry=registry
        )
        self._verifying = Histogram(
            f"{_PREFIX}_verification_seconds", "Seconds of verifications", registry=registry, buckets=_VERIFY_S
        )
        self._published = Counter(f"{_PREFIX}_publications", "Publications of the pages", registry=registry)
        self._waiting = Gauge(f"{_PREFIX}_waiting", "Uploads that wait", registry=registry)
        self._oldest = Gauge(
            f"{_PREFIX}_oldest_waiting_seconds", "Age of the oldest upload that waits", registry=registry
        )
        self._free = Gauge(f"{_PREFIX}_free_bytes", "Free bytes of the board's disk", registry=registry)
        self._workers = Gauge(f"{_PREFIX}_workers", "Workers that run", registry=registry)

    def count_request(self, kind: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(kind, str(status)).inc()
        self._seconds.labels(kind).observe(seconds)

    def count_bytes(self, number: int) -> None:
        """Count bytes of an upload."""
        self._received.inc(number)

    def count_event(self, event: WorkerEvent) -> None:
        """Count what a worker did."""
        if event.event == "judged":
            self._judged.labels(event.words).inc()
            self._verifying.observe(event.seconds)
        elif event.event == "published":
            self._published.inc()

    def answer(self, spool: Spool, workers: int) -> Response:
        """Return all figures as text."""
        waiting, oldest_s = backlog(spool)
        self._waiting.set(waiting)
        self._oldest.set(oldest_s)
        self._free.set(spool.free_bytes())
        self._workers.set(workers)
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)
