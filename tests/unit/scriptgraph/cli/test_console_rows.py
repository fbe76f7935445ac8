"""A table row of a run is one line with its result; -v shows its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.cli.console import RunConsole

if TYPE_CHECKING:
    import pytest


def row(number: int, **details: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the events of a table row with one step."""
    place = {"number": number, "total": 3}
    ended = {"status": "done", "seconds": 80.0, "left": "about 2 min", **details}
    return [
        ("row_started", "small", place),
        ("started", "x", {}),
        ("said", "x", {"message": "opening"}),
        ("tabled", "x", {"title": "Result", "rows": [["system", "y"]]}),
        ("summed", "x", {"message": "0.12 ms, VALID"}),
        ("finished", "x", {"status": "done", "seconds": 80.0, "reason": None}),
        ("row_finished", "small", {**place, **ended}),
    ]


def test_a_table_row_is_one_line_with_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    console = RunConsole()
    for kind, title, details in [*row(1), *row(2, status="failed", left="")]:
        console(kind, title, details)

    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "# 1 of 3: small: 0.12 ms, VALID; 80 s; about 2 min left",
        "x 2 of 3: small: failed; 80 s",
    ]
    assert [each["title"] for each in console.tables] == ["Result", "Result"]


def test_verbose_shows_each_message_of_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    console = RunConsole(verbose=True)
    for kind, title, details in [*row(1), ("noted", "x", {"message": "a detail"})]:
        console(kind, title, details)

    out, err = capsys.readouterr()
    assert "system" in out
    assert err.splitlines()[:4] == ["# 1 of 3: small", "> x", "  opening", "  0.12 ms, VALID"]
    assert err.splitlines()[-1] == "  a detail"


def test_a_row_names_what_lasts_for_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    console = RunConsole()
    for kind, title, details in (
        ("row_started", "small", {"number": 1, "total": 2}),
        ("said", "x", {"message": "at least 10 s", "lasts_s": 10.0}),
        ("said", "x", {"message": "at least 600 s", "lasts_s": 600.0}),
    ):
        console(kind, title, details)

    assert capsys.readouterr().err.splitlines() == ["  1 of 2: small: at least 600 s"]
