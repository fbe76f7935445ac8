"""Answers survive their compact form, whatever they are; a damaged file has its message."""

from __future__ import annotations

import json
import lzma
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlperf_home.loadgen_logs.answer_reader import read_answers
from mlperf_home.loadgen_logs.answer_writer import encoded, write_answers
from mlperf_home.loadgen_logs.answers import FIRST_LINE, NO_CLASS, NO_RESULT, AnswersError, class_column, span_column

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.loadgen_logs.answers import AnswerColumn

CLASSES = st.one_of(st.none(), st.integers(-3, 1001), st.integers(0, 1 << 40))
SPANS = st.one_of(st.none(), st.tuples(st.integers(0, 70_000), st.integers(1, 300)).map(lambda s: (s[0], s[0] + s[1])))


def digest(number: int) -> str:
    return f"{number:064x}"


def columns_of(classes: list[list[int | None]], spans: list[list[tuple[int, int] | None]]) -> list[AnswerColumn]:
    made = [class_column(digest(number), each) for number, each in enumerate(classes)]
    return [*made, *(span_column(digest(1000 + number), each) for number, each in enumerate(spans))]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(CLASSES, min_size=1, max_size=5), max_size=4),
    st.lists(st.lists(SPANS, min_size=1, max_size=5), max_size=3),
)
def test_all_answers_are_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    classes: list[list[int | None]],
    spans: list[list[tuple[int, int] | None]],
) -> None:
    path = tmp_path_factory.mktemp("answers") / "answers.bin"
    columns = columns_of(classes, spans)

    write_answers(path, columns)

    key = lambda each: each.log_sha256  # noqa: E731 - one expression
    assert sorted(read_answers(path), key=key) == sorted(columns, key=key)


def test_more_columns_than_a_group_holds(tmp_path: Path) -> None:
    columns = [class_column(digest(number), [number % 7, 3]) for number in range(300)]
    write_answers(tmp_path / "answers.bin", columns)
    assert list(read_answers(tmp_path / "answers.bin")) == columns


def test_other_values_than_classes_are_marked() -> None:
    column = class_column(digest(1), [5, None, -1, 70_000])
    assert list(column.values) == [5, NO_RESULT, NO_CLASS, NO_CLASS]
    assert column.answered == 3


def test_equal_answers_are_counted_one_by_one() -> None:
    first, second = class_column(digest(1), [1, 2, 3]), class_column(digest(2), [1, 2, 4])
    assert first.equal(second) == 2
    mine, theirs = span_column(digest(3), [(4, 9), (4, 9), None]), span_column(digest(4), [(4, 9), (4, 8), None])
    assert mine.equal(theirs) == 2
    assert not first.is_like(mine)


def test_models_that_agree_share_their_answers() -> None:
    draw = random.Random(7)  # noqa: S311 - no secret
    truth = [draw.randrange(1000) for _ in range(2000)]
    alone = len(encoded([class_column(digest(0), truth)]))
    ten = len(encoded([class_column(digest(number), truth) for number in range(10)]))
    assert ten < 1.1 * alone + 1000


DAMAGES = {
    "another version": (lambda content: content.replace(b"answers 1", b"answers 2"), "does not begin as a file"),
    "cut": (lambda content: content[:-3], "other than"),
    "a byte changed in a block": (lambda content: content[:-30] + b"\xff" + content[-29:], "block"),
    "more bytes": (lambda content: content + b"x", "bytes after its last block"),
    "no list": (lambda content: FIRST_LINE + b"{}\n", "no list of columns"),
    "no JSON": (lambda content: FIRST_LINE + b"{\n", "damaged list of columns"),
    "too many": (lambda content: content.replace(b'"count":3', b'"count":50000001'), "no hash, kind and count"),
    "no hash": (lambda content: content.replace(digest(1).encode(), b"x"), "no hash, kind and count"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_a_located_error(tmp_path: Path, name: str) -> None:
    change, message = DAMAGES[name]
    path = tmp_path / "answers.bin"
    path.write_bytes(change(encoded([class_column(digest(1), [1, 2, 3])])))

    with pytest.raises(AnswersError, match=message) as raised:
        read_answers(path)

    assert str(raised.value).startswith(f"{path}: ")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    header = json.dumps({"columns": [{"log": digest(1), "kind": "span", "count": 3}]}).encode()
    bomb = lzma.compress(bytes(50_000_000))
    path = tmp_path / "answers.bin"
    path.write_bytes(FIRST_LINE + header + b"\n" + len(bomb).to_bytes(4, "little") + bomb)

    with pytest.raises(AnswersError, match="other than 24 bytes"):
        read_answers(path)


def test_a_place_beyond_the_classes_is_refused(tmp_path: Path) -> None:
    def block(values: bytes) -> bytes:
        packed = lzma.compress(values)
        return len(packed).to_bytes(4, "little") + packed

    header = json.dumps({"columns": [{"log": digest(1), "kind": "class", "count": 1}]}).encode()
    path = tmp_path / "answers.bin"
    path.write_bytes(FIRST_LINE + header + b"\n" + block(b"\x01") + block(b"\x05\x00") + block(b"\x01"))

    with pytest.raises(AnswersError, match="a class of an image that is not listed"):
        read_answers(path)
