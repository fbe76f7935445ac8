"""Attempt to transfer a source's bytes into a partial file, which is kept between attempts."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import requests
import urllib3

from scriptgraph.errors import DocumentError
from scriptgraph.fetch.failures import DiskFailed, TransferFailed, disk_failure, exception_failure, status_failure
from scriptgraph.files import locks
from scriptgraph.files.atomic import replacement
from scriptgraph.files.json_reader import Limits, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from scriptgraph.fetch.hashes import Digest
    from scriptgraph.fetch.sources import FileSource

_CHUNK_BYTES = 1 << 16
_MAX_REDIRECTS = 10
_PARTIAL_CONTENT, _RANGE_REFUSED = 206, 416
# The note holds a validator from a header, and servers limit headers to 8 to 16 KiB.
_NOTE = Limits(size=1 << 16, depth=1, values=2)


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


@dataclass(frozen=True)
class FileVersion:
    """The server's version of the file that a partial file belongs to.

    Attributes:
        validator: its strong ETag, or its modification date; empty if the server sent neither.
        total_bytes: its length; None if the server did not send it.
    """

    validator: str = ""
    total_bytes: int | None = None


class PartialFile:
    """The first bytes of a source's file, with a note of the file's version.

    Its name is a hash of the source's address, so that the next run finds it. It is locked
    while in use; another process that fetches the same address uses a file of its own.
    """

    def __init__(self, folder: Path, source: FileSource) -> None:
        """Open or create the partial file.

        Raises:
            OSError: the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        address = source.url or str(source.path)
        key = hashlib.sha256(address.encode()).hexdigest()[:24]
        self.path = folder / f"{key}.part"
        # Open until close(): the lock lasts for all attempts at a source.
        self.file = self.path.open("ab")
        try:
            locked = locks.acquire(self.file)
        except OSError:  # without locks, another process cannot be ruled out
            locked = False
        if not locked:
            self.file.close()
            self.path = folder / f"{key}.{os.getpid()}.part"
            self.file = self.path.open("wb")
        self._note = self.path.with_suffix(".json")
        # Whether its first bytes come from an earlier run.
        self.continued = self.size_bytes > 0

    def close(self) -> None:
        """Close and thereby unlock the file."""
        self.file.close()

    @property
    def size_bytes(self) -> int:
        """The number of bytes received and flushed to the operating system."""
        self.file.flush()
        return os.fstat(self.file.fileno()).st_size

    @property
    def version(self) -> FileVersion:
        """The version of the file that the bytes belong to; an empty version if unknown."""
        try:
            note = read_json(self._note, _NOTE)
            total = note["total_bytes"]
            return FileVersion(str(note["validator"]), None if total is None else int(total))
        except (DocumentError, KeyError, TypeError, ValueError, OverflowError):
            return FileVersion()

    def restart(self, version: FileVersion) -> None:
        """Discard the bytes and start with `version`.

        Raises:
            DiskFailed: the folder cannot be written.
        """
        self.continued = False
        try:
            self.file.truncate(0)
            self._note.write_text(json.dumps(asdict(version)), encoding="utf-8")
        except OSError as error:
            raise disk_failure(error, str(self.path.parent)) from error

    def discard(self) -> None:
        """Remove the partial file and its note."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def publish(self, destination: Path) -> None:
        """Move the complete file to its destination in one step."""
        self.file.flush()
        os.fsync(self.file.fileno())
        destination.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.path.replace(destination)
        except OSError as error:
            if error.errno != errno.EXDEV:  # the destination is on another file system
                raise
            with self.path.open("rb") as content, replacement(destination) as file:
                shutil.copyfileobj(content, file)
        self.discard()


def copy_local(path: Path, partial: PartialFile, expected: Expected, options: TransferOptions) -> None:
    """Copy a local file.

    Raises:
        TransferFailed: the file is absent, cannot be read, or has another length.
        DiskFailed: the copy cannot be written.
    """
    try:
        with path.open("rb") as content:
            total = path.stat().st_size
            partial.restart(FileVersion(total_bytes=total))
            _append(partial, iter(lambda: content.read(_CHUNK_BYTES), b""), total, expected, options)
    except FileNotFoundError:
        raise TransferFailed("no such file") from None
    except IsADirectoryError:
        raise TransferFailed("is a folder, not a file") from None
    except PermissionError:
        raise TransferFailed("cannot be read (permission denied)") from None


def transfer(source: FileSource, partial: PartialFile, expected: Expected, options: TransferOptions) -> None:
    """Request the missing bytes and append them as they arrive.

    An earlier attempt is resumed if the server supports it (Range, If-Range: RFC 9110, 14) and the file is unchanged.

    Raises:
        TransferFailed: the attempt failed; the bytes received are kept in `partial`.
        DiskFailed: the bytes received could not be written.
    """
    have, known = partial.size_bytes, partial.version
    if have and not (known.validator or expected.digests):
        have = 0  # a change of the file between the two attempts would go unnoticed
    headers = {"Accept-Encoding": "identity", "User-Agent": "scriptgraph"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if known.validator:
            headers["If-Range"] = known.validator
    timeouts = (options.connect_timeout_s, options.stall_timeout_s)
    try:
        with requests.Session() as session:
            session.max_redirects = _MAX_REDIRECTS
            with session.get(source.url, headers=headers, timeout=timeouts, stream=True) as response:
                _receive(response, partial, have, expected, options)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise exception_failure(error, source.host, *timeouts) from None


def _receive(
    response: requests.Response, partial: PartialFile, have: int, expected: Expected, options: TransferOptions
) -> None:
    begin, total = _range(response)
    if response.status_code == _RANGE_REFUSED and have:
        if total == have:
            return  # an earlier attempt received all bytes and was interrupted before it published them
        partial.restart(FileVersion())
    if not response.ok:
        raise status_failure(response)
    if not expected.digests:
        _refuse_other_content(response)
    if response.status_code == _PARTIAL_CONTENT:
        known_total = partial.version.total_bytes
        if begin != have or (None not in {known_total, total} and total != known_total):
            partial.restart(FileVersion())
            raise TransferFailed("the file changed during the download", transient=True)
    else:
        length, tag = (response.headers.get(name, "") for name in ("Content-Length", "ETag"))
        total = int(length) if length.isdecimal() else None
        # If-Range compares strong ETags or dates only.
        strong = tag if not tag.startswith("W/") else ""
        partial.restart(FileVersion(strong or response.headers.get("Last-Modified", ""), total))
    # Raw bytes: a .tar.gz that the server labels as "gzip-encoded" must stay compressed.
    received = _append(partial, response.raw.stream(_CHUNK_BYTES, decode_content=False), total, expected, options)
    if total is not None and received != total:
        raise TransferFailed("the connection ended before the end of the file", transient=True)


def _range(response: requests.Response) -> tuple[int | None, int | None]:
    """Return the first byte and the file's length from Content-Range; None for each that is absent."""
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", response.headers.get("Content-Range", ""))
    begin, total = match.groups() if match else (None, None)
    return (int(begin) if begin else None), (int(total) if total else None)


