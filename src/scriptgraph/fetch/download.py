"""Bring one file from the first of its sources that gives it, whole and checked."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError
from scriptgraph.fetch.failures import DiskFailed, DownloadError, TransferFailed, of_disk
from scriptgraph.fetch.hashes import Digest, HashError, compute_hashes, parse_digests, verify_hashes
from scriptgraph.fetch.partial import Partial
from scriptgraph.fetch.sources import Source, SourceError
from scriptgraph.fetch.transfer import Limits, copy_local, transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

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


def _silent(_received_bytes: int, _total_bytes: int | None) -> None:
    """Report nothing."""


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
    progress: Callable[[int, int | None], None] = _silent
    sleep: Callable[[float], None] = time.sleep


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

    Args:
        sources: URLs (http, https, file) and paths, in the order to try them.
        destination: the file's path-to-be; its folder is made if absent.
        expected: hashes and length.
        how: partial downloads, time limits, tries, mirrors.

    Raises:
        DownloadError: no source gave it; the text has each one's reason.
        UnknownHashError: there is no hash, and `expected.record` is off.
        HashError: a hash is not written as one.
    """
    digests = parse_digests(expected.digests)
    if not digests and not expected.record:
        raise UnknownHashError(
            f"{destination.name}: no hash is known for it, so a wrong file would pass unseen;"
            " give one (sha256:...), or ask for its hash to be recorded"
        )
    present = _already_there(destination, digests)
    if present:
        return present
    problems: list[tuple[str, str]] = []
    for given in sources:
        outcome = _ask(given, destination, expected.size_bytes, digests, how)
        if isinstance(outcome, Fetched):
            return outcome
        problems.append((outcome.shown, outcome.reason))
        if outcome.final:
            break
    raise DownloadError(destination.name, problems)


@dataclass(frozen=True)
class _Refusal:
    """Why a source did not give the file; final if no other source can change that."""

    shown: str
    reason: str
    final: bool = False


def _ask(
    given: str | Path, destination: Path, size_bytes: int | None, digests: Sequence[Digest], how: Transfer
) -> Fetched | _Refusal:
    """Fetch from one source, or say why not."""
    try:
        source = Source.parse(given, how.mirrors)
    except SourceError as error:
        return _Refusal(error.shown, error.reason)
    try:
        return _from_source(source, destination, size_bytes, digests, how)
    except TransferFailed as failure:
        return _Refusal(str(source), failure.reason)
    except DiskFailed as failure:
        return _Refusal(str(source), str(failure), final=True)


def _already_there(destination: Path, digests: Sequence[Digest]) -> Fetched | None:
    if not digests or not destination.is_file():
        return None
    try:
        found = verify_hashes(destination, digests, also=["sha256"])
    except (HashError, OSError):
        return None
    return Fetched("", destination, destination.stat().st_size, found)


def _from_source(
    source: Source, destination: Path, size_bytes: int | None, digests: Sequence[Digest], how: Transfer
) -> Fetched:
    """Fetch from one source and put the file in its place."""
    if how.offline and source.path is None:
        raise TransferFailed("not asked, because of --offline")
    limits = Limits(how.connect_timeout_s, how.stall_timeout_s, size_bytes, hash_known=bool(digests))
    try:
        with Partial(how.partial_dir, source) as partial:
            _bring(source, partial, limits, how)
            try:
                found = _check(partial, size_bytes, digests)
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
    return _from_source(source, destination, size_bytes, digests, how)


def _bring(source: Source, partial: Partial, limits: Limits, how: Transfer) -> None:
    """Try one source until the file is whole, or trying again is pointless."""
    if source.path is not None:
        copy_local(source.path, partial, limits, how.progress)
        return
    failures, furthest = 0, partial.size_bytes
    while failure := _attempt(source, partial, limits, how):
        # A long file over a bad line may break often: only tries that bring nothing count.
        failures = 1 if partial.size_bytes - furthest >= _PROGRESS_BYTES else failures + 1
        furthest = max(furthest, partial.size_bytes)
        if not failure.transient:
            raise failure
        if failures >= how.tries:
            raise TransferFailed(f"{failure.reason} ({failures} tries)")
        wait_s = how.backoff_s * 2 ** (failures - 1) if failure.wait_s is None else failure.wait_s
        how.sleep(min(wait_s, _LONGEST_WAIT_S))


def _attempt(source: Source, partial: Partial, limits: Limits, how: Transfer) -> TransferFailed | None:
    """Try once; give the failure, if it is one."""
    try:
        transfer(source, partial, limits, how.progress)
    except TransferFailed as failure:
        return failure
    return None


def _check(partial: Partial, size_bytes: int | None, digests: Sequence[Digest]) -> tuple[Digest, ...]:
    """Check length and hashes; give the hashes, SHA-256 among them."""
    length = partial.size_bytes
    if size_bytes is not None and length != size_bytes:
        raise TransferFailed(f"it has {length:,} bytes where {size_bytes:,} were expected")
    found = compute_hashes(partial.path, [*(digest.algorithm for digest in digests), "sha256"])
    for digest in digests:
        if found[digest.algorithm] != digest:
            with partial.path.open("rb") as content:
                start = content.read(64).lstrip().lower()
            remark = next((f"; {words}" for begin, words in _BEGINNINGS if start.startswith(begin)), "")
            raise TransferFailed(f"wrong hash: it has {found[digest.algorithm]} where {digest} was expected{remark}")
    return tuple(found.values())
