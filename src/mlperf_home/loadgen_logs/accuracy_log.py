"""LoadGen's mlperf_log_accuracy.json: its results read piece by piece (BERT's has 67 MB), and its truncation."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT_BYTES = 4096
"""What the official truncation keeps at either end of a log, with a mark between the two."""

_MARK = b"\n\n...\n\n"
_TRUNCATED_BYTES = 2 * KEPT_BYTES + len(_MARK)
_CHUNK_BYTES = 1 << 20
# Longer than any result; beyond it a missing brace is damage, not a chunk's end.
_LONGEST_ENTRY_BYTES = 1 << 26
_RUN_AGAIN = "run the accuracy mode again"


class AccuracyError(LocatedError):
    """An accuracy cannot be computed from what was given."""


class LogEntry(NamedTuple):
    """One sample's result: the sample's index and the bytes that the system under test returned."""

    qsl_idx: int
    payload: bytes


class AccuracyLog:
    """An accuracy log, read once from beginning to end.

    Attributes:
        path: the log.
        sha256: of the whole file, once it has been read to its end; empty before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sha256 = ""

    def __iter__(self) -> Iterator[LogEntry]:
        """Yield the results in the order in which LoadGen wrote them.

        Raises:
            AccuracyError: the log is absent, truncated (by the official tool or by a killed run), or damaged.
        """
        digest, count, rest = hashlib.sha256(), 0, b""
        for chunk in self._chunks():
            digest.update(chunk)
            # Results are flat objects of numbers and hexadecimal text, so each brace ends one.
            *objects, rest = (rest + chunk).split(b"}")
            for text in objects:
                yield self._entry(text, count)
                count += 1
            if len(rest) > _LONGEST_ENTRY_BYTES:
                raise self._error(f"is damaged: result {count} has no end")
        self._refuse_truncated(rest)
        end = b"".join(rest.split())
        if not count and end in {b"", b"[]"}:
            raise self._error("holds no result", "give the log of a run in accuracy mode")
        if end != b"]":
            raise self._error(f"does not end as a list does after its {count} results: the run was cut off")
        self.sha256 = digest.hexdigest()

    def _chunks(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise self._error(f"cannot be read ({error.strerror})", f"give LoadGen's {ACCURACY_FILE}") from None

    def _entry(self, text: bytes, count: int) -> LogEntry:
        self._refuse_truncated(text)
        try:
            return _parse(text.lstrip(), b"," if count else b"[")
        except (ValueError, KeyError, TypeError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise self._error(f"is damaged at result {count} ({reason})") from None

    def _refuse_truncated(self, text: bytes) -> None:
        if _MARK in text:
            problem = "is truncated for a submission, so neither accuracy nor hash can come from it"
            raise self._error(problem, "give the original")

    def _error(self, problem: str, advice: str = _RUN_AGAIN) -> AccuracyError:
        return AccuracyError(self.path, problem, advice)


def _parse(text: bytes, lead: bytes) -> LogEntry:
    if not text.startswith(lead):
        raise ValueError(f"{lead.decode()!r} expected before it")
    result: Any = json.loads(text[1:] + b"}")
    qsl_idx = result["qsl_idx"]
    if type(qsl_idx) is not int or qsl_idx < 0:
        raise ValueError(f"qsl_idx is {qsl_idx!r}")
    return LogEntry(qsl_idx, bytes.fromhex(result["data"]))


def is_truncated(log: Path) -> bool:
    """Whether a log has the form that truncation leaves."""
    if log.stat().st_size != _TRUNCATED_BYTES:
        return False
    return log.read_bytes()[KEPT_BYTES : KEPT_BYTES + len(_MARK)] == _MARK


def shortened(log: Path) -> bytes:
    """Return a long log's first and last 4096 bytes with the mark between them."""
    with log.open("rb") as file:
        first = file.read(KEPT_BYTES)
        file.seek(-KEPT_BYTES, os.SEEK_END)
        return first + _MARK + file.read(KEPT_BYTES)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        AccuracyError: it cannot be written there.
    """
    try:
        replace_text(path, text)
    except OSError as error:
        raise AccuracyError(path, f"cannot be written ({error.strerror})", "give a place that can be") from error
