"""LoadGen's mlperf_log_accuracy.json, and accuracy.txt.

The log is read in chunks (BERT's has 67 MB) and truncated in the official form. accuracy.txt has an official form too:
it holds the accuracy of a result and the hash of the log from which it was computed.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE
from scriptgraph.files.atomic import replace_text
from scriptgraph.files.json_reader import parse_line
from scriptgraph.files.parsing import finite_number, parsing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

KEPT_BYTES = 4096
"""The bytes that the official truncation keeps at each end of a log, with a mark between them."""

_MARK = b"\n\n...\n\n"
_TRUNCATED_BYTES = 2 * KEPT_BYTES + len(_MARK)
_CHUNK_BYTES = 1 << 20
# Longer than any result: beyond this length, a missing brace means damage and not the end of a chunk.
_LONGEST_ENTRY_BYTES = 1 << 26
_RUN_AGAIN = "run the accuracy mode again"
# The official forms, which the submission checker matches at the start of a line; names carry their units.
_FORMS = (
    (
        re.compile(r'^\{["\']exact_match["\']:\s*([\d.]+),\s*["\']f1["\']:\s*([\d.]+)\}', re.MULTILINE),
        ("exact_match_percent", "f1_percent"),
    ),
    (
        re.compile(r"^accuracy=([\d.]+)%, good=(\d+), total=(\d+)", re.MULTILINE),
        ("top1_percent", "good_samples", "total_samples"),
    ),
    (re.compile(r"^mAP=([\d.]+)", re.MULTILINE), ("map_percent",)),
    (re.compile(r"^Word Error Rate:.*, accuracy=([\d.]+)%", re.MULTILINE), ("word_accuracy_percent",)),
    (re.compile(r"^AUC=([\d.]+)", re.MULTILINE), ("auc_percent",)),
    (re.compile(r"^Accuracy:\s*mean\s*=\s*([\d.]+)", re.MULTILINE), ("dice_mean",)),
)
_HASH = re.compile(r"^hash=([0-9a-f]{64})$", re.MULTILINE)


class AccuracyError(LocatedError):
    """The accuracy cannot be computed from the files."""


class LogEntry(NamedTuple):
    """The result of one sample: its index and the bytes that the system under test returned."""

    qsl_idx: int
    payload: bytes


class AccuracyLog:
    """An accuracy log, read once from start to end.

    Attributes:
        path: the log.
        sha256: the hash of the file; empty until the log was read to its end.
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
            raise self._error("holds no result", "name the log of a run in accuracy mode")
        if end != b"]":
            raise self._error(f"does not end as a list after its {count} results: the run was cut off")
        self.sha256 = digest.hexdigest()

    def _chunks(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise self._error(f"cannot be read ({error.strerror})", f"name LoadGen's {ACCURACY_FILE}") from None

    def _entry(self, text: bytes, count: int) -> LogEntry:
        self._refuse_truncated(text)
        with parsing(lambda reason: self._error(f"is damaged at result {count} ({reason})")):
            return _parse(text.lstrip(), b"," if count else b"[")

    def _refuse_truncated(self, text: bytes) -> None:
        if _MARK in text:
            problem = "is truncated for a submission, so its accuracy and its hash cannot be computed"
            raise self._error(problem, "name the original log")

    def _error(self, problem: str, advice: str = _RUN_AGAIN) -> AccuracyError:
        return AccuracyError(self.path, problem, advice)


def _parse(text: bytes, lead: bytes) -> LogEntry:
    if not text.startswith(lead):
        raise ValueError(f"expected {lead.decode()!r} before it")
    result: Any = parse_line(text[1:] + b"}")
    qsl_idx = result["qsl_idx"]
    if type(qsl_idx) is not int or qsl_idx < 0:
        raise ValueError(f"qsl_idx is {qsl_idx!r}")
    return LogEntry(qsl_idx, bytes.fromhex(result["data"]))


def is_truncated(log: Path) -> bool:
    """Whether a log has the form of a truncated log."""
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
    """Write a text file atomically.

    Raises:
        AccuracyError: the file cannot be written.
    """
    try:
        replace_text(path, text)
    except OSError as error:
        raise AccuracyError(path, f"cannot be written ({error.strerror})", "name a writable path") from error


class AccuracyTextError(LocatedError):
    """accuracy.txt is absent or has no accuracy."""


@dataclass(frozen=True)
class AccuracyText:
    """The contents of accuracy.txt.

    Attributes:
        values: the values of its first accuracy line, by name with unit.
        log_sha256: the hash of the accuracy log, or None if the text has none.
        count: the number of accuracy lines.
    """

    values: Mapping[str, float]
    log_sha256: str | None
    count: int = 1

    @property
    def percent(self) -> float:
        """The accuracy to which the rules apply, such as F1 or top-1."""
        if "dice_mean" in self.values:
            return 100 * self.values["dice_mean"]
        return [value for name, value in self.values.items() if name.endswith("_percent")][-1]


def read_accuracy_text(path: Path) -> AccuracyText:
    """Read accuracy.txt.

    Raises:
        AccuracyTextError: the file cannot be read, or no line has an official form.
    """
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise AccuracyTextError(path, f"cannot be read ({error.strerror})", "compute the accuracy again") from None
    return parse_accuracy_text(path, text)


def parse_accuracy_text(path: Path, text: str) -> AccuracyText:
    """Parse accuracy.txt like `read_accuracy_text`; `path` names it in errors.

    Raises:
        AccuracyTextError: no line has an official form.
    """
    log_hash = _HASH.search(text)
    for form, names in _FORMS:
        if match := form.search(text):
            numbers = [number for each in match.groups() if (number := finite_number(each)) is not None]
            if len(numbers) < len(names):
                # The pattern also matches text like 90.1.8, which is not a number.
                break
            values = dict(zip(names, numbers, strict=True))
            count = sum(len(pattern.findall(text)) for pattern, _ in _FORMS)
            return AccuracyText(values, log_hash.group(1) if log_hash else None, count)
    raise AccuracyTextError(path, "holds no accuracy in an official form", "compute the accuracy again")


def known_accuracy(path: Path) -> AccuracyText | None:
    """Read accuracy.txt; return None if it is absent or has no accuracy."""
    try:
        return read_accuracy_text(path)
    except AccuracyTextError:
        return None


def kept_hash(path: Path) -> str | None:
    """Return the hash of the accuracy log from accuracy.txt; None if the text has no accuracy or no hash."""
    text = known_accuracy(path)
    return text.log_sha256 if text else None
