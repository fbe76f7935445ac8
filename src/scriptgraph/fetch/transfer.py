"""One try at bringing one source's bytes into its partial file."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
import urllib3

from scriptgraph.fetch.failures import DiskFailed, TransferFailed, of_disk, of_exception, of_status
from scriptgraph.fetch.partial import Version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scriptgraph.fetch.partial import Partial
    from scriptgraph.fetch.sources import Source

    Progress = Callable[[int, int | None], None]

_CHUNK_BYTES = 1 << 16
_MAX_REDIRECTS = 10
_PARTIAL_CONTENT, _RANGE_REFUSED = 206, 416


@dataclass(frozen=True)
class Limits:
    """What a transfer is held to.

    Attributes:
        connect_timeout_s: how long a connection may take, in seconds.
        stall_timeout_s: how long nothing may come, in seconds.
        size_bytes: the file's known length; None if it is not known.
        hash_known: whether the content will be checked against a hash.
    """

    connect_timeout_s: float
    stall_timeout_s: float
    size_bytes: int | None
    hash_known: bool


def copy_local(path: Path, partial: Partial, limits: Limits, progress: Progress) -> None:
    """Copy a local file.

    Raises:
        TransferFailed: it is not there, or cannot be read, or has another length.
        DiskFailed: the copy cannot be written.
    """
    try:
        with path.open("rb") as content:
            total = path.stat().st_size
            _check_total(total, limits)
            _make_room(partial, total)
            _restart(partial, Version(total_bytes=total))
            received = 0
            while chunk := content.read(_CHUNK_BYTES):
                _append(partial, chunk)
                received += len(chunk)
                progress(received, total)
    except FileNotFoundError:
        raise TransferFailed("no such file") from None
    except IsADirectoryError:
        raise TransferFailed("it is a folder, not a file") from None
    except PermissionError:
        raise TransferFailed("it may not be read") from None
    _flush(partial)


def transfer(source: Source, partial: Partial, limits: Limits, progress: Progress) -> None:
    """Ask for the bytes that are missing, and append them as they come.

    Continues an earlier try where the server can (Range, guarded by If-Range, RFC 9110
    section 14), and begins anew where it cannot or where the file changed meanwhile.

    Raises:
        TransferFailed: this try failed; what came is kept in `partial`.
        DiskFailed: what came could not be written.
    """
    have = partial.size_bytes
    known = partial.version
    if have and not (known.validator or limits.hash_known):
        have = 0  # nothing would tell that the end belongs to another version than the beginning
    headers = {"Accept-Encoding": "identity", "User-Agent": "scriptgraph"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if known.validator:
            headers["If-Range"] = known.validator
    timeouts = (limits.connect_timeout_s, limits.stall_timeout_s)
    try:
        with requests.Session() as session:
            session.max_redirects = _MAX_REDIRECTS
            with session.get(source.url, headers=headers, timeout=timeouts, stream=True) as response:
                _receive(response, partial, have, limits, progress)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        _flush(partial)
        raise of_exception(error, source.host, *timeouts) from None
    _flush(partial)


def _receive(response: requests.Response, partial: Partial, have: int, limits: Limits, progress: Progress) -> None:
    if response.status_code == _RANGE_REFUSED and have:
        total = _total_of_range(response)
        if total == have:
            return  # an earlier try had it all and was stopped before it could say so
        _restart(partial, Version())
        raise of_status(response)
    if not response.ok:
        raise of_status(response)
    _refuse_what_is_no_file(response, limits)
    if response.status_code == _PARTIAL_CONTENT:
        total = _continued(response, partial, have)
    else:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        _restart(partial, Version(_validator(response), total))
    _check_total(total, limits)
    _make_room(partial, total)
    received = partial.size_bytes
    # Raw bytes: a .tar.gz that a server labels as "gzip-encoded" has to stay compressed.
    for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=False):
        _append(partial, chunk)
        received += len(chunk)
        if limits.size_bytes is not None and received > limits.size_bytes:
            raise TransferFailed(f"it is longer than the expected {limits.size_bytes:,} bytes")
        progress(received, total)
    if total is not None and received != total:
        raise TransferFailed("the connection ended before the file did", transient=True)


def _continued(response: requests.Response, partial: Partial, have: int) -> int | None:
    """Check that the server continues where we asked it to; give the whole length."""
    begins = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", response.headers.get("Content-Range", ""))
    total, known = _total_of_range(response), partial.version
    moved = not begins or int(begins[1]) != have
    if moved or (known.total_bytes is not None and total is not None and total != known.total_bytes):
        _restart(partial, Version())
        raise TransferFailed("the file changed while it was fetched", transient=True)
    return total


def _total_of_range(response: requests.Response) -> int | None:
    found = re.fullmatch(r"bytes (?:\d+-\d+|\*)/(\d+)", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _validator(response: requests.Response) -> str:
    """Give what If-Range may compare: a strong ETag, else the date."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _refuse_what_is_no_file(response: requests.Response, limits: Limits) -> None:
    """Without a hash to check, a login page or a downgraded connection would be taken for the file."""
    if limits.hash_known:
        return
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise TransferFailed("it gave a web page, not a file")
    if response.url.startswith("http:") and any(step.url.startswith("https:") for step in response.history):
        raise TransferFailed("it redirects from https to http, and there is no hash to check the file with")


def _check_total(total: int | None, limits: Limits) -> None:
    if total is not None and limits.size_bytes is not None and total != limits.size_bytes:
        raise TransferFailed(f"it has {total:,} bytes where {limits.size_bytes:,} were expected")


def _make_room(partial: Partial, total: int | None) -> None:
    """Say now, not after an hour, that the disk is too small."""
    if total is None:
        return
    missing = total - partial.size_bytes
    free = shutil.disk_usage(partial.path.parent).free
    if missing > free:
        raise DiskFailed(
            f"the disk is too full: {missing:,} bytes are to come, {free:,} are free in {partial.path.parent};"
            " make room or choose another folder"
        )


def _restart(partial: Partial, version: Version) -> None:
    try:
        partial.restart(version)
    except OSError as error:
        raise of_disk(error, str(partial.path.parent)) from error


def _append(partial: Partial, chunk: bytes) -> None:
    try:
        partial.append(chunk)
    except OSError as error:
        raise of_disk(error, str(partial.path.parent)) from error


def _flush(partial: Partial) -> None:
    try:
        partial.flush()
    except OSError as error:
        raise of_disk(error, str(partial.path.parent)) from error
