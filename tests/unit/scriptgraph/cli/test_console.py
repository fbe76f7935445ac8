"""A run is shown as plain lines in a pipe, with bars on a terminal, and quietly on request."""

from __future__ import annotations

import io
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from terminal import Terminal

from scriptgraph.cli.console import RunConsole
from scriptgraph.cli.tables import Section, show_sections

if TYPE_CHECKING:
    from collections.abc import Callable

STEP: list[tuple[str, dict[str, Any]]] = [
    ("started", {}),
    ("said", {"message": "hello"}),
    ("progressed", {"what": "file", "done": 50, "total": 100}),
    ("warned", {"message": "careful"}),
    ("finished", {"status": "done", "seconds": 1.26, "reason": None}),
]
TABLE = ("tabled", {"title": "Result", "rows": [["system", "x"], ["samples per second", "12.5"]]})


@pytest.fixture(autouse=True)
def _no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")


def show(*events: tuple[str, dict[str, Any]], quiet: bool = False) -> RunConsole:
    console = RunConsole(quiet=quiet)
    for kind, details in events:
        console(kind, "x,_v", details)
    console.close()
    return console


def test_progress_is_plain_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    show(*STEP)

    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["> x,_v", "  hello", "! x,_v: careful", "  done in 1.3 s"]


def test_quiet_shows_results_warnings_and_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    show(*STEP, ("failed", {"reason": "no"}), TABLE, quiet=True)

    out, err = capsys.readouterr()
    assert err.splitlines() == ["! x,_v: careful", "x x,_v"]
    assert "12.5" in out


def test_a_table_without_rows_is_shown_as_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    show(("tabled", {"title": "Result", "rows": []}))

    assert capsys.readouterr().out == "Result\n"


@pytest.mark.parametrize(
    ("status", "reason", "line"),
    [("cached", None, "> x,_v: cached"), ("skipped", "it is there", "> x,_v: skipped: it is there")],
)
def test_a_step_that_did_not_run_is_shown_with_its_reason(
    capsys: pytest.CaptureFixture[str], status: str, reason: str | None, line: str
) -> None:
    show(("finished", {"status": status, "seconds": 0.0, "reason": reason}))

    assert capsys.readouterr().err == f"{line}\n"


def test_progress_in_a_pipe_is_a_line_in_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter(range(100))
    console = RunConsole(clock=lambda: float(next(seconds)))
    for done in range(0, 260, 10):
        console("progressed", "x", {"what": "file", "done": done, "total": 1000})

    assert capsys.readouterr().err.splitlines() == ["  file: 10 %", "  file: 20 %"]


def test_progress_without_a_total_is_not_shown_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        ("progressed", {"what": "file", "done": 3, "total": None}), ("progressed", {"what": "f", "done": 0, "total": 0})
    )

    assert capsys.readouterr().err == ""


def test_a_table_is_printed_and_stored(capsys: pytest.CaptureFixture[str]) -> None:
    console = show(TABLE)

    out, err = capsys.readouterr()
    assert err == ""
    assert "Result" in out
    assert "samples per second" in out
    assert console.tables == [TABLE[1]]


def test_a_table_can_be_printed_to_another_stream() -> None:
    stream = io.StringIO()
    RunConsole(quiet=False, results_to=stream)(TABLE[0], "x", TABLE[1])

    assert "samples per second" in stream.getvalue()


AWKWARD = "/a [bold]b[/bold] [/c] :smile: zoo:nlp:100: {entry} " + "long/" * 60 + "end"


def test_texts_are_shown_unchanged_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        ("said", {"message": AWKWARD}),
        ("warned", {"message": AWKWARD}),
        ("tabled", {"title": "[bold] :smile:", "rows": [["[path]", AWKWARD]]}),
    )

    out, err = capsys.readouterr()
    assert [line.count(AWKWARD) for line in err.splitlines()] == [1, 1]
    assert "[bold] :smile:" in out
    assert [line for line in out.splitlines() if AWKWARD in line and "[path]" in line]


