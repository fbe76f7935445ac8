"""Download a file from the first of its sources that works, and check it."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError
from scriptgraph.fetch.answers import SNIFFED_BYTES, recognise, require_file
from scriptgraph.fetch.failures import DiskFailed, DownloadError, TransferFailed, disk_failure
from scriptgraph.fetch.hashes import Digest, HashError, compute_hashes, mismatch, parse_digests, verify_hashes
from scriptgraph.fetch.partial_file import PartialFile
from scriptgraph.fetch.sources import FileSource, SourceError
from scriptgraph.fetch.transfer import Expected, TransferOptions, copy_local, transfer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Expected", "Fetched", "TransferOptions", "UnknownHashError", "fetch"]

_LONGEST_WAIT_S = 60.0
_PROGRESS_BYTES = 1 << 20


class UnknownHashError(ScriptGraphError):
    """A download has no expected hash, and recording one is not allowed."""


@dataclass(frozen=True)
class Fetched:
    """A file at its destination.

    Attributes:
        source: the source without secrets; empty if the file existed already.
        path: the destination.
        size_bytes: the file's length.
        digests: the expected hashes, and the SHA-256.
    """

    source: str
    path: Path
    size_bytes: int
    digests: tuple[Digest, ...]

    @property
    def sha256(self) -> str:
        """The SHA-256 as "sha256:hex"."""
        return next(str(digest) for digest in self.digests if digest.algorithm == "sha256")


def fetch(sources: Sequence[str | Path], destination: Path, expected: Expected, options: TransferOptions) -> Fetched:
    """Download a file to `destination` from the first source that provides the expected content.

    The file appears at its destination in one step, after its length and hashes are checked. An existing file with the
    expected hashes is kept. The destination's folder is made if absent.

    Args:
        sources: URLs (http, https, file) and paths, tried in order.
        destination: the path of the file.
        expected: its hashes and length.
        options: timeouts, mirrors and the folder of partial files.

    Raises:
        DownloadError: every source failed; the text has the reason of each.
        UnknownHashError: no hash is expected, and `expected.record` is off.
        HashError: a hash is malformed.
    """
    expected = replace(expected, digests=parse_digests(expected.digests))
    if not expected.digests and not expected.record:
        raise UnknownHashError(
            f"{destination.name}: has no expected hash, so a wrong file would go unnoticed;"
            " state one (sha256:...), or allow its hash to be recorded"
        )
    if expected.digests and destination.is_file():
        with suppress(HashError, OSError):
            digests = verify_hashes(destination, parse_digests(expected.digests), also=["sha256"])
            return Fetched("", destination, destination.stat().st_size, digests)
    problems: list[tuple[str, str]] = []
    for text in sources:
        shown = ""
        try:
            source = FileSource.parse(text, options.mirrors)
            shown = str(source)
            return _from_source(source, destination, expected, options)
        except SourceError as error:
            problems.append((error.shown, error.reason))
        except TransferFailed as failure:
            problems.append((shown, failure.reason))
        except DiskFailed as failure:
            problems.append((shown, str(failure)))
            break  # another source would fail in the same way
    raise DownloadError(destination.name, problems)


def _from_source(source: FileSource, destination: Path, expected: Expected, options: TransferOptions) -> Fetched:
    if options.offline and source.path is None:
        raise TransferFailed("skipped because of --offline")
    try:
        with closing(PartialFile(options.partial_dir, source)) as partial:
            _receive_all(source, partial, expected, options)
            try:
                digests = _check(partial, expected)
            except TransferFailed:
                partial.discard()
                if not partial.continued:
                    raise
            else:
                length = partial.size_bytes
                partial.publish(destination)
                return Fetched(str(source), destination, length, digests)
    except OSError as error:
        raise disk_failure(error, str(error.filename or options.partial_dir)) from error
    # The partial file of an earlier run does not match the new bytes: restart from the beginning.
    return _from_source(source, destination, expected, options)


def _receive_all(source: FileSource, partial: PartialFile, expected: Expected, options: TransferOptions) -> None:
    """Try a source until the file is complete or another attempt is pointless."""
    if source.path is not None:
        copy_local(source.path, partial, expected, options)
        return
    failures, furthest = 0, partial.size_bytes
    while True:
        try:
            transfer(source, partial, expected, options)
        except TransferFailed as failure:
            if not failure.transient:
                raise
            # A long file over a bad connection may break often: only attempts without progress count.
            failures = 1 if partial.size_bytes - furthest >= _PROGRESS_BYTES else failures + 1
            furthest = max(furthest, partial.size_bytes)
            if failures >= options.tries:
                raise TransferFailed(f"{failure.reason} (attempts: {failures})") from None
            wait_s = options.backoff_s * 2 ** (failures - 1) if failure.wait_s is None else failure.wait_s
        else:
            return
        options.sleep(min(wait_s, _LONGEST_WAIT_S))


def _check(partial: PartialFile, expected: Expected) -> tuple[Digest, ...]:
    """Check a partial file's length and hashes; return the hashes with the SHA-256."""
    expected.check_length(partial.size_bytes)
    digests = parse_digests(expected.digests)
    computed = compute_hashes(partial.path, [*(digest.algorithm for digest in digests), "sha256"])
    with partial.path.open("rb") as content:
        start = content.read(SNIFFED_BYTES)
    if not digests:
        require_file(start, partial.size_bytes)
    problem = mismatch(computed, digests)
    if problem:
        words = recognise(start)
        raise TransferFailed(f"wrong hash: the file {problem}" + (f"; the content is {words}" if words else ""))
    return tuple(computed.values())
