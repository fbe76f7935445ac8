"""Send a bundle to the service of a board: in parts if connections break, each byte once, until it is verified."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from mlperf_home.contracts.codec import parse_document
from mlperf_home.contracts.leaderboard.service import ANSWER_LIMITS, UPLOAD_LIMITS, ServiceFault, UploadStatus
from mlperf_home.leaderboard.sending.destination import SendingError
from scriptgraph.embed import TransferFailed, connection_faults, status_failure
from scriptgraph.errors import DocumentError
from scriptgraph.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    Progress = Callable[[int, int], None]

_CONNECT_S, _STALL_S = 15.0, 120.0
_MOST_PAUSE_S, _FIRST_PAUSE_S = 300.0, 1.0
_POLLS_S = (0.5, 1.0, 2.0, 5.0)
_LONGEST_WORDS = 500
_STEPS = 100
_REDIRECTED = range(300, 400)


@dataclass(frozen=True)
class ServiceClient:
    """A board's service.

    Attributes:
        base: its address.
        progress: called with the bytes that have arrived, and with all.
        warn: called with the reason of another try.
        tries: the most tries without progress.
        sleep: pauses for a number of seconds.
    """

    base: str
    progress: Progress
    warn: Callable[[str], None]
    tries: int = 6
    sleep: Callable[[float], None] = time.sleep

    def send(self, archive: Path, digest: str) -> UploadStatus:
        """Send an archive, and return its state; one that the service knows already is not sent again.

        Raises:
            SendingError: the service refuses it, or is out of reach.
        """
        total, fails, arrived = archive.stat().st_size, 0, 0
        while True:
            try:
                status = self._state(digest)
                if status is not None and status.state != "incomplete":
                    return status
                arrived = status.received if status is not None else 0
                # A service that ended before it looked at the last byte gets all again.
                status = self._put(archive, digest, arrived if arrived < total else 0, total)
                if status.state != "incomplete":
                    return status
            except TransferFailed as failure:  # noqa: PERF203 - each try may take minutes
                now = self._arrived(digest, arrived)
                fails = fails + 1 if now <= arrived else 1
                if not failure.transient or fails >= self.tries:
                    again = "nothing is lost: repeat the command later, and it goes on where it was"
                    advice = again if failure.transient else "check the address and the bundle"
                    raise SendingError(self.base, failure.reason, advice) from None
                wanted_s = failure.wait_s or _FIRST_PAUSE_S * 2 ** (fails - 1)
                pause_s = min(_MOST_PAUSE_S, wanted_s)
                self.warn(f"{failure.reason}; tried again in {pause_s:.0f} s")
                self.sleep(pause_s)

    def wait(self, digest: str, most_s: float) -> UploadStatus:
        """Ask for the state until the upload is published or refused, or a time has passed; return the last state.

        Raises:
            SendingError: the service no longer knows it, or is out of reach.
        """
        waited_s, asked = 0.0, 0
        while True:
            try:
                status = self._state(digest)
            except TransferFailed as failure:
                if not failure.transient or waited_s >= most_s:
                    raise SendingError(self.base, failure.reason, "it was sent; look at its page later") from None
            else:
                if status is None:
                    raise SendingError(self.base, "the service no longer knows the upload", "send it again")
                if status.state not in {"queued", "taken"} or waited_s >= most_s:
                    return status
            pause_s = _POLLS_S[min(asked, len(_POLLS_S) - 1)]
            self.sleep(pause_s)
            waited_s, asked = waited_s + pause_s, asked + 1

    def _arrived(self, digest: str, otherwise: int) -> int:
        try:
            status = self._state(digest)
        except TransferFailed:
            return otherwise
        return status.received if status is not None else 0

    def _state(self, digest: str) -> UploadStatus | None:
        """Return what the service knows of an upload; None if nothing."""
        code, status = self._request("GET", digest)
        return None if code == HTTPStatus.NOT_FOUND else status

    def _put(self, archive: Path, digest: str, start: int, total: int) -> UploadStatus:
        with archive.open("rb") as file:
            file.seek(start)
            body = _Body(file, start, total, self.progress)
            headers = {"Content-Type": "application/gzip"}
            if start:
                headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
            status = self._request("PUT", digest, data=body, headers=headers)[1]
        if status is None:
            raise TransferFailed("404: the address is no board's service")
        return status

    def _request(self, method: str, digest: str, **options: Any) -> tuple[int, UploadStatus | None]:
        """Return the status code of an answer, and the document in it; None for what is unknown.

        Raises:
            TransferFailed: there is no answer, or it is another one.
        """
        url = f"{self.base}/api/v1/uploads/{digest}"
        with connection_faults(urlsplit(url).hostname or "", _CONNECT_S, _STALL_S):
            timeouts = (_CONNECT_S, _STALL_S)
            with requests.request(
                method, url, timeout=timeouts, allow_redirects=False, stream=True, **options
            ) as response:
                content = response.raw.read(UPLOAD_LIMITS.size + 1, decode_content=True)
                code = response.status_code
                failure = status_failure(response)
        if code in _REDIRECTED:
            raise TransferFailed(f"{code}: the service has another address; open it in a browser, and send there")
        try:
            if code < HTTPStatus.BAD_REQUEST:
                return code, parse_document(content, UploadStatus, "the answer", UPLOAD_LIMITS)
            fault = parse_document(content, ServiceFault, "the answer", ANSWER_LIMITS)
        except DocumentError:
            if code < HTTPStatus.BAD_REQUEST or code == HTTPStatus.NOT_FOUND:
                raise TransferFailed("the address is no board's service") from None
            raise failure from None
        if code == HTTPStatus.NOT_FOUND:
            return code, None
        words = printable_name(f"{fault.error}; {fault.advice}"[:_LONGEST_WORDS])
        transient = failure.transient or code in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}
        raise TransferFailed(f"{code}: {words}", transient=transient, wait_s=failure.wait_s)


class _Body:
    """The rest of a file as the body of a request, which tells how much was read."""

    def __init__(self, file: BinaryIO, start: int, total: int, progress: Progress) -> None:
        self._file, self._start, self._total, self._progress = file, start, total, progress
        self._sent = self._shown = start

    def __len__(self) -> int:
        return self._total - self._start

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes."""
        chunk = self._file.read(size)
        self._sent += len(chunk)
        if self._sent - self._shown >= self._total / _STEPS or self._sent == self._total:
            self._shown = self._sent
            self._progress(self._sent, self._total)
        return chunk
