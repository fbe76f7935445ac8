"""No name from outside reaches a terminal as a command."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scriptgraph.printable import printable, printable_name, shortened


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("bert-99", "bert-99"),
        ("modèle 模型 \N{THUMBS UP SIGN}", "modèle 模型 \N{THUMBS UP SIGN}"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb\nc\td", "a\\x0db\\x0ac\\x09d"),
        ("\x9b2J", "\\x9b2J"),
        ("user\u202egpj.exe", "user\\u202egpj.exe"),
        ("\u2066hidden\u2069", "\\u2066hidden\\u2069"),
        ("caf\udce9", "caf\\udce9"),
        ("none\ud7fc", "none\\ud7fc"),
        ("join\u200dedspace\xa0", "join\\u200dedspace\\xa0"),
    ],
)
def test_a_name_is_shown_with_its_controls_as_escapes(name: str, shown: str) -> None:
    assert printable_name(name) == shown


def test_lines_and_tabs_of_a_text_stay() -> None:
    assert printable("a\tb\nc\r\n50 %\r100 %\x1b[K") == "a\tb\nc\n50 %\n100 %\\x1b[K"


@given(st.text(st.characters(codec=None)))
def test_no_control_character_is_left(text: str) -> None:
    shown = printable_name(text)

    assert not [each for each in shown if unicodedata.category(each) in {"Cc", "Cs"}]
    assert not [each for each in shown if unicodedata.bidirectional(each) in {"LRE", "RLE", "LRO", "RLO", "PDF"}]
    assert shown.encode().decode() == shown
    assert printable_name(shown) == shown


def test_endless_words_are_cut_in_the_middle() -> None:
    assert shortened("a\nb " + "x" * 100_000 + " end") == "a b " + "x" * 200 + "..." + "x" * 200 + " end"
    assert shortened("/folder" * 100) == "/folder" * 100
