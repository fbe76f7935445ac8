"""Lists are aligned lines in a file and tables on a terminal; sizes and ages have units."""

from __future__ import annotations

import io

import pytest
from terminal import Terminal

from scriptgraph.cli.tables import Section, age_text, as_lines, show_sections, size_text

SECOND = 10**9


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")


def test_columns_are_aligned_without_trailing_spaces() -> None:
    rows = [("a", "long cell", ""), ("longer", "b", "end")]

    assert as_lines([Section("Title", rows), Section("", rows, ("x", "y", "z")), Section("Alone")]) == (
        "Title\n  a       long cell\n  longer  b          end\n"
        "x       y          z\na       long cell\nlonger  b          end\nAlone\n"
    )


def test_no_sections_are_no_lines() -> None:
    assert as_lines([]) == ""


def test_sections_are_lines_in_a_file_and_tables_on_a_terminal() -> None:
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
def test_sizes_have_decimal_units(size: int, text: str) -> None:
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
def test_ages_have_units(seconds: int, text: str) -> None:
    assert age_text(1000 * SECOND, (1000 + seconds) * SECOND) == text


def test_unknown_and_future_times_have_ages() -> None:
    assert age_text(None, SECOND) == "unknown"
    assert age_text(2 * SECOND, SECOND) == "0 s ago"
