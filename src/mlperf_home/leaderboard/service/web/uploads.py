"""Uploads: received within limits, each once, and their state as JSON and as a page."""

from __future__ import annotations

import asyncio
import errno
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.leaderboard.limits import MOST_BYTES
from mlperf_home.leaderboard.service.spool import NoRoomError
from mlperf_home.leaderboard.service.upload_states import status_of
from mlperf_home.leaderboard.service.web.faults import FaultAnswer

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from starlette.requests import Request
    from starlette.responses import Response

    from mlperf_home.contracts.leaderboard.service import UploadStatus
    from mlperf_home.leaderboard.service.receiving import Receiving
    from mlperf_home.leaderboard.service.spool import Spool
    from mlperf_home.leaderboard.service.web.address_limits import AddressLimits
    from mlperf_home.leaderboard.service.web.metrics import Metrics

    Log = Callable[..., Any]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_LENGTH = re.compile(r"[0-9]{1,15}")
_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})")
_STALL_S = 60.0
_BUSY_S, _FULL_S = 5.0, 60.0
_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True)
class AnnouncedBytes:
    """The bytes that a request brings: where they begin, how many, and of how many."""

    start: int
    length: int
    total: int


@dataclass(frozen=True)
class Uploads:
    """The upload endpoints."""

    spool: Spool
    limits: AddressLimits
    metrics: Metrics
    ring: Callable[[], None]
    log: Log
    stall_s: float = _STALL_S

    async def put(self, request: Request) -> Response:
        """Receive an upload, or the rest of one."""
        digest = digest_in(request)
        if (known := status_of(self.spool, digest)) is not None and known.state != "incomplete":
            return _answer(known, 200)
        part = _part_of(request)
        address = request.client.host if request.client else ""
        with self.limits.admitted(address):
            try:
                self.spool.require_room(part.total)
                status = await self._receive(request, digest, part)
            except NoRoomError as error:
                raise FaultAnswer(507, str(error), "try again later", _FULL_S) from None
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                raise FaultAnswer(507, "the disk is full", "try again later", _FULL_S) from None
        self.log("upload", upload=digest, state=status.state, bytes=status.received)
        if status.state != "incomplete":
            self.ring()
        return _answer(status, 202 if status.state == "incomplete" else 201)

    async def get(self, request: Request) -> Response:
        """Return the state of an upload as JSON."""
        return _answer(self.known(digest_in(request)), 200)

    def known(self, digest: str) -> UploadStatus:
        """Return the state of an upload.

        Raises:
            FaultAnswer: nothing is known of it.
        """
        status = status_of(self.spool, digest)
        if status is None:
            raise FaultAnswer(404, "no such upload is known", "send it, or check the address")
        return status

    async def _receive(self, request: Request, digest: str, part: AnnouncedBytes) -> UploadStatus:
        with self.spool.receiving(digest) as receiving:
            if receiving is None:
                raise FaultAnswer(409, "another connection sends this upload", "wait for it, then ask again", _BUSY_S)
            have = receiving.size
            if part.start == 0:
                receiving.restart()
            elif part.start != have:
                advice = f"send the bytes from {have} on"
                raise FaultAnswer(416, f"{have} bytes have arrived, and these begin at {part.start}", advice)
            try:
                await self._append(request, receiving, part)
                receiving.flush()
            except OSError:
                receiving.discard()
                raise
            if part.start + part.length == part.total and not await asyncio.to_thread(receiving.accept):
                raise FaultAnswer(422, "its SHA-256 is not the one in the address", "send it again from its beginning")
        return self.known(digest)

    async def _append(self, request: Request, receiving: Receiving, part: AnnouncedBytes) -> None:
        left, chunks = part.length, request.stream()
        try:
            while chunk := await asyncio.wait_for(anext(chunks, b""), self.stall_s):
                left -= len(chunk)
                if left < 0:
                    raise FaultAnswer(400, "more bytes came than were announced", "send it again")
                receiving.write(chunk)
                self.metrics.count_bytes(len(chunk))
        except asyncio.TimeoutError:
            raise FaultAnswer(408, f"no byte came for {self.stall_s:g} s", "send the rest again") from None
        except ClientDisconnect:
            raise FaultAnswer(400, "the connection ended early", "send the rest again") from None


def digest_in(request: Request) -> str:
    """Return the digest in a request's path. Raise FaultAnswer if it is none."""
    digest = str(request.path_params["digest"])
    if not _DIGEST.fullmatch(digest):
        raise FaultAnswer(404, "this is no upload's address", "write the archive's SHA-256, 64 digits of 0-9 and a-f")
    return digest


def _part_of(request: Request) -> AnnouncedBytes:
    """Return what a request announces. Raise FaultAnswer if that is nothing, or too much."""
    length = request.headers.get("content-length", "")
    if not _LENGTH.fullmatch(length):
        raise FaultAnswer(411, "the request does not tell its length", "send Content-Length")
    part = AnnouncedBytes(0, int(length), int(length))
    if (written := request.headers.get("content-range")) is not None:
        found = _RANGE.fullmatch(written)
        start, last, total = map(int, found.groups()) if found else (0, 0, 0)
        if not found or last - start + 1 != part.length or last >= total:
            raise FaultAnswer(400, "Content-Range and Content-Length do not fit", "write bytes FIRST-LAST/TOTAL")
        part = AnnouncedBytes(start, part.length, total)
    if part.total > MOST_BYTES:
        raise FaultAnswer(413, f"it has more than {MOST_BYTES >> 20} MiB", "no bundle of ours is so large")
    if not part.length:
        raise FaultAnswer(400, "the upload is empty", "send the bundle as the body")
    return part


def _answer(status: UploadStatus, code: int) -> Response:
    headers = {"Location": f"../../../{status.page}", "Cache-Control": "no-store"}
    return JSONResponse(encode(status), code, headers)
