"""The application of a service: its addresses, and what is common to all answers."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from mlperf_home.leaderboard.service.web.faults import FaultAnswer, answer_fault
from mlperf_home.leaderboard.service.web.openapi import description
from mlperf_home.leaderboard.service.web.service_pages import ServicePages
from mlperf_home.leaderboard.service.web.uploads import digest_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mlperf_home.leaderboard.service.web.metrics import Metrics
    from mlperf_home.leaderboard.service.web.uploads import Log, Uploads
    from mlperf_home.leaderboard.service.web.workers import Workers

_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    # The pages bring the rest of their policy themselves, as they do without a server.
    (b"content-security-policy", b"frame-ancestors 'none'; object-src 'none'"),
)
_LONGEST_PATH = 200


class Service:
    """The endpoints beside uploads, and the application of all."""

    def __init__(self, board: str, site: Path, uploads: Uploads, workers: Workers, log: Log) -> None:
        self._uploads, self._workers, self._log = uploads, workers, log
        self._description, self._pages = description(board), ServicePages(board)
        self._site = StaticFiles(directory=site, html=True, check_dir=False)

    def application(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/api/v1/uploads/{digest}", self._uploads.put, methods=["PUT"]),
                Route("/api/v1/uploads/{digest}", self._uploads.get, methods=["GET"]),
                Route("/api/v1/openapi.json", self._openapi),
                Route("/uploads/{digest}", self._upload_page),
                Route("/health", self._health),
                Route("/metrics", self._figures),
                Mount("/", self._site),
            ],
            middleware=[Middleware(_Counted, metrics=self._uploads.metrics, log=self._log)],
            exception_handlers={FaultAnswer: answer_fault, HTTPException: self._absent, Exception: _answer_failure},
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self._workers.start()
        try:
            yield
        finally:
            await self._workers.stop()

    async def _openapi(self, _request: Request) -> Response:
        return JSONResponse(self._description)

    async def _upload_page(self, request: Request) -> Response:
        try:
            return self._pages.upload(self._uploads.known(digest_in(request)))
        except FaultAnswer as fault:
            return self._pages.absent(f"{fault.fault.error}; {fault.fault.advice}.", fault.status, "../")

    async def _health(self, _request: Request) -> Response:
        reasons = [
            *(["no worker runs"] if not self._workers.running else []),
            *(["the disk is full"] if self._uploads.spool.is_short() else []),
        ]
        return JSONResponse({"ok": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def _figures(self, _request: Request) -> Response:
        return self._uploads.metrics.answer(self._uploads.spool, self._workers.running)

    async def _absent(self, request: Request, fault: Exception) -> Response:
        """Return the answer to a request for nothing that is here: JSON for programs, else a page."""
        assert isinstance(fault, HTTPException)  # noqa: S101 - registered for it alone
        if request.url.path.startswith("/api/"):
            words = {"error": fault.detail, "advice": "/api/v1/openapi.json has the addresses"}
            return JSONResponse(words, fault.status_code, fault.headers)
        words_of_page = "There is no such page. Pages of results never move: look for it on the first page."
        return self._pages.absent(words_of_page, fault.status_code, "../" * (request.url.path.count("/") - 1))


async def _answer_failure(_request: Request, _error: Exception) -> Response:
    """Return the answer to a request that the service failed at; its log has the reason."""
    words = {"error": "the service failed", "advice": "try again later; nothing that was accepted is lost"}
    return JSONResponse(words, HTTPStatus.INTERNAL_SERVER_ERROR)


class _Counted:
    """Adds headers to every answer, and counts and logs requests; answers of pages are only counted."""

    def __init__(self, app: ASGIApp, metrics: Metrics, log: Log) -> None:
        self._app, self._metrics, self._log = app, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, codes = time.monotonic(), [500]

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                codes[0] = message["status"]
                message["headers"] = [*message.get("headers", ()), *_SAFE]
            await send(message)

        try:
            await self._app(scope, receive, send_safely)
        except Exception as error:
            self._log("failure", path=scope["path"][:_LONGEST_PATH], reason=f"{type(error).__name__}: {error}")
            raise
        finally:
            self._note(scope, codes[0], time.monotonic() - began_s)

    def _note(self, scope: Scope, code: int, seconds: float) -> None:
        path: str = scope["path"]
        kind = "api" if path.startswith("/api/") else "page"
        self._metrics.count_request(kind, code, seconds)
        if kind == "api" or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            facts: dict[str, Any] = {"method": scope["method"], "path": path[:_LONGEST_PATH], "status": code}
            self._log("request", **facts, ms=round(1000 * seconds, 1))
