"""Run other programs: the only module that uses `subprocess`.

Programs are argv lists; there is no shell. Each child leads a session of its own, so
that ending it ends whatever it started: on Ctrl-C, on SIGTERM or SIGHUP to us, on a
time limit, or when the callback for its lines raises, its group gets SIGTERM, a grace
period and SIGKILL. What a program leaves behind in its session is ended with it.

What this cannot do: if we ourselves are ended by SIGKILL, a child runs on until it
writes to its closed output. (Linux could tie it to us with PR_SET_PDEATHSIG, but from
Python only through `preexec_fn`, which may deadlock in a process with threads.)
"""

from __future__ import annotations

import codecs
import io
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from scriptgraph.process.interruption import Stopped, current_stop, end_signals_raise
from scriptgraph.process.outcome import Completed, ProcessFailed, describe_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    Sink = Callable[[str], None]

__all__ = ["Completed", "ProcessFailed", "capture", "describe_end", "foreground", "run"]

GRACE_S = 5.0
LINGER_S = 1.0
LAST_LINES = 20
LONGEST_LINE = 1 << 20
_TICK_S = 0.05
_CHUNK_BYTES = 1 << 16


def run(  # noqa: PLR0913 - all but the first are named where it is called
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    on_line: Sink | None = None,
    on_error_line: Sink | None = None,
    timeout_s: float | None = None,
    echo: bool = False,
) -> Completed:
    """Run a program to its end, appending the lines of both outputs to a log as they come.

    A bare name of a program is looked up in the PATH of `env`, its whole environment; the log's folder is made if
    absent. `on_line` and `on_error_line` are called, here in the caller's thread, with each line of standard output
    and of standard error; `echo` shows both on our standard error. It may take `timeout_s` seconds.

    Returns:
        How it ended; a failure is `exit_code` or `signal`, see `Completed.require_success`.

    Raises:
        ProcessFailed: it could not be started, or took longer than timeout_s.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", buffering=1) as kept:

            def note(line: str) -> None:
                kept.write(f"{line}\n")
                if echo:
                    print(line, file=sys.stderr)

            return _Child(argv, note, on_line, on_error_line).completed(env, cwd, timeout_s, log)
    except OSError as error:
        if error.filename not in {None, str(log), str(log.parent)}:
            raise
        raise ProcessFailed(argv[0], f"has no log: {log} cannot be written ({error.strerror})") from error


def capture(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float | None = 60.0,
    stdin: Path | None = None,
) -> str:
    """Run a program with a short answer and return its standard output.

    It has our environment and our folder, unless others are given, and no input but the file `stdin`. It may take
    `timeout_s` seconds.

    Raises:
        ProcessFailed: it could not be started, failed, or took longer than timeout_s.
    """
    lines: list[str] = []
    child = _Child(argv, lambda _line: None, lines.append)
    child.completed(os.environ if env is None else env, cwd, timeout_s, stdin=stdin).require_success()
    return "".join(f"{line}\n" for line in lines)


def foreground(argv: Sequence[str]) -> int:
    """Run a program on our terminal, outputs and Ctrl-C; return its exit status, 128 plus the signal if killed.

    Raises:
        ProcessFailed: it could not be started.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        child = subprocess.Popen(argv)  # noqa: S603 - an argv list, no shell
    except OSError as error:
        raise ProcessFailed(argv[0], f"could not be started: {error.strerror}") from error
    while True:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            continue  # the program has had it too
        return code if code >= 0 else 128 - code


class _Lines:
    """Bytes in, whole lines out, to each of the sinks.

    Newline, carriage return and both together end a line, so that a progress bar's states are lines of their own.
    Bytes that are not UTF-8 become U+FFFD. A line longer than `LONGEST_LINE` characters is cut, so that endless output
    without newlines does not fill the memory.
    """

    def __init__(self, *sinks: Sink) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self.sinks, self._rest = sinks, ""

    def feed(self, chunk: bytes) -> None:
        """Hand out the lines that `chunk` completes; an empty chunk ends the stream and its last line."""
        text = self._rest + self._decoder.decode(chunk, final=not chunk)
        *lines, self._rest = text.split("\n")
        if self._rest and (not chunk or len(self._rest) > LONGEST_LINE):
            lines.append(self._rest)
            self._rest = ""
        for line in lines:
            for sink in self.sinks:
                sink(line)