def test_a_pipe_gets_no_escape_sequences(capsys: pytest.CaptureFixture[str]) -> None:
    show(*STEP, ("failed", {"reason": "no"}), TABLE)

    out, err = capsys.readouterr()
    assert "\x1b" not in out + err


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Return a function that makes standard error a terminal; pytest replaces the stream before each test."""

    def replace() -> Terminal:
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return replace


def test_progress_on_a_terminal_is_a_transient_bar(on_terminal: Callable[[], Terminal]) -> None:
    stream, console = on_terminal(), RunConsole(quiet=False)

    console("progressed", "x", {"what": "[file] :100:", "done": 1, "total": 2})
    drawn = stream.getvalue()
    console("said", "x", {"message": "after"})

    assert "[file] :100:" in drawn
    assert "50%" in drawn
    assert "\x1b[2K" in stream.getvalue()[len(drawn) :]
    assert "after" in stream.getvalue()


def test_no_thread_draws_between_two_events(on_terminal: Callable[[], Terminal]) -> None:
    on_terminal()
    threads, console = threading.active_count(), RunConsole(quiet=False)

    console("progressed", "x", {"what": "file", "done": 1, "total": None})

    assert threading.active_count() == threads
    console.close()


def test_quiet_draws_no_bar(on_terminal: Callable[[], Terminal]) -> None:
    stream = on_terminal()

    show(("progressed", {"what": "file", "done": 1, "total": 2}), quiet=True)

    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("settings", "line"),
    [({}, "\x1b[1m> x,_v\x1b[0m\n"), ({"NO_COLOR": "1"}, "> x,_v\n"), ({"TERM": "dumb"}, "> x,_v\n")],
)
def test_lines_on_a_capable_terminal_are_styled(
    on_terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], line: str
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    stream = on_terminal()

    show(("started", {}), ("making", {}))

    assert stream.getvalue().startswith(line)


def test_lines_of_parallel_steps_name_their_step(capsys: pytest.CaptureFixture[str]) -> None:
    console = RunConsole(quiet=False)
    for title, kind, details in (
        ("a", "started", {}),
        ("b", "started", {}),
        ("b", "making", {}),
        ("a", "said", {"message": "hello"}),
        ("a", "finished", {"status": "done", "seconds": 1.0, "reason": None}),
        ("b", "finished", {"status": "skipped", "seconds": 1.0, "reason": "no need"}),
    ):
        console(kind, title, details)

    assert capsys.readouterr().err.splitlines() == [
        "> b",
        "> a",
        "  a: hello",
        "  a: done in 1.0 s",
        "  skipped: no need",
    ]


class Writes(io.StringIO):
    """A stream that keeps what each call wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def write(self, text: str) -> int:
        self.written.append(text)
        return len(text)


