"""The answers of accuracy runs in compact form: the class of each image, or the span of each question.

An accuracy log has some megabytes, of which a submission or a bundle keeps 8 kB. `answers.bin` keeps all that the
accuracy is computed from; reading it needs the standard library alone:

    mlperf-home answers 1
    {"columns": [{"count": 50000, "kind": "class", "log": SHA-256}, ...]}
    blocks: the length of each (4 bytes, the lowest first), then an xz stream

Neighbouring columns of one kind and count, at most 255, are a group. Models mostly agree on an image, so a group of
classes has the different classes of each image once, the most frequent first: a block with their number for each image
(a byte), a block with these classes (2 bytes each), and a block with the place of each column's class among them (a
byte, column after column). A group of spans has a block for each column, with 4 bytes for each value.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

AnswerKind = Literal["class", "span"]

ANSWERS_FILE = "answers.bin"
FIRST_LINE = b"mlperf-home answers 1\n"
MOST_SHARED = 255
"""The most columns of a group."""
MOST_VALUES = 50_000_000
"""The most values of a file: 81 models on 50,000 images have 4,050,000."""
PARTS: dict[AnswerKind, int] = {"class": 1, "span": 2}
"""The values of an answer."""

NO_RESULT, NO_CLASS = 0xFFFF, 0xFFFE
"""The values of an image without a result, and of a result that is no class from 0 to 65533."""


class AnswersError(LocatedError):
    """A file of answers cannot be read or written."""


@dataclass(frozen=True)
class AnswerColumn:
    """The answers of one accuracy run, in the order of the dataset's images or questions.

    Attributes:
        log_sha256: SHA-256 of the whole accuracy log.
        kind: the meaning of the values.
        values: the class of each image; or, for spans, the first letters of all, then the numbers of letters of all.
            Letters are counted in the words of the question's context with one space between them. A question without
            an answer has 0 letters.
    """

    log_sha256: str
    kind: AnswerKind
    values: array[int]

    @property
    def count(self) -> int:
        """The number of images or questions."""
        return len(self.values) // PARTS[self.kind]

    @property
    def answered(self) -> int:
        """The number of those with a result."""
        return self.count - (self.values.count(NO_RESULT) if self.kind == "class" else 0)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the answers: equal for equal answers of any log."""
        return hashlib.sha256(f"{self.kind} {self.count}\n".encode() + little_endian(self.values)).hexdigest()

    def parts(self) -> tuple[array[int], ...]:
        """Return the classes; or the first letters of spans, and their numbers of letters."""
        return tuple(self.values[place * self.count : (place + 1) * self.count] for place in range(PARTS[self.kind]))

    def answers(self) -> list[tuple[int, ...]]:
        """Return each answer: its class, or its first letter and its number of letters."""
        return list(zip(*self.parts(), strict=True))

    def is_like(self, other: AnswerColumn) -> bool:
        """Whether the answers of another run are of the same kind and as many, so that they can be compared."""
        return (self.kind, self.count) == (other.kind, other.count)

    def equal(self, other: AnswerColumn) -> int:
        """Return how many answers are the same as those of a run that is like this one."""
        if self.kind == "class":
            return sum(map(int.__eq__, self.values, other.values))
        return sum(mine == theirs for mine, theirs in zip(self.answers(), other.answers(), strict=True))


def class_column(log_sha256: str, classes: Iterable[int | None]) -> AnswerColumn:
    """Return the column of the classes of images; None for an image without a result."""
    values = (NO_RESULT if each is None else each if 0 <= each < NO_CLASS else NO_CLASS for each in classes)
    return AnswerColumn(log_sha256, "class", array("I", values))


def span_column(log_sha256: str, spans: Sequence[tuple[int, int] | None]) -> AnswerColumn:
    """Return the column of the answers to questions: the first letter, and the one after the last; None for none."""
    known = [each or (0, 0) for each in spans]
    values = array("I", (first for first, _ in known))
    values.extend(last - first for first, last in known)
    return AnswerColumn(log_sha256, "span", values)


def little_endian(values: array[int]) -> bytes:
    """Return numbers as bytes, the lowest first, on every machine."""
    if sys.byteorder == "big":
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()
