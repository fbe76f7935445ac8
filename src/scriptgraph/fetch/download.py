"""Bring one file from the first of its sources that gives it, whole and checked."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError
from scriptgraph.fetch.failures import DiskFailed, DownloadError, TransferFailed, of_disk
from scriptgraph.fetch.hashes import Digest, HashError, compute_hashes, mismatch, parse_digests, verify_hashes
from scriptgraph.fetch.sources import Source, SourceError
from scriptgraph.fetch.transfer import Expected, Partial, Transfer, copy_local, transfer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Expected", "Fetched", "Transfer", "UnknownHashError", "fetch"]

_LONGEST_WAIT_S = 60.0
_PROGRESS_BYTES = 1 << 20
_BEGINNINGS = (
    (b"version https://git-lfs", "it is a Git LFS pointer, not the file itself"),
    (b"<!doctype html", "it is a web page"),
    (b"<html", "it is a web page"),
    (b"<?xml", "it is an XML message"),
)


class UnknownHashError(ScriptGraphError):
    """A download was asked for without anything to check it with."""


@dataclass(frozen=True)
class Fetched:
    """A file that is in its place.

    Attributes:
        source: where it came from, without secrets; empty if it was there already.
        path: where it is.
        size_bytes: its length.
        digests: the expected hashes, and its SHA-256.
    """

    source: str
    path: Path
    size_bytes: int
    digests: tuple[Digest, ...]

    @property
    def sha256(self) -> str:
        """The SHA-256, as "sha256:hex", for the record."""
        return next(str(digest) for digest in self.digests if digest.algorithm == "sha256")


def fetch(sources: Sequence[str | Path], destination: Path, expected: Expected, how: Transfer) -> Fetched:
    """Bring a file to `destination`, from the first source that gives what is expected.

    The file appears at its destination in one step, when its length and hashes have been
    checked. A file that is there already and has the hashes is left as it is.

    `sources` are URLs (http, https, file) and paths, tried in this order. The destination's folder is made if absent.

    Raises:
        DownloadError: no source gave it; the text has each one's reason.
        UnknownHashError: there is no hash, and `expected.record` is off.
        HashError: a hash is not written as one.
    """
    expected = replace(expected, digests=parse_digests(expected.digests))
    if not expected.digests and not expected.record:
        raise UnknownHashError(
            f"{destination.name}: no hash is known for it, so a wrong file would pass unseen;"
            " give one (sha256:...), or ask for its hash to be recorded"
        )
    if expected.digests and destination.is_file():
        with suppress(HashError, OSError):
            found = verify_hashes(destination, parse_digests(expected.digests), also=["sha256"])
            return Fetched("", destination, destination.stat().st_size, found)
    problems: list[tuple[str, str]] = []
    for given in sources:
        shown = ""
        try:
            source = Source.parse(given, how.mirrors)
            shown = str(source)
            return _from_source(source, destination, expected, how)
        except SourceError as error:
            problems.append((error.shown, error.reason))
        except TransferFailed as failure:
            problems.append((shown, failure.reason))
        except DiskFailed as failure:
            problems.append((shown, str(failure)))
            break  # no other source can change that
    raise DownloadError(destination.name, problems)


def _from_source(source: Source, destination: Path, expected: Expected, how: Transfer) -> Fetched:
    if how.offline and source.path is None:
        raise TransferFailed("not asked, because of --offline")
    try:
        with closing(Partial(how.partial_dir, source)) as partial:
            _bring(source, partial, expected, how)
            try:
                found = _check(partial, expected)
            except TransferFailed:
                partial.discard()
                if not partial.continued:
                    raise
            else:
                length = partial.size_bytes
                partial.publish(destination)
                return Fetched(str(source), destination, length, found)
    except OSError as error:
        raise of_disk(error, str(error.filename or how.partial_dir)) from error
    # What an earlier run had left did not fit what came now: once more, from the beginning.
    return _from_source(source, destination, expected, how)


def _bring(source: Source, partial: Partial, expected: Expected, how: Transfer) -> None:
    """Try one source until the file is whole, or trying again is pointless."""
    if source.path is not None:
        copy_local(source.path, partial, expected, how)
        return
    failures, furthest = 0, partial.size_bytes
    while True:
        try:
            transfer(source, partial, expected, how)
        except TransferFailed as failure:
            if not failure.transient:
                raise
            # A long file over a bad line may break often: only tries that bring nothing count.
            failures = 1 if partial.size_bytes - furthest >= _PROGRESS_BYTES else failures + 1
            furthest = max(furthest, partial.size_bytes)
            if failures >= how.tries:
                raise TransferFailed(f"{failure.reason} ({failures} tries)") from None
            wait_s = how.backoff_s * 2 ** (failures - 1) if failure.wait_s is None else failure.wait_s
        else:
            return
        how.sleep(min(wait_s, _LONGEST_WAIT_S))


def _check(partial: Partial, expected: Expected) -> tuple[Digest, ...]:
    """Check length and hashes; return the hashes, SHA-256 among them."""
    expected.check_length(partial.size_bytes)
    digests = parse_digests(expected.digests)
    found = compute_hashes(partial.path, [*(digest.algorithm for digest in digests), "sha256"])
    problem = mismatch(found, digests)
    if problem:
        with partial.path.open("rb") as content:
            start = content.read(64).lstrip().lower()
        remark = next((f"; {words}" for begin, words in _BEGINNINGS if start.startswith(begin)), "")
        raise TransferFailed(f"wrong hash: it {problem}{remark}")
    return tuple(found.values())