def test_output_of_parallel_steps_stays_whole_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Writes()
    monkeypatch.setattr(sys, "stderr", stream)
    console = RunConsole(quiet=True)
    for title in ("a", "b"):
        console("started", title, {})

    def output(title: str) -> None:
        for number in range(200):
            console("printed", title, {"message": f"line {number} of {title}"})

    threads = [threading.Thread(target=output, args=(title,)) for title in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    expected = [f"{title}: line {number} of {title}\n" for title in ("a", "b") for number in range(200)]
    assert sorted(stream.written) == sorted(expected)


def test_output_of_a_single_step_is_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    show(("started", {}), ("printed", {"message": "  as it is"}), quiet=True)

    assert capsys.readouterr().err == "  as it is\n"


HOSTILE = "m\x1b[2J\x1b]0;x\x07\u202e\udcff"
SHOWN = "m\\x1b[2J\\x1b]0;x\\x07\\u202e\\udcff"


@pytest.mark.parametrize("to", [io.StringIO, Terminal], ids=["file", "terminal"])
def test_names_with_terminal_commands_are_shown_as_escapes(
    to: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    err, out = to(), to()
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    console = RunConsole()
    for kind, details in STEP:
        console(kind, HOSTILE, {**details, "message": HOSTILE, "what": HOSTILE, "reason": HOSTILE})
    console("failed", HOSTILE, {})
    console("tabled", "x", {"title": HOSTILE, "rows": [[HOSTILE, HOSTILE]]})
    console.text([HOSTILE])
    console.close()
    show_sections([Section(HOSTILE, [(HOSTILE,)], (HOSTILE,))])

    for written in (err.getvalue(), out.getvalue()):
        assert "\x1b[2J" not in written.replace("\x1b[2K", "")
        assert not {"\x07", "\u202e", "\udcff"} & set(written)
    assert SHOWN in err.getvalue()
    assert SHOWN in out.getvalue()


def test_a_name_makes_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    console = RunConsole()
    console("started", "step\nx everything is fine", {})
    console("making", "step\nx everything is fine", {})

    assert capsys.readouterr().err == "> step\\x0ax everything is fine\n"


def test_a_repeated_warning_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    show(("warned", {"message": "careful"}), ("warned", {"message": "careful"}), ("warned", {"message": "hot"}))

    assert capsys.readouterr().err.splitlines() == ["! x,_v: careful", "! x,_v: hot"]


def test_a_quick_step_without_messages_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show(("started", {}), ("finished", {"status": "done", "seconds": 0.5, "reason": None}))

    assert capsys.readouterr().err == "> x,_v: 0.5 s\n"


def test_the_present_work_is_one_line_on_a_terminal(on_terminal: Callable[[], Terminal]) -> None:
    stream, console = on_terminal(), RunConsole()

    console("row_started", "small", {"number": 1, "total": 2})
    console("said", "x", {"message": "opening " + "y" * 200})
    drawn = stream.getvalue()
    console("warned", "x", {"message": "after"})

    assert "1 of 2: small: opening" in drawn
    assert "y" * 80 not in drawn
    assert "\x1b[2K" in stream.getvalue()[len(drawn) :]


def commands_for(*purposes: str) -> dict[str, Any]:
    return {"commands": [{"purpose": each, "command": f"cm show {each}"} for each in purposes]}


def test_next_commands_are_shown_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    console = RunConsole()
    console("suggested", "x", commands_for("early"))
    console("suggested", "y", commands_for("see", "compare"))
    assert capsys.readouterr().out == ""

    console.show_next()

    assert capsys.readouterr().out.splitlines() == ["Next", "  see:      cm show see", "  compare:  cm show compare"]


@pytest.mark.parametrize("quiet", [False, True])
def test_without_suggestions_or_with_quiet_nothing_is_next(capsys: pytest.CaptureFixture[str], *, quiet: bool) -> None:
    console = RunConsole(quiet=quiet)
    if quiet:
        console("suggested", "x", commands_for("see"))
    console.show_next()

    assert capsys.readouterr().out == ""


def test_a_terminal_shows_the_home_directory_as_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    table = {"title": "Result", "rows": [["record", "/home/someone/CM/r.json"], ["other", "/home/someone2/a"]]}
    terminal, pipe = Terminal(), io.StringIO()
    for out in (terminal, pipe):
        console = RunConsole(results_to=out)
        console("tabled", "x", table)
        assert console.tables == [table]

    assert "~/CM/r.json" in terminal.getvalue()
    assert "/home/someone2/a" in terminal.getvalue()
    assert "/home/someone/CM/r.json" in pipe.getvalue()


def test_verbose_progress_in_a_pipe_is_a_line_per_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    console = RunConsole(verbose=True)
    for done in range(0, 1001, 7):
        console("progressed", "x", {"what": "file", "done": done, "total": 1000})

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "  file: 0 %"
