"""The WordPiece vocabulary."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.datasets.base import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_ADVICE = "give BERT's vocab.txt, one token a line"


@dataclass(frozen=True)
class Vocabulary:
    """A vocab.txt.

    Attributes:
        tokens: the tokens; a token's id is its place.
        sha256: of the file's bytes.
        content: the file's bytes.
    """

    tokens: tuple[str, ...]
    sha256: str
    content: bytes

    @property
    def ids(self) -> dict[str, int]:
        """Token -> id, made anew at each call."""
        return {token: index for index, token in enumerate(self.tokens)}


def read_vocabulary(path: Path) -> Vocabulary:
    """Read and check a vocab.txt.

    Raises:
        DatasetError: the file is absent, is not UTF-8 text, holds a token twice, or lacks a special token.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        raise DatasetError(path, f"cannot be read ({error.strerror})", _ADVICE) from error
    except UnicodeDecodeError as error:
        raise DatasetError(path, f"is not UTF-8 text (byte {error.start})", _ADVICE) from error
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    line_of: dict[str, int] = {}
    for number, token in enumerate(lines, start=1):
        first = line_of.setdefault(token, number)
        if first != number:
            raise DatasetError(f"{path} line {number}", f"repeats {token!r} of line {first}", _ADVICE)
    missing = [token for token in SPECIAL_TOKENS if token not in line_of]
    if missing:
        raise DatasetError(path, f"has no {' and no '.join(missing)}", _ADVICE)
    return Vocabulary(tuple(lines), hashlib.sha256(content).hexdigest(), content)
