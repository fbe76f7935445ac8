"""Read a SQuAD v1.1 file and the WordPiece vocabulary, and split texts like BERT's basic tokeniser.

The rules are those of `create_squad_data.py` in MLPerf inference v3.1: a context is split into words at space, tab,
carriage return, line feed and U+202F (narrow no-break space) only.

The tokeniser (clean, lower, strip accents, split at punctuation and Chinese characters) is in Python because MLPerf's
reference uses Python's Unicode tables and `str.lower`, and because post-processing then needs no package. It was
compared word by word with the `BertTokenizer` of transformers 4.31, the version at the time of v3.1.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from mlperf_home.datasets.base import DatasetError
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Kind = TypeVar("Kind")

# The development set's hash, as in its publishers' and several dataset libraries' records.
OFFICIAL_SHA256 = "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9"
OFFICIAL_NAME = "squad-v1.1"

_KINDS: dict[type, str] = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
# SQuAD for training has 30 MB and 88,000 questions; other datasets in its format have ten times as many.
_LIMITS = Limits(size=512 << 20, depth=16, values=20_000_000)
_WORD = re.compile("[^ \t\r\n\u202f]+")
_ADVICE = "pass a file in SQuAD v1.1 format"
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_VOCABULARY_ADVICE = "pass BERT's vocab.txt with one token per line"
# Words equal to one of these are never split.
KEPT_WORDS = frozenset({"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"})
_KEPT_WORD = re.compile(f"({'|'.join(map(re.escape, sorted(KEPT_WORDS)))})")
_CHINESE = re.compile(
    "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f"
    "\U0002b740-\U0002b81f\U0002b820-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f]"
)


@dataclass(frozen=True)
class Example:
    """A question: its unique id, its text, its accepted answers (one or more), and its context's index."""

    question_id: str
    question: str
    answers: tuple[str, ...]
    paragraph_index: int


@dataclass(frozen=True)
class Dataset:
    """A SQuAD v1.1 file.

    Attributes:
        name: "squad-v1.1" for the official development set, else the file's name without its last suffix.
        version: the version stated in the file, or "".
        sha256: the hash of the file's bytes.
        paragraphs: the words of each context, in the file's order.
        examples: the questions, in the file's order.
    """

    name: str
    version: str
    sha256: str
    paragraphs: tuple[tuple[str, ...], ...]
    examples: tuple[Example, ...]

    @property
    def sample_note(self) -> str:
        """A note that the dataset is sample data, or ""."""
        note = f"sample data (version {self.version!r}), not SQuAD: good for trying, not for publishing"
        return note if "sample" in self.version.lower() else ""


def split_words(context: str) -> tuple[str, ...]:
    """Split a context into the words that form answers."""
    return tuple(_WORD.findall(context))


def read_dataset(path: Path) -> Dataset:
    """Read and check a file.

    Raises:
        DatasetError: the file is absent, is not JSON, is not in SQuAD v1.1 format, has no question, or repeats a
            question; the error names the place as a JSON pointer.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LIMITS.size + 1)
    except OSError as error:
        raise DatasetError(path, f"cannot be read ({error.strerror})", _ADVICE) from error
    return parse_dataset(content, path)


def parse_dataset(content: bytes, path: Path) -> Dataset:
    """Check the content of a file, and return the dataset; `path` names it in errors, which are `read_dataset`'s."""
    try:
        root = parse_json(content, path, _LIMITS)
    except DocumentError as error:
        raise DatasetError(path, error.problem if content.strip() else "is empty", _ADVICE) from None
    sha256 = hashlib.sha256(content).hexdigest()
    reader = _Reader(path)
    reader.read(root)
    version = root.get("version", "")
    return Dataset(
        name=OFFICIAL_NAME if sha256 == OFFICIAL_SHA256 else path.stem,
        version=version if isinstance(version, str) else json.dumps(version),
        sha256=sha256,
        paragraphs=tuple(reader.paragraphs),
        examples=tuple(reader.examples),
    )


