"""The command in a result's README repeats the measurement; an answer's tables state a shared source once."""

from __future__ import annotations

from typing import Any

import pytest
from answers import answer, standing

from mlperf_home.contracts.codec import decode
from mlperf_home.contracts.studies.answer import AnswerDocument
from mlperf_home.steps.reports import answer_tables, repeatable_words


@pytest.mark.parametrize("word", ["--rerun", "--rerun=yes", "--quiet", "-v", "-j", "--out=json", "--regenerate_files"])
def test_options_without_effect_on_the_result_are_omitted(word: str) -> None:
    assert repeatable_words(("--tags=a", word)) == ["--tags=a"]


@pytest.mark.parametrize("word", ["--output_dir=R", "--vocab_path=V", "--version=3", "--env.X=1"])
def test_options_that_affect_the_result_are_kept(word: str) -> None:
    assert repeatable_words(("--tags=a", word)) == ["--tags=a", word]


def tables_of(*front: dict[str, Any]) -> list[tuple[str, str]]:
    document = decode(answer(front), AnswerDocument, "answer")
    return [row for _, rows in answer_tables(document) for row in rows]


def test_a_source_of_all_accuracies_is_stated_once() -> None:
    rows = tables_of(standing("a"), standing("b"))

    assert [row for row in rows if "checked" in row[1]] == [("accuracy", "checked")]


def test_sources_that_differ_stand_beside_their_points() -> None:
    rows = dict(tables_of(standing("a"), standing("b", accuracy_source="copied")))

    assert rows["a"].endswith("accuracy: checked")
    assert rows["b"].endswith("accuracy: copied")
