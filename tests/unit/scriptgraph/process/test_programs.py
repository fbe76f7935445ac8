"""Programs are run to their end, their output is read, and all they started ends with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scriptgraph.process import programs as process
from scriptgraph.process.programs import Completed, ProcessFailed, capture, describe_end, run

ENV = {"PATH": os.environ["PATH"]}


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "run.log"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.05)
    monkeypatch.setattr(process, "LINGER_S", 0.05)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def wait_until_gone(pid: int) -> None:
    """Wait, through a pidfd, for the end of a process that is not a child of this one."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    import select

    poll = select.poll()
    poll.register(handle, select.POLLIN)
    ready = poll.poll(20_000)
    os.close(handle)
    assert ready, f"process {pid} is still there"


def test_standard_error_has_a_callback_of_its_own(tmp_path: Path, log: Path) -> None:
    lines, error_lines = [], []
    code = "import sys; print('one'); print('two', file=sys.stderr)"

    run(python(code), env=ENV, cwd=tmp_path, log=log, on_line=lines.append, on_error_line=error_lines.append)

    assert (lines, error_lines) == (["one"], ["two"])


def test_both_outputs_reach_the_log_and_only_stdout_the_callback(tmp_path: Path, log: Path) -> None:
    lines: list[str] = []
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.stdout.write('last, no newline')"

    done = run(python(code), env=ENV, cwd=tmp_path, log=log, on_line=lines.append)

    assert done.ok
    assert done.require_success() is done
    assert (done.exit_code, done.signal) == (0, None)
    assert lines == ["out", "last, no newline"]
    assert sorted(log.read_text(encoding="utf-8").splitlines()) == ["err", "last, no newline", "out"]
    assert sorted(done.last_lines) == ["err", "last, no newline", "out"]
    assert done.start_ns <= done.end_ns
    assert done.log == log


def test_a_second_program_appends_to_the_log(tmp_path: Path, log: Path) -> None:
    for word in ("first", "second"):
        run(python(f"print('{word}')"), env=ENV, cwd=tmp_path, log=log)

    assert log.read_text(encoding="utf-8") == "first\nsecond\n"


def test_the_environment_is_exactly_the_argument(tmp_path: Path, log: Path) -> None:
    os.environ["SCRIPTGRAPH_LEAK"] = "yes"
    try:
        code = "import os; print(os.environ.get('SCRIPTGRAPH_LEAK'), os.environ['GIVEN'])"
        done = run(python(code), env={**ENV, "GIVEN": "1"}, cwd=tmp_path, log=log)
    finally:
        del os.environ["SCRIPTGRAPH_LEAK"]

    assert done.last_lines == ("None 1",)


def test_echo_gets_the_lines_of_both_outputs(tmp_path: Path, log: Path) -> None:
    lines: list[str] = []
    code = "import sys; print('seen'); print('too', file=sys.stderr)"

    run(python(code), env=ENV, cwd=tmp_path, log=log, echo=lines.append)

    assert sorted(lines) == ["seen", "too"]


def test_invalid_bytes_and_progress_bars_become_lines(tmp_path: Path, log: Path) -> None:
    code = r"import sys; sys.stdout.buffer.write(b'10%\r20%\r\n\xff\xe2\x82\n\xe2\x82\xac')"

    done = run(python(code), env=ENV, cwd=tmp_path, log=log)

    assert done.last_lines == ("10%", "20%", "\N{REPLACEMENT CHARACTER}" * 2, "\N{EURO SIGN}")


def test_only_the_last_lines_are_kept_in_memory(tmp_path: Path, log: Path) -> None:
    done = run(python("for n in range(5000): print(n)"), env=ENV, cwd=tmp_path, log=log)

    assert done.last_lines == tuple(str(n) for n in range(4980, 5000))
    assert len(log.read_text(encoding="utf-8").splitlines()) == 5000


def test_a_failure_names_status_last_line_and_log(tmp_path: Path, log: Path) -> None:
    code = "import sys; print('model is broken', file=sys.stderr); print(file=sys.stderr); sys.exit(3)"

    done = run(python(code), env=ENV, cwd=tmp_path, log=log)

    with pytest.raises(ProcessFailed) as failure:
        done.require_success()
    assert str(failure.value) == f"{sys.executable} exited with status 3; last output: model is broken"
    assert failure.value.last_lines == ("model is broken", "")
    assert str(log) in failure.value.report()


def test_a_signal_is_not_an_exit_status(tmp_path: Path, log: Path) -> None:
    done = run(python("import os; os.kill(os.getpid(), 9)"), env=ENV, cwd=tmp_path, log=log)

    assert (done.exit_code, done.signal) == (None, 9)
    with pytest.raises(ProcessFailed, match=r"was ended by signal 9 \(SIGKILL; often: out of memory\)"):
        done.require_success()


@pytest.mark.parametrize(
    ("code", "number", "text"),
    [
        (2, None, "exited with status 2"),
        (None, signal.SIGSEGV, "was ended by signal 11 (SIGSEGV; a crash: invalid memory access)"),
        (None, signal.SIGTERM, "was ended by signal 15 (SIGTERM)"),
        (None, 63, "was ended by signal 63"),
    ],
)
def test_the_end_of_a_program_in_words(code: int | None, number: int | None, text: str) -> None:
    assert describe_end(code, number) == text


