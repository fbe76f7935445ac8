"""The command in a result's README repeats the measurement."""

from __future__ import annotations

import pytest

from mlperf_home.steps.reports import repeatable_words


@pytest.mark.parametrize("word", ["--rerun", "--rerun=yes", "--quiet", "-v", "-j", "--out=json", "--regenerate_files"])
def test_options_without_effect_on_the_result_are_omitted(word: str) -> None:
    assert repeatable_words(("--tags=a", word)) == ["--tags=a"]


@pytest.mark.parametrize("word", ["--output_dir=R", "--vocab_path=V", "--version=3", "--env.X=1"])
def test_options_that_affect_the_result_are_kept(word: str) -> None:
    assert repeatable_words(("--tags=a", word)) == ["--tags=a", word]
