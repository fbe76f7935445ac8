"""Attempt to transfer a source's bytes into a partial file, which is kept between attempts."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial as partial_function
from http import HTTPStatus
from typing import IO, TYPE_CHECKING

import requests

from scriptgraph.fetch.answers import ContentRange, file_version, require_part, require_recordable
from scriptgraph.fetch.failures import DiskFailed, TransferFailed, connection_faults, disk_failure, status_failure
from scriptgraph.fetch.partial_file import FileVersion, PartialFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from scriptgraph.fetch.hashes import Digest
    from scriptgraph.fetch.sources import FileSource

_CHUNK_BYTES = 1 << 16
_MAX_REDIRECTS = 10


@dataclass(frozen=True)
class Expected:
    """The expected properties of a file.

    Attributes:
        digests: its hashes, as `Digest` or "algorithm:hex"; all are checked.
        size_bytes: its length; None if unknown.
        record: whether a file without expected hashes is allowed; the caller records its hash (trust on first use).
    """

    digests: Sequence[Digest | str] = ()
    size_bytes: int | None = None
    record: bool = False

    def check_length(self, size_bytes: int | None) -> None:
        """Raise TransferFailed if a length is known and differs from the expected one."""
        if size_bytes is not None and self.size_bytes is not None and size_bytes != self.size_bytes:
            raise TransferFailed(f"the file has {size_bytes:,} bytes, expected were {self.size_bytes:,}")


@dataclass(frozen=True)
class TransferOptions:
    """The options of a download.

    Attributes:
        partial_dir: the folder of partial files, kept between runs.
        connect_timeout_s: the time limit of a connection, in seconds.
        stall_timeout_s: the longest time without bytes, in seconds.
        tries: the most consecutive attempts at a source without progress.
        backoff_s: the pause before the second attempt, in seconds; it doubles with each further attempt.
        mirrors: replacements of URL prefixes, see `FileSource.parse`.
        offline: whether to use local files only.
        progress: called with the bytes received and the length of the file (None if unknown).
        sleep: pauses for a number of seconds.
    """

    partial_dir: Path
    connect_timeout_s: float = 15.0
    stall_timeout_s: float = 60.0
    tries: int = 4
    backoff_s: float = 1.0
    mirrors: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False
    progress: Callable[[int, int | None], None] = lambda _received_bytes, _total_bytes: None
    sleep: Callable[[float], None] = time.sleep


def copy_local(path: Path, partial: PartialFile, expected: Expected, options: TransferOptions) -> None:
    """Copy a local file.

    Raises:
        TransferFailed: the file is absent, cannot be read, has another length, or changes meanwhile.
        DiskFailed: the copy cannot be written.
    """
    with _local_faults():
        if path.exists() and not path.is_file():
            raise TransferFailed("is a folder, not a file" if path.is_dir() else "is not a regular file")
        content = path.open("rb")
    with content:
        total = os.fstat(content.fileno()).st_size
        partial.restart(FileVersion(total_bytes=total))
        if _append(partial, _local_chunks(content), total, expected, options) != total:
            raise TransferFailed("the file changed while it was copied")


def _local_chunks(content: IO[bytes]) -> Iterator[bytes]:
    while True:
        with _local_faults():
            chunk = content.read(_CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


@contextmanager
def _local_faults() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise TransferFailed("no such file") from None
    except PermissionError:
        raise TransferFailed("cannot be read (permission denied)") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise TransferFailed(f"cannot be read ({getattr(error, 'strerror', None) or error})") from None


class _Session(requests.Session):
    """A session that does not read the content of redirects, which requests would read without a limit."""

    def __init__(self) -> None:
        super().__init__()
        self.max_redirects = _MAX_REDIRECTS

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            resp.raw.close()
        return target


def transfer(source: FileSource, partial: PartialFile, expected: Expected, options: TransferOptions) -> None:
    """Request the missing bytes and append them as they arrive.

    An earlier attempt is resumed if the server supports it (Range, If-Range: RFC 9110, 14) and the file is unchanged.

    Raises:
        TransferFailed: the attempt failed; the bytes received are kept in `partial`.
        DiskFailed: the bytes received could not be written.
    """
    have, known = partial.size_bytes, partial.version
    if have and not (expected.digests or (known.validator and known.total_bytes is not None)):
        have = 0  # a change of the file between the two attempts would go unnoticed
    longest = known.total_bytes if expected.size_bytes is None else expected.size_bytes
    if longest is not None and have > longest:
        have = 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "scriptgraph"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if known.validator:
            headers["If-Range"] = known.validator
    timeouts = (options.connect_timeout_s, options.stall_timeout_s)
    faults = partial_function(connection_faults, source.host, *timeouts)
    with _Session() as session:
        with faults():
            response = session.get(source.url, headers=headers, timeout=timeouts, stream=True)
        with response:
            total = _begin(response, partial, have, expected)
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # an earlier attempt received all bytes and was interrupted before it published them
            received = _append(partial, _chunks(response, faults), total, expected, options)
    if total is not None and received != total:
        raise TransferFailed("the connection ended before the end of the file", transient=True)


def _begin(response: requests.Response, partial: PartialFile, have: int, expected: Expected) -> int | None:
    """Prepare `partial` for the content of an answer, and return the length of the whole file if it is known."""
    code, checked = response.status_code, bool(expected.digests)
    if code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
        if checked and ContentRange.of(response.headers).total == have:
            return have
        partial.restart(FileVersion())
    if code not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        raise status_failure(response)
    if not checked:
        require_recordable(response, expected.size_bytes)
    if code == HTTPStatus.PARTIAL_CONTENT:
        if not have:
            raise TransferFailed("206: the server sent a part of the file, and was asked for all of it")
        try:
            return require_part(response, have, partial.version, checked=checked)
        except TransferFailed:
            partial.restart(FileVersion())
            raise
    version = file_version(response)
    partial.restart(version)
    return version.total_bytes


def _chunks(response: requests.Response, faults: Callable[[], AbstractContextManager[None]]) -> Iterator[bytes]:
    # Raw bytes: a .tar.gz that the server labels as "gzip-encoded" must stay compressed.
    chunks = response.raw.stream(_CHUNK_BYTES, decode_content=False)
    while True:
        with faults():
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


def _append(
    partial: PartialFile, chunks: Iterable[bytes], total: int | None, expected: Expected, options: TransferOptions
) -> int:
    """Append chunks and return the new length; raise at once if the announced length is wrong or exceeds the disk."""
    expected.check_length(total)
    received = partial.size_bytes
    _require_room(partial.path.parent, (total or 0) - received, expected)
    for chunk in chunks:
        try:
            partial.file.write(chunk)
        except OSError as error:
            raise disk_failure(error, str(partial.path.parent)) from error
        received += len(chunk)
        if expected.size_bytes is not None and received > expected.size_bytes:
            raise TransferFailed(f"the file is longer than the expected {expected.size_bytes:,} bytes")
        if total is not None and received > total:
            partial.restart(FileVersion())
            raise TransferFailed(f"the file is longer than the {total:,} bytes that were announced", transient=True)
        options.progress(received, total)
    return received


def _require_room(folder: Path, missing: int, expected: Expected) -> None:
    """Raise if the disk has no room: DiskFailed if the length is certain, else TransferFailed."""
    free = shutil.disk_usage(folder).free
    if missing > free:
        text = (
            f"the disk is too full: {missing:,} bytes are missing, {free:,} are free in {folder};"
            " make room or choose another folder"
        )
        # Only the server says so: another source may have a shorter file.
        raise TransferFailed(text) if expected.size_bytes is None else DiskFailed(text)
