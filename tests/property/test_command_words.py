"""The product's own program parses command lines as cmind does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cmind.cli import parse
from hypothesis import given
from hypothesis import strategies as st

from scriptgraph.cli.commands.words import parse_words
from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from pathlib import Path

KEYS = st.sampled_from(
    ["tags", "env.X", "adr.my-dep.version_min", "dash-key", "a-b.c-d", "lst,", "env.L,", "", "artifact", "é", "x."]
)
VALUES = st.sampled_from(["", "=", "=a,b", "=a=b", "= x ", "-", "=-1", ","])
OPTIONS = st.builds("{}{}{}".format, st.sampled_from(["--", "-", "---"]), KEYS, VALUES)
WORDS = st.lists(
    st.sampled_from(["run", "script", "a b", "", " ", "--", "-", "detect,os"]) | OPTIONS | st.text(max_size=4),
    max_size=8,
)


@given(WORDS)
def test_words_are_parsed_as_by_cmind(words: list[str]) -> None:
    if any(word.startswith("@") for word in words):
        return
    try:
        expected = parse(list(words))["cm_input"]
    except (TypeError, AttributeError):  # a list without values, or a value that has parts too
        with pytest.raises(RequestError, match=r"needs values|has no parts"):
            parse_words(words)
        return

    assert parse_words(words) == expected


def test_a_file_of_options_is_read(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("env:\n  X: 1\n")

    assert parse_words(["run", "script", f"@{tmp_path}/o.yaml"])["env"] == {"X": 1}


def test_an_absent_file_of_options_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"absent\.yaml"):
        parse_words(["run", "script", f"@{tmp_path}/absent.yaml"])
