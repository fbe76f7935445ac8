"""One try at bringing one source's bytes into its partial file, which is kept from one try to the next."""

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
from scriptgraph.fetch.failures import DiskFailed, TransferFailed, of_disk, of_exception, of_status
from scriptgraph.files import locks
from scriptgraph.files.atomic import replacement
from scriptgraph.files.json_reader import Limits, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from scriptgraph.fetch.hashes import Digest
    from scriptgraph.fetch.sources import Source

_CHUNK_BYTES = 1 << 16
_MAX_REDIRECTS = 10
_PARTIAL_CONTENT, _RANGE_REFUSED = 206, 416
# A note has two values; servers send headers of 8 to 16 KiB at most.
_NOTE = Limits(size=1 << 16, depth=1, values=2)


@dataclass(frozen=True)
class Expected:
    """What is known of the file beforehand.

    Attributes:
        digests: its hashes, as `Digest` or "algorithm:hex"; all are checked.
        size_bytes: its length; None if it is not known.
        record: allow a file of unknown hash, which the caller then records (trust on first use).
    """

    digests: Sequence[Digest | str] = ()
    size_bytes: int | None = None
    record: bool = False

    def check_length(self, size_bytes: int | None) -> None:
        """Raise TransferFailed if a length is known and not the expected one."""
        if size_bytes is not None and self.size_bytes is not None and size_bytes != self.size_bytes:
            raise TransferFailed(f"it has {size_bytes:,} bytes where {self.size_bytes:,} were expected")


@dataclass(frozen=True)
class Transfer:
    """How to fetch.

    Attributes:
        partial_dir: unfinished downloads, kept from one run to the next.
        connect_timeout_s: how long a connection may take, in seconds.
        stall_timeout_s: how long nothing may come, in seconds.
        tries: how often one source is asked in a row without getting on.
        backoff_s: the wait before the second try, in seconds; it doubles with each.
        mirrors: replacements of URL prefixes, see `Source.parse`.
        offline: use local files only.
        progress: called with the bytes received and the whole length (None if not known).
        sleep: how to wait, given seconds.
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
class Version:
    """What the server said of the file whose beginning we have.

    Attributes:
        validator: its strong ETag, or its date; empty if it gave neither.
        total_bytes: its length; None if it did not say.
    """

    validator: str = ""
    total_bytes: int | None = None


class Partial:
    """The beginning of a source's file and a note of which version of it that is.

    Named by the source's address, so that the next run finds it. Locked while in use: a
    second process that fetches the same address works in a file of its own.
    """

    def __init__(self, folder: Path, source: Source) -> None:
        """Open (or make) the partial file.

        Raises:
            OSError: the folder cannot be written to.
        """
        folder.mkdir(parents=True, exist_ok=True)
        address = source.url or str(source.path)
        key = hashlib.sha256(address.encode()).hexdigest()[:24]
        self.path = folder / f"{key}.part"
        # The file object is kept for the lock and for the whole of a source's tries.
        self.file = self.path.open("ab")
        try:
            ours = locks.acquire(self.file)
        except OSError:  # a file system without locks: another process cannot be told from none
            ours = False
        if not ours:
            self.file.close()
            self.path = folder / f"{key}.{os.getpid()}.part"
            self.file = self.path.open("wb")
        self._note = self.path.with_suffix(".json")
        # Whether its beginning came from an earlier run.
        self.continued = self.size_bytes > 0

    def close(self) -> None:
        """Close the file, which unlocks it."""
        self.file.close()

    @property
    def size_bytes(self) -> int:
        """How much is there, written out to the operating system."""
        self.file.flush()
        return os.fstat(self.file.fileno()).st_size

    @property
    def version(self) -> Version:
        """Which version it is the beginning of; the empty one if that is not known."""
        try:
            noted = read_json(self._note, _NOTE)
            total = noted["total_bytes"]
            return Version(str(noted["validator"]), None if total is None else int(total))
        except (DocumentError, KeyError, TypeError, ValueError, OverflowError):
            return Version()

    def restart(self, version: Version) -> None:
        """Throw away what is there and begin with `version`.

        Raises:
            DiskFailed: the folder cannot be written to.
        """
        self.continued = False
        try:
            self.file.truncate(0)
            self._note.write_text(json.dumps(asdict(version)), encoding="utf-8")
        except OSError as error:
            raise of_disk(error, str(self.path.parent)) from error

    def discard(self) -> None:
        """Remove it: what is there is not what was wanted."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def publish(self, destination: Path) -> None:
        """Move the whole file to its place in one step; half a file is never seen there."""
        self.file.flush()
        os.fsync(self.file.fileno())
        destination.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.path.replace(destination)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Another file system.
            with self.path.open("rb") as content, replacement(destination) as file:
                shutil.copyfileobj(content, file)
        self.discard()


