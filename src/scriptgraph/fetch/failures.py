"""Describe why a transfer failed, without the address's secrets.

The messages of `requests` and `urllib3` are never passed on, because they repeat the
address with its user, password and query.
"""

from __future__ import annotations

import errno
import os
import socket
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import IncompleteRead
from typing import TYPE_CHECKING, NamedTuple

import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidChunkLength,
    LocationParseError,
    NameResolutionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from scriptgraph.errors import ScriptGraphError
from scriptgraph.files.parser_faults import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STATUS = {
    401: "401: the server requires a login",
    403: "403: access is denied (accept the licence, log in, or use another network)",
    404: "404: the server has no such file",
    407: "407: the proxy requires a login",
    410: "410: the file was removed from the server",
    416: "416: the server cannot resume the download",
    429: "429: the server limits the number of requests; try again later",
    451: "451: the file is withheld for legal reasons",
}
_TRANSIENT_STATUS = frozenset({408, 416, 425, 429})


class _Rule(NamedTuple):
    """The reason to report if one of the exceptions or error numbers in `signs` is among the causes."""

    reason: str
    signs: tuple[type[BaseException] | int, ...]
    transient: bool = False


# The first match counts, because the exceptions inherit from one another. Those of `requests` carry those of `urllib3`.
_RULES = (
    _Rule("the redirects form a cycle", (requests.TooManyRedirects,)),
    _Rule("the proxy refused the connection; check HTTPS_PROXY, HTTP_PROXY and NO_PROXY", (ProxyError,)),
    _Rule("the name {host} cannot be resolved; check the name and the network", (NameResolutionError, socket.gaierror)),
    _Rule(
        "the server's certificate is not trusted; behind a company's proxy, set REQUESTS_CA_BUNDLE to its certificates",
        (SSLError,),
    ),
    _Rule("the host cannot be reached; check the network", (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)),
    _Rule("the host refused the connection", (errno.ECONNREFUSED,), transient=True),
    _Rule("no answer within {connect_s:g} s", (ConnectTimeoutError,), transient=True),
    _Rule("the transfer stalled for {stall_s:g} s", (ReadTimeoutError, TimeoutError), transient=True),
    _Rule("the connection was reset", (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED), transient=True),
    _Rule("the connection ended before the end of the file", (IncompleteRead, InvalidChunkLength), transient=True),
    _Rule("it redirects to an unsupported address", (InvalidSchema, MissingSchema, InvalidURL, LocationParseError)),
)


class DownloadError(ScriptGraphError):
    """A file could not be fetched; `problems` has each source, without secrets, and its reason."""

    def __init__(self, name: str, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(name, problems)
        self.name, self.problems = name, tuple(problems)

    def __str__(self) -> str:
        reasons = "; ".join(f"{source}: {reason}" for source, reason in self.problems) or "it has no source"
        return (
            f"{self.name} could not be fetched: {printable(reasons)}. Try again later, or name a local copy of the file"
        )


class TransferFailed(Exception):  # noqa: N818 - it reads as the event it is
    """An attempt to fetch a file from one source failed.

    Attributes:
        reason: the reason in words.
        transient: whether another attempt may succeed.
        wait_s: the pause that the server requests, in seconds; None if it requests none.
    """

    def __init__(self, reason: str, *, transient: bool = False, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.transient, self.wait_s = reason, transient, wait_s


class DiskFailed(Exception):  # noqa: N818 - it reads as the event it is
    """The local disk cannot be written, whatever the source."""


def status_failure(response: requests.Response) -> TransferFailed:
    """Describe an HTTP response that is not the file."""
    code = response.status_code
    failed = code >= HTTPStatus.INTERNAL_SERVER_ERROR
    refused = "sent no file" if code < HTTPStatus.BAD_REQUEST else "refused"
    return TransferFailed(
        _STATUS.get(code, f"{code}: the server {'failed' if failed else refused}"),
        transient=failed or code in _TRANSIENT_STATUS,
        wait_s=_pause_s(response.headers.get("Retry-After", ""), response.headers.get("Date", "")),
    )


def _pause_s(retry_after: str, date: str) -> float | None:
    """Return the pause of Retry-After in seconds: a number, or a date by the server's own clock; None if malformed."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - parsedate_to_datetime(date)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


@contextmanager
def connection_faults(host: str, connect_timeout_s: float, stall_timeout_s: float) -> Iterator[None]:
    """Turn every exception of `requests` into TransferFailed; the timeouts are in seconds.

    Malformed answers end in exceptions of many kinds. Their texts are not shown, as they may repeat secrets.

    Raises:
        TransferFailed: the block raised.
    """
    try:
        yield
    except (requests.RequestException, HTTPError, OSError) as error:
        raise _exception_failure(error, host, connect_timeout_s, stall_timeout_s) from None
    except Exception as error:  # noqa: BLE001 - the boundary of a parser of untrusted bytes
        raise TransferFailed(f"the server's answer is malformed ({type(error).__name__})") from None


def _exception_failure(error: Exception, host: str, connect_timeout_s: float, stall_timeout_s: float) -> TransferFailed:
    """Describe an exception of `requests`, `urllib3` or a socket; the timeouts are in seconds."""
    causes: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        current = pending.pop()
        if isinstance(current, BaseException) and current not in causes:
            causes.append(current)
            # `urllib3` stores its causes in `reason` and among the arguments.
            pending += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
    numbers = {cause.errno for cause in causes if isinstance(cause, OSError)}
    for reason, signs, transient in _RULES:
        kinds = tuple(sign for sign in signs if isinstance(sign, type))
        if not numbers.isdisjoint(signs) or any(isinstance(cause, kinds) for cause in causes):
            words = reason.format(host=host, connect_s=connect_timeout_s, stall_s=stall_timeout_s)
            return TransferFailed(words, transient=transient)
    return TransferFailed("the connection broke", transient=True)


def disk_failure(error: OSError, folder: str) -> DiskFailed:
    """Describe why a file cannot be written."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFailed(f"the disk is full, in {folder}; make room or choose another folder")
    reason = os.strerror(error.errno) if error.errno else error
    return DiskFailed(f"{folder} cannot be written ({reason}); choose another folder")