class _Child:
    """One program, its two pipes, and where its lines go."""

    _popen: subprocess.Popen[bytes]

    def __init__(
        self, argv: Sequence[str], note: Sink, on_line: Sink | None, on_error_line: Sink | None = None
    ) -> None:
        self.argv, self._sinks = tuple(argv), (on_line, on_error_line)
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._kept = (self.last_lines.append, note)
        self._selector = selectors.DefaultSelector()
        self._pause_s = 0.001

    def completed(
        self,
        env: Mapping[str, str],
        cwd: Path | None,
        timeout_s: float | None,
        log: Path | None = None,
        stdin: Path | None = None,
    ) -> Completed:
        """Run the program to its end; whatever interrupts us ends it too."""
        start_ns = time.time_ns()
        with end_signals_raise(), self._started(env, cwd, stdin):
            if not self.attend(timeout_s):
                self.end()
                problem = f"did not end within {timeout_s:g} s and was stopped"
                raise ProcessFailed(self.argv[0], problem, tuple(self.last_lines), log)
            code = self.reap()
        status, ended_by = (code, None) if code >= 0 else (None, -code)
        return Completed(self.argv, status, ended_by, start_ns, time.time_ns(), tuple(self.last_lines), log)

    @contextmanager
    def _started(self, env: Mapping[str, str], cwd: Path | None, stdin: Path | None) -> Iterator[None]:
        program = self.argv[0]
        if cwd is not None and not cwd.is_dir():
            raise ProcessFailed(program, f"could not be started: no such folder to run in: {cwd}")
        pipe = subprocess.PIPE
        try:
            with open(stdin or os.devnull, "rb") as given:  # noqa: PTH123 - the null device has no Path
                self._popen = subprocess.Popen(  # noqa: S603 - an argv list, no shell
                    self.argv, env=dict(env), cwd=cwd, stdin=given, stdout=pipe, stderr=pipe, start_new_session=True
                )
        except (OSError, ValueError) as error:
            raise ProcessFailed(program, f"could not be started: {_why_not(program, error)}") from error
        with self._selector, self._popen:  # which closes the pipes
            try:
                for output, sink in zip((self._popen.stdout, self._popen.stderr), self._sinks, strict=True):
                    assert output is not None  # noqa: S101 - both are pipes
                    os.set_blocking(output.fileno(), False)
                    lines = _Lines(*self._kept, *([sink] if sink else []))
                    self._selector.register(output, selectors.EVENT_READ, lines)
                yield
            finally:
                self.end()

    def attend(self, timeout_s: float | None, *, heeding: bool = True) -> bool:
        """Read the pipes until the program has ended and they are closed; False at the time limit.

        What a program left behind keeps its pipes open: then reading stops after `LINGER_S`. With `heeding`, the wish
        that this thread ends is heeded meanwhile.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        linger: float | None = None
        stop = current_stop() if heeding else None
        while True:
            now = time.monotonic()
            if linger is None and self._has_ended():
                linger = now + LINGER_S
            if linger is not None and (now > linger or not self._selector.get_map()):
                for key in list(self._selector.get_map().values()):
                    key.data.feed(b"")  # last lines that have no newline
                return True
            if linger is None and deadline is not None and now > deadline:
                return False
            if linger is None and stop is not None and stop.is_set():
                raise Stopped
            self._read()

    def _has_ended(self) -> bool:
        """Whether the program has ended, leaving it unreaped so that its number stays its own."""
        if self._popen.returncode is not None:
            return True
        return os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _read(self) -> None:
        """Take what the pipes hold, waiting a moment for it."""
        if not self._selector.get_map():
            # It closed both outputs: mostly it ends at once, sometimes it works on in silence.
            time.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, _TICK_S)
            return
        for key, _ in self._selector.select(_TICK_S):
            pipe: IO[bytes] = key.fileobj  # type: ignore[assignment] # registered in _started
            chunk = os.read(pipe.fileno(), _CHUNK_BYTES)
            if not chunk:
                self._selector.unregister(pipe)
                pipe.close()
            key.data.feed(chunk)

    def end(self) -> None:
        """End the program's group: SIGTERM, a grace period in which it is still heard, SIGKILL."""
        if self._popen.returncode is not None:
            return
        for key in list(self._selector.get_map().values()):
            key.data.sinks = self._kept
        try:
            if not self._has_ended():
                self._signal(signal.SIGTERM)
                self.attend(GRACE_S, heeding=False)
        finally:
            self.reap()

    def reap(self) -> int:
        """Kill what is left of the group and return the program's return code, as `Popen` has it."""
        if self._popen.returncode is None:
            self._signal(signal.SIGKILL)
        return self._popen.wait()

    def _signal(self, number: signal.Signals) -> None:
        """Signal the program's group; as its leader has not been reaped, the number cannot be another's."""
        # PermissionError: it changed its user; nothing of ours is left to end.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)


def _why_not(program: str, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        if os.path.exists(program):  # noqa: PTH110 - a str as typed
            return "the interpreter in its first line does not exist"
        return "no such file" if os.sep in program else "no such program in PATH"
    if isinstance(error, PermissionError):
        return "it may not be executed"
    return getattr(error, "strerror", None) or str(error)