def _refuse_other_content(response: requests.Response) -> None:
    """Raise TransferFailed for a web page or a downgraded connection, which a missing hash would not reveal."""
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise TransferFailed("the server sent a web page, not a file")
    if response.url.startswith("http:") and any(step.url.startswith("https:") for step in response.history):
        raise TransferFailed("it redirects from https to http, and there is no hash to check the file; state one")


def _append(
    partial: PartialFile, chunks: Iterable[bytes], total: int | None, expected: Expected, options: TransferOptions
) -> int:
    """Append chunks and return the new length; raise at once if the announced length is wrong or exceeds the disk."""
    expected.check_length(total)
    folder, received = partial.path.parent, partial.size_bytes
    missing, free = (total or 0) - received, shutil.disk_usage(folder).free
    if missing > free:
        raise DiskFailed(
            f"the disk is too full: {missing:,} bytes are missing, {free:,} are free in {folder};"
            " make room or choose another folder"
        )
    for chunk in chunks:
        try:
            partial.file.write(chunk)
        except OSError as error:
            raise disk_failure(error, str(folder)) from error
        received += len(chunk)
        if expected.size_bytes is not None and received > expected.size_bytes:
            raise TransferFailed(f"the file is longer than the expected {expected.size_bytes:,} bytes")
        options.progress(received, total)
    return received
