"""SQuAD files are read in order, and each malformed one has its message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.squad.reading import read_dataset, split_words

if TYPE_CHECKING:
    from pathlib import Path


def _question(question_id: str = "q1", **changes: Any) -> dict[str, Any]:
    question = {"id": question_id, "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]}
    return {**question, **changes}


def _content(*questions: Any, context: Any = "Ada wrote it.") -> dict[str, Any]:
    return {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": context, "qas": [*questions]}]}]}


def _write(folder: Path, content: Any) -> Path:
    path = folder / "questions.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_words_split_at_five_characters_only() -> None:
    assert split_words(" a\tb\r\nc\u202fd\u00a0e\u2009f  g ") == ("a", "b", "c", "d\u00a0e\u2009f", "g")


@settings(deadline=None)
@given(st.text(st.sampled_from("ab \t\r\n\u202f\u00a0\u2028\x0b")))
def test_words_equal_a_slow_implementation(context: str) -> None:
    words: list[str] = []
    outside = True
    for character in context:
        if character in " \t\r\n\u202f":
            outside = True
            continue
        if outside:
            words.append("")
        words[-1] += character
        outside = False
    assert split_words(context) == tuple(words)


def test_questions_keep_the_order_of_the_file(tmp_path: Path) -> None:
    dataset = read_dataset(_write(tmp_path, _content(_question("b"), _question("a"))))
    assert [example.question_id for example in dataset.examples] == ["b", "a"]
    assert dataset.paragraphs == (("Ada", "wrote", "it."),)
    assert dataset.examples[0].answers == ("Ada",)
    assert dataset.name == "questions"
    assert not dataset.sample_note


def test_sample_data_has_a_note(tmp_path: Path) -> None:
    dataset = read_dataset(_write(tmp_path, {**_content(_question()), "version": "1.1-sample"}))
    assert "sample data" in dataset.sample_note


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        ("", "questions.json", "is empty"),
        ("{", "questions.json", "is not JSON"),
        ("[" * 100_000, "questions.json", "is nested more than 16 levels deep"),
        ('{"data": NaN}', "questions.json", "has NaN, which is not JSON"),
        ([], "at /", "is a list, not an object"),
        ({}, "at /", "has no 'data'"),
        ({"data": {}}, "at /data", "is an object, not a list"),
        ({"data": []}, "at /data", "has no question"),
        ({"data": [{}]}, "at /data/0", "has no 'paragraphs'"),
        ({"data": [3]}, "at /data/0", "is a number, not an object"),
        (_content(_question(), context=None), "at /data/0/paragraphs/0/context", "is null, not a string"),
        (_content(_question(), context=" \n"), "at /data/0/paragraphs/0/context", "is empty"),
        (_content(_question(), _question()), "at /data/0/paragraphs/0/qas/1/id", "repeats the id 'q1'"),
        (_content(_question(id=7)), "at /data/0/paragraphs/0/qas/0/id", "is a number, not a string"),
        (_content(_question(answers=[])), "at /data/0/paragraphs/0/qas/0/answers", "is empty"),
        (_content(_question(answers=[{}])), "at /data/0/paragraphs/0/qas/0/answers/0", "has no 'text'"),
        (_content(_question(question=True)), "at /data/0/paragraphs/0/qas/0/question", "is a boolean"),
        (_content(_question(is_impossible=True, answers=[])), "qas/0/is_impossible", "only SQuAD v2"),
    ],
)
def test_malformed_file_is_an_error_with_its_place(tmp_path: Path, content: Any, place: str, problem: str) -> None:
    with pytest.raises(DatasetError) as caught:
        read_dataset(_write(tmp_path, content))
    message = str(caught.value)
    assert place in message
    assert problem in message
    assert "pass a file in SQuAD v1.1 format" in message
    assert "\n" not in message


def test_absent_file_or_folder_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(DatasetError, match="cannot be read"):
            read_dataset(path)
