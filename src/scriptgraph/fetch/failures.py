"""Why a transfer failed, in words, without the address's secrets.

The texts of `requests` and `urllib3` are never passed on: they repeat the address with
its user, password and query.
"""

from __future__ import annotations

import errno
import os
import socket
from http import HTTPStatus
from http.client import IncompleteRead
from typing import TYPE_CHECKING, NamedTuple

import requests
from requests.exceptions import InvalidSchema, InvalidURL
from urllib3.exceptions import (
    ConnectTimeoutError,
    InvalidChunkLength,
    NameResolutionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATUS = {
    401: "401: it wants a login",
    403: "403: access is denied (a licence to accept, a login, or a blocked network)",
    404: "404: it is not there",
    407: "407: the proxy wants a login",
    410: "410: it is gone for good",
    416: "416: the server cannot continue where the download stopped",
    429: "429: the server limits how often it may be asked",
    451: "451: withheld for legal reasons",
}
_TRANSIENT_STATUS = frozenset({408, 416, 425, 429})


class _Rule(NamedTuple):
    """What to say when one of these exceptions or error numbers is among the causes."""

    reason: str
    signs: tuple[type[BaseException] | int, ...]
    transient: bool = False


# The first that fits is said: exceptions inherit from one another. Those of `requests` carry those of `urllib3`.
_RULES = (
    _Rule("it redirects in a circle", (requests.TooManyRedirects,)),
    _Rule("the proxy did not let us through (HTTPS_PROXY, HTTP_PROXY, NO_PROXY)", (ProxyError,)),
    _Rule("the name {host} cannot be resolved (no network, or no such host)", (NameResolutionError, socket.gaierror)),
    _Rule(
        "its certificate is not trusted (behind a company's proxy, REQUESTS_CA_BUNDLE names its certificates)",
        (SSLError,),
    ),
    _Rule("there is no network to it", (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)),
    _Rule("it refused the connection", (errno.ECONNREFUSED,), transient=True),
    _Rule("no answer within {connect_s:g} s", (ConnectTimeoutError,), transient=True),
    _Rule("it stalled: nothing came for {stall_s:g} s", (ReadTimeoutError, TimeoutError), transient=True),
    _Rule("the connection was reset", (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED), transient=True),
    _Rule("the connection ended before the file did", (IncompleteRead, InvalidChunkLength), transient=True),
    _Rule("it redirects to an address that cannot be fetched", (InvalidSchema, InvalidURL)),
)


class DownloadError(ScriptGraphError):
    """A file could not be had; `problems` has each source tried, as shown to users, and why it failed."""

    def __init__(self, name: str, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(name, problems)
        self.name, self.problems = name, tuple(problems)

    def __str__(self) -> str:
        tried = "; ".join(f"{source}: {reason}" for source, reason in self.problems) or "no source was given"
        return f"{self.name} could not be fetched: {tried}. A local copy can be given instead of the download"


class TransferFailed(Exception):  # noqa: N818 - it reads as the event it is
    """One try at one source failed; if that is `transient`, trying again may help.

    `wait_s` is how long the server asks us to wait, in seconds; None if it does not say.
    """

    def __init__(self, reason: str, *, transient: bool = False, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.transient, self.wait_s = reason, transient, wait_s


class DiskFailed(Exception):  # noqa: N818 - it reads as the event it is
    """What arrives cannot be kept here, whichever source it comes from."""


def of_status(response: requests.Response) -> TransferFailed:
    """Describe an answer that is not the file."""
    code = response.status_code
    failed = code >= HTTPStatus.INTERNAL_SERVER_ERROR
    pause = response.headers.get("Retry-After", "")
    return TransferFailed(
        _STATUS.get(code, f"{code}: the server {'failed' if failed else 'refused'}"),
        transient=failed or code in _TRANSIENT_STATUS,
        wait_s=float(pause) if pause.isdecimal() else None,
    )


def of_exception(error: Exception, host: str, connect_timeout_s: float, stall_timeout_s: float) -> TransferFailed:
    """Describe what `requests`, `urllib3` or the socket raised."""
    causes: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        current = pending.pop()
        if isinstance(current, BaseException) and current not in causes:
            causes.append(current)
            # `urllib3` has its causes in `reason` and among the arguments.
            pending += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
    numbers = {cause.errno for cause in causes if isinstance(cause, OSError)}
    for reason, signs, transient in _RULES:
        kinds = tuple(sign for sign in signs if isinstance(sign, type))
        if not numbers.isdisjoint(signs) or any(isinstance(cause, kinds) for cause in causes):
            words = reason.format(host=host, connect_s=connect_timeout_s, stall_s=stall_timeout_s)
            return TransferFailed(words, transient=transient)
    return TransferFailed("the connection broke", transient=True)


def of_disk(error: OSError, folder: str) -> DiskFailed:
    """Describe why a file cannot be written."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFailed(f"the disk is full, in {folder}; make room or choose another folder")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return DiskFailed(f"{folder} may not be written to ({os.strerror(error.errno)}); choose another folder")
    return DiskFailed(f"{folder} cannot be written to ({error.strerror or error})")
