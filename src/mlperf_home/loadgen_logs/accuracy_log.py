"""Read LoadGen's mlperf_log_accuracy.json piece by piece: BERT's takes 67 MB, one result a few kilobytes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from mlperf_home.loadgen_logs.accuracy_file import AccuracyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK_BYTES = 1 << 20
# Longer than any result; beyond it a missing brace is damage, not a chunk's end.
_LONGEST_ENTRY_BYTES = 1 << 26
# What the official truncation leaves between a log's beginning and its end.
_TRUNCATION_MARK = b"\n\n...\n\n"
_RUN_AGAIN = "run the accuracy mode again"


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
        """Give the results in the order in which LoadGen wrote them.

        Raises:
            AccuracyError: the log is absent, truncated (by the official tool or by a killed run), or damaged.
        """
        digest = hashlib.sha256()
        count = 0
        rest = b""
        for chunk in self._chunks():
            digest.update(chunk)
            # Results are flat objects of numbers and hexadecimal text, so each brace ends one.
            *objects, rest = (rest + chunk).split(b"}")
            for text in objects:
                yield self._entry(text, count)
                count += 1
            if len(rest) > _LONGEST_ENTRY_BYTES:
                self._fail(f"is damaged: result {count} has no end", _RUN_AGAIN)
        self._check_end(rest, count)
        self.sha256 = digest.hexdigest()

    def _chunks(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            self._fail(f"cannot be read ({error.strerror})", "give LoadGen's mlperf_log_accuracy.json")

    def _entry(self, text: bytes, count: int) -> LogEntry:
        if _TRUNCATION_MARK in text:
            self._fail_truncated()
        try:
            return _parse(text, b"," if count else b"[")
        except (ValueError, KeyError, TypeError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            self._fail(f"is damaged at result {count} ({reason})", _RUN_AGAIN)

    def _check_end(self, rest: bytes, count: int) -> None:
        end = b"".join(rest.split())
        if _TRUNCATION_MARK in rest:
            self._fail_truncated()
        if not count and end in {b"", b"[]"}:
            self._fail("holds no result", "give the log of a run in accuracy mode")
        if end != b"]":
            self._fail(f"does not end as a list does after its {count} results: the run was cut off", _RUN_AGAIN)

    def _fail_truncated(self) -> NoReturn:
        self._fail("is truncated for a submission, so neither accuracy nor hash can come from it", "give the original")

    def _fail(self, problem: str, advice: str) -> NoReturn:
        raise AccuracyError(self.path, problem, advice)


def _parse(text: bytes, lead: bytes) -> LogEntry:
    stripped = text.lstrip()
    if not stripped.startswith(lead):
        raise ValueError(f"{lead.decode()!r} expected before it")
    result: Any = json.loads(stripped[1:] + b"}")
    qsl_idx = result["qsl_idx"]
    if type(qsl_idx) is not int or qsl_idx < 0:
        raise ValueError(f"qsl_idx is {qsl_idx!r}")
    return LogEntry(qsl_idx, bytes.fromhex(result["data"]))