def copy_local(path: Path, partial: Partial, expected: Expected, how: Transfer) -> None:
    """Copy a local file.

    Raises:
        TransferFailed: it is not there, or cannot be read, or has another length.
        DiskFailed: the copy cannot be written.
    """
    try:
        with path.open("rb") as content:
            total = path.stat().st_size
            partial.restart(Version(total_bytes=total))
            _append(partial, iter(lambda: content.read(_CHUNK_BYTES), b""), total, expected, how)
    except FileNotFoundError:
        raise TransferFailed("no such file") from None
    except IsADirectoryError:
        raise TransferFailed("it is a folder, not a file") from None
    except PermissionError:
        raise TransferFailed("it may not be read") from None


def transfer(source: Source, partial: Partial, expected: Expected, how: Transfer) -> None:
    """Ask for the bytes that are missing, and append them as they come.

    An earlier try is continued where the server can (Range, If-Range: RFC 9110, 14) and the file has not changed.

    Raises:
        TransferFailed: this try failed; what came is kept in `partial`.
        DiskFailed: what came could not be written.
    """
    have, known = partial.size_bytes, partial.version
    if have and not (known.validator or expected.digests):
        have = 0  # nothing would tell that the end belongs to another version than the beginning
    headers = {"Accept-Encoding": "identity", "User-Agent": "scriptgraph"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if known.validator:
            headers["If-Range"] = known.validator
    timeouts = (how.connect_timeout_s, how.stall_timeout_s)
    try:
        with requests.Session() as session:
            session.max_redirects = _MAX_REDIRECTS
            with session.get(source.url, headers=headers, timeout=timeouts, stream=True) as response:
                _receive(response, partial, have, expected, how)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise of_exception(error, source.host, *timeouts) from None


def _receive(response: requests.Response, partial: Partial, have: int, expected: Expected, how: Transfer) -> None:
    begin, total = _range(response)
    if response.status_code == _RANGE_REFUSED and have:
        if total == have:
            return  # an earlier try had it all and was stopped before it could say so
        partial.restart(Version())
    if not response.ok:
        raise of_status(response)
    if not expected.digests:
        _refuse_what_is_no_file(response)
    if response.status_code == _PARTIAL_CONTENT:
        known_total = partial.version.total_bytes
        if begin != have or (None not in {known_total, total} and total != known_total):
            partial.restart(Version())
            raise TransferFailed("the file changed while it was fetched", transient=True)
    else:
        length, tag = (response.headers.get(name, "") for name in ("Content-Length", "ETag"))
        total = int(length) if length.isdecimal() else None
        # If-Range may compare a strong ETag, else the date.
        strong = tag if not tag.startswith("W/") else ""
        partial.restart(Version(strong or response.headers.get("Last-Modified", ""), total))
    # Raw bytes: a .tar.gz that a server labels as "gzip-encoded" has to stay compressed.
    received = _append(partial, response.raw.stream(_CHUNK_BYTES, decode_content=False), total, expected, how)
    if total is not None and received != total:
        raise TransferFailed("the connection ended before the file did", transient=True)


def _range(response: requests.Response) -> tuple[int | None, int | None]:
    """Return where a part begins, and the whole file's length, as far as Content-Range tells."""
    found = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", response.headers.get("Content-Range", ""))
    begin, total = found.groups() if found else (None, None)
    return (int(begin) if begin else None), (int(total) if total else None)


def _refuse_what_is_no_file(response: requests.Response) -> None:
    """Without a hash to check, a login page or a downgraded connection would be taken for the file."""
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise TransferFailed("it gave a web page, not a file")
    if response.url.startswith("http:") and any(step.url.startswith("https:") for step in response.history):
        raise TransferFailed("it redirects from https to http, and there is no hash to check the file with")


def _append(partial: Partial, chunks: Iterable[bytes], total: int | None, expected: Expected, how: Transfer) -> int:
    """Append what comes; return the length then. Raise now, not after an hour, if it cannot be right or find room."""
    expected.check_length(total)
    folder, received = partial.path.parent, partial.size_bytes
    missing, free = (total or 0) - received, shutil.disk_usage(folder).free
    if missing > free:
        raise DiskFailed(
            f"the disk is too full: {missing:,} bytes are to come, {free:,} are free in {folder};"
            " make room or choose another folder"
        )
    for chunk in chunks:
        try:
            partial.file.write(chunk)
        except OSError as error:
            raise of_disk(error, str(folder)) from error
        received += len(chunk)
        if expected.size_bytes is not None and received > expected.size_bytes:
            raise TransferFailed(f"it is longer than the expected {expected.size_bytes:,} bytes")
        how.progress(received, total)
    return received
