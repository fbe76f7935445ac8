"""The command in a result's README makes the same result again."""

from __future__ import annotations

import pytest

from mlperf_home.steps.reports import repeated


@pytest.mark.parametrize("word", ["--rerun", "--rerun=yes", "--quiet", "-v", "-j", "--out=json", "--regenerate_files"])
def test_what_only_concerns_this_time_is_left_out(word: str) -> None:
    assert repeated(("--tags=a", word)) == ["--tags=a"]


@pytest.mark.parametrize("word", ["--output_dir=R", "--vocab_path=V", "--version=3", "--env.X=1"])
def test_what_shapes_the_result_is_kept(word: str) -> None:
    assert repeated(("--tags=a", word)) == ["--tags=a", word]