class _Reader:
    """A collector of the paragraphs and examples in decoded JSON."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.paragraphs: list[tuple[str, ...]] = []
        self.examples: list[Example] = []
        self._pointer_of_id: dict[str, str] = {}

    def read(self, root: Any) -> None:
        for article, article_pointer in self._items(root, "data", ""):
            for paragraph, pointer in self._items(article, "paragraphs", article_pointer):
                words = split_words(self._member(paragraph, "context", pointer, str))
                if not words:
                    self._fail(f"{pointer}/context", "is empty")
                self.paragraphs.append(words)
                for question, question_pointer in self._items(paragraph, "qas", pointer):
                    self._read_question(question, question_pointer)
        if not self.examples:
            self._fail("/data", "has no question")

    def _read_question(self, question: Any, pointer: str) -> None:
        question_id = self._member(question, "id", pointer, str)
        first = self._pointer_of_id.setdefault(question_id, pointer)
        if first != pointer:
            self._fail(f"{pointer}/id", f"repeats the id {question_id!r} of {first}")
        if question.get("is_impossible"):
            self._fail(f"{pointer}/is_impossible", "has no answer, which only SQuAD v2 allows")
        answers = tuple(
            self._member(answer, "text", answer_pointer, str)
            for answer, answer_pointer in self._items(question, "answers", pointer)
        )
        if not answers:
            self._fail(f"{pointer}/answers", "is empty")
        text = self._member(question, "question", pointer, str)
        self.examples.append(Example(question_id, text, answers, len(self.paragraphs) - 1))

    def _member(self, parent: Any, key: str, pointer: str, kind: type[Kind]) -> Kind:
        if not isinstance(parent, dict):
            self._fail(pointer, f"is {_kind(parent)}, not an object")
        if key not in parent:
            self._fail(pointer, f"has no {key!r}")
        value = parent[key]
        if not isinstance(value, kind):
            self._fail(f"{pointer}/{key}", f"is {_kind(value)}, not {_KINDS[kind]}")
        return value

    def _items(self, parent: Any, key: str, pointer: str) -> Iterator[tuple[Any, str]]:
        values = self._member(parent, key, pointer, list)
        return ((item, f"{pointer}/{key}/{index}") for index, item in enumerate(values))

    def _fail(self, pointer: str, problem: str) -> NoReturn:
        raise DatasetError(f"{self.path} at {pointer or '/'}", problem, _ADVICE)


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "a number")


@dataclass(frozen=True)
class Vocabulary:
    """A vocab.txt: the tokens in the order of their ids, and the file's hash and bytes."""

    tokens: tuple[str, ...]
    sha256: str
    content: bytes

    @property
    def ids(self) -> dict[str, int]:
        """The ids by token, as a new dictionary."""
        return {token: index for index, token in enumerate(self.tokens)}


def read_vocabulary(path: Path) -> Vocabulary:
    """Read and check a vocab.txt.

    Raises:
        DatasetError: the file is absent, is not UTF-8 text, repeats a token, or lacks a special token.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        raise DatasetError(path, f"cannot be read ({error.strerror})", _VOCABULARY_ADVICE) from error
    except UnicodeDecodeError as error:
        raise DatasetError(path, f"is not UTF-8 text (byte {error.start})", _VOCABULARY_ADVICE) from error
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    line_of: dict[str, int] = {}
    for number, token in enumerate(lines, start=1):
        first = line_of.setdefault(token, number)
        if first != number:
            raise DatasetError(f"{path} line {number}", f"repeats {token!r} of line {first}", _VOCABULARY_ADVICE)
    missing = [token for token in SPECIAL_TOKENS if token not in line_of]
    if missing:
        raise DatasetError(path, f"has no {' and no '.join(missing)}", _VOCABULARY_ADVICE)
    return Vocabulary(tuple(lines), hashlib.sha256(content).hexdigest(), content)


class _Table(dict[int, str]):
    """A table for `str.translate` that computes each entry from a character and its Unicode category."""

    def __init__(self, mapped: Callable[[str, str], str]) -> None:
        self._mapped = mapped

    def __missing__(self, code: int) -> str:
        self[code] = text = self._mapped(chr(code), unicodedata.category(chr(code)))
        return text


def _cleaned(character: str, category: str) -> str:
    """Remove control characters and put spaces around Chinese ones."""
    if character in "\t\n\r" or category == "Zs":
        return " "
    if character == "\N{REPLACEMENT CHARACTER}" or category.startswith("C"):
        return ""
    return f" {character} " if _CHINESE.match(character) else character


def _split(character: str, category: str) -> str:
    """Remove accents and put spaces around punctuation."""
    if category == "Mn":
        return ""
    return f" {character} " if character in string.punctuation or category.startswith("P") else character


_CLEANING = _Table(_cleaned)
_SPLITTING = _Table(_split)


def basic_tokens(text: str) -> list[str]:
    """Split like `BasicTokenizer`, with which MLPerf projects an answer back on its context."""
    tokens: list[str] = []
    for word in text.translate(_CLEANING).split():
        if word in KEPT_WORDS:
            tokens.append(word)
        else:
            tokens.extend(unicodedata.normalize("NFD", word.lower()).translate(_SPLITTING).split())
    return tokens


def model_tokens(text: str) -> list[str]:
    """Split like `BertTokenizer` before WordPiece, with which MLPerf makes the model's inputs.

    It first lowers each character except in special tokens. So a capital sigma at a word's end does not become a final
    sigma, and removing a control character does not create a special token.
    """
    parts = _KEPT_WORD.split(text)
    parts[::2] = [part.replace("\u03a3", "\u03c3").lower() for part in parts[::2]]
    return basic_tokens("".join(parts))