def test_a_failed_start_has_a_reason(tmp_path: Path, log: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x", encoding="ascii")
    orphan = tmp_path / "orphan"
    orphan.write_text("#!/no/such/python\n", encoding="ascii")
    orphan.chmod(0o755)
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x00\x01\x02")
    garbage.chmod(0o755)

    def problem(program: str, cwd: Path = tmp_path) -> str:
        with pytest.raises(ProcessFailed) as failure:
            run([program], env=ENV, cwd=cwd, log=log)
        return failure.value.problem

    assert problem("/no/such/program") == "could not be started: no such file"
    assert problem("no-such-program") == "could not be started: it is not in PATH; install it"
    assert problem(str(plain)) == "could not be started: it is not executable"
    assert problem(str(orphan)) == "could not be started: the interpreter in its first line does not exist"
    assert "could not be started: Exec format error" in problem(str(garbage))
    assert "its working directory" in problem("true", tmp_path / "absent")
    assert "embedded null byte" in problem("a\0b")


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match=r"has no log: .* cannot be written"):
        run(["true"], env=ENV, cwd=tmp_path, log=tmp_path)


@pytest.mark.usefixtures("quick")
def test_a_time_limit_ends_a_program_that_ignores_sigterm(tmp_path: Path, log: Path) -> None:
    code = "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"

    with pytest.raises(ProcessFailed, match=r"did not end within 0\.5 s and was stopped"):
        run(python(code), env=ENV, cwd=tmp_path, log=log, timeout_s=0.5)


def test_a_program_may_clean_up_when_it_is_ended(tmp_path: Path, log: Path) -> None:
    code = (
        "import signal, sys\n"
        "signal.signal(15, lambda *_: (print('cleaned up'), sys.exit(0)))\n"
        "print('ready', flush=True); signal.pause()"
    )

    def interrupt(line: str) -> None:
        assert line == "ready"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(python(code), env=ENV, cwd=tmp_path, log=log, on_line=interrupt)
    assert log.read_text(encoding="utf-8") == "ready\ncleaned up\n"


@pytest.mark.usefixtures("quick")
def test_interruption_ends_the_whole_group(tmp_path: Path, log: Path) -> None:
    child = "import os, signal; signal.signal(15, signal.SIG_IGN)\nprint(os.getpid(), flush=True); signal.pause()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(python(code), env=ENV, cwd=tmp_path, log=log, on_line=interrupt)
    wait_until_gone(pids[0])
    assert is_gone(pids[0])


@pytest.mark.usefixtures("quick")
def test_processes_left_behind_are_ended_and_do_not_block(tmp_path: Path, log: Path) -> None:
    child = "import signal; signal.pause()"
    code = f"import subprocess, sys\nprint(subprocess.Popen([sys.executable, '-c', {child!r}]).pid, flush=True)"

    done = run(python(code), env=ENV, cwd=tmp_path, log=log)

    assert done.ok
    wait_until_gone(int(done.last_lines[0]))


def test_a_program_that_closes_its_outputs_is_still_waited_for(tmp_path: Path, log: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    code = f"import os, sys; os.close(1); os.close(2); open({str(gate)!r}).read(); os._exit(4)"
    opener = threading.Thread(target=lambda: gate.open("w").close())
    opener.start()

    done = run(python(code), env=ENV, cwd=tmp_path, log=log)

    opener.join()
    assert done.exit_code == 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_ending_the_parent_ends_the_child(tmp_path: Path, number: signal.Signals) -> None:
    child = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    parent_code = (
        "import pathlib, sys\n"
        "from scriptgraph.process.programs import run\n"
        f"run([sys.executable, '-c', {child!r}], env={{}}, cwd=pathlib.Path('.'),\n"
        "    log=pathlib.Path('run.log'), on_line=lambda line: print(line, flush=True))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(process.__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", parent_code],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(number)
        code = parent.wait(timeout=30)

    wait_until_gone(pid)
    assert code in {128 + number, -number}


def test_the_signal_handlers_of_the_embedding_program_stay(tmp_path: Path, log: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)

    run(["true"], env=ENV, cwd=tmp_path, log=log)

    assert signal.getsignal(signal.SIGTERM) == before


def test_programs_run_in_threads_too(tmp_path: Path) -> None:
    done: list[Completed] = []
    threads = [
        threading.Thread(target=lambda n=n: done.append(run(["true"], env=ENV, cwd=tmp_path, log=tmp_path / str(n))))
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [each.exit_code for each in done] == [0, 0, 0]


def test_capture_returns_standard_output_only() -> None:
    code = "import sys; print('a'); print('b'); print('noise', file=sys.stderr)"

    assert capture(python(code)) == "a\nb\n"


def test_the_input_of_a_captured_program_is_a_file_or_empty(tmp_path: Path) -> None:
    (tmp_path / "input").write_text("one\ntwo\n")
    read = python("import sys; print(len(sys.stdin.read()))")

    assert capture(read, stdin=tmp_path / "input") == "8\n"
    assert capture(read) == "0\n"


def test_a_failed_capture_raises_with_the_last_line() -> None:
    with pytest.raises(ProcessFailed, match=r"exited with status 1; last output: oh dear"):
        capture(python("import sys; sys.exit('oh dear')"))


@pytest.mark.usefixtures("quick")
def test_capture_has_a_time_limit() -> None:
    with pytest.raises(ProcessFailed, match=r"did not end within 0\.2 s"):
        capture(python("import signal; signal.pause()"), timeout_s=0.2)
