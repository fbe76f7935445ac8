"""The options of challenges that a volunteer's machine brings along."""

from __future__ import annotations

import pytest

from mlperf_home.leaderboard.participation.errors import ParticipationError
from mlperf_home.steps.boards.taking_part import own_options


def test_options_are_read_by_name() -> None:
    assert own_options("imagenet_path=/data/a=b,other=1") == {"imagenet_path": "/data/a=b", "other": "1"}
    assert own_options("") == {}


@pytest.mark.parametrize("text", ["imagenet_path", "=x", "--new=yes", "A=b", "a="])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ParticipationError, match="NAME=VALUE"):
        own_options(text)
