"""Lists are tables on a terminal and aligned lines elsewhere."""

from __future__ import annotations

import io

import pytest

from scriptgraph.cli.tables import Section, age_text, as_lines, show_sections, size_text

SECOND = 10**9


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_columns_are_aligned_and_no_line_ends_in_blanks() -> None:
    rows = [("a", "long cell", ""), ("longer", "b", "end")]

    assert as_lines([Section("Title", rows), Section("", rows, ("x", "y", "z")), Section("Alone")]) == (
        "Title\n  a       long cell\n  longer  b          end\n"
        "x       y          z\na       long cell\nlonger  b          end\nAlone\n"
    )


def test_nothing_is_nothing() -> None:
    assert as_lines([]) == ""


def test_a_file_gets_lines_and_a_terminal_a_table() -> None:
    section = Section("Title", [("[bold]as it is[/bold]", ":smile:")], ("one", "two"))
    file, terminal = io.StringIO(), Terminal()

    show_sections([section], file)
    show_sections([section], terminal)

    assert file.getvalue() == as_lines([section])
    assert "[bold]as it is[/bold]" in terminal.getvalue()
    assert ":smile:" in terminal.getvalue()
    assert "\N{BOX DRAWINGS LIGHT VERTICAL}" in terminal.getvalue()


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (38_123_456, "38.1 MB"), (5 * 10**15, "5000.0 TB")],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7200, "2 h ago"),
        (86400, "24 h ago"),
        (172800, "2 days ago"),
    ],
)
def test_ages(seconds: int, text: str) -> None:
    assert age_text(1000 * SECOND, (1000 + seconds) * SECOND) == text


def test_an_age_that_is_not_known_or_lies_ahead() -> None:
    assert age_text(None, SECOND) == "not known"
    assert age_text(2 * SECOND, SECOND) == "0 s ago"
