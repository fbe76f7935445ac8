"""Run other programs: the only module that uses `subprocess`.

Programs are argv lists; there is no shell. Each child leads a session of its own, and
its whole process group is ended with it. The group gets SIGTERM, a grace period and
SIGKILL on Ctrl-C, on SIGTERM or SIGHUP to this process, at the time limit, and when a
callback for output lines raises. Processes that a program leaves behind in its session
are killed when it ends.

A limit: if this process is killed by SIGKILL, a child runs on until it writes to its
closed output. (Linux has PR_SET_PDEATHSIG for that, but Python can only set it through
`preexec_fn`, which may deadlock in a process with threads.)
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

from scriptgraph.process.interruption import Stopped, current_stop, end_signals_raise, is_hurried
from scriptgraph.process.outcome import Completed, ProcessFailed, describe_end
from scriptgraph.process.requests import Requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from scriptgraph.process.requests import Serve

    Sink = Callable[[str], None]

__all__ = ["Completed", "ProcessFailed", "capture", "describe_end", "run", "run_in_foreground"]

GRACE_S = 5.0
LINGER_S = 1.0
LAST_LINES = 20
LONGEST_LINE = 1 << 20
_TICK_S = 0.05
_CHUNK_BYTES = 1 << 16


def run(  # noqa: PLR0913 - callers name all arguments but the first
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    on_line: Sink | None = None,
    on_error_line: Sink | None = None,
    timeout_s: float | None = None,
    echo: Sink | None = None,
    serve: Serve | None = None,
) -> Completed:
    """Run a program to its end and append the lines of both outputs to a log as they arrive.

    Args:
        argv: the program, looked up in the PATH of `env` if it is a bare name, and its arguments.
        env: the program's whole environment.
        cwd: its working directory.
        log: the log; its folder is made if absent.
        on_line: called in the caller's thread with each line of standard output.
        on_error_line: called likewise with each line of standard error.
        timeout_s: the time limit in seconds; None for none.
        echo: called likewise with each line of both outputs, also while the program is ended.
        serve: called likewise with each request of a program that asks for more while it runs; returns the reply. See
            `scriptgraph.process.requests`.

    Returns:
        The outcome, also of a failure; see `Completed.require_success`.

    Raises:
        ProcessFailed: the program could not be started, or exceeded the time limit.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", buffering=1) as log_file:

            def write_line(line: str) -> None:
                log_file.write(f"{line}\n")
                if echo is not None:
                    echo(line)

            child = _Child(argv, write_line, on_line, on_error_line)
            return child.completed(env, cwd, timeout_s, log, requests=Requests(serve) if serve else None)
    except OSError as error:
        if error.filename not in {None, str(log), str(log.parent)}:
            raise
        problem = f"has no log: {log} cannot be written ({error.strerror}); make its folder writable"
        raise ProcessFailed(argv[0], problem) from error


def capture(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float | None = 60.0,
    stdin: Path | None = None,
) -> str:
    """Run a program with short output and return its standard output.

    `env` and `cwd` default to those of this process; `stdin` is a file, by default an empty one. The time limit is in
    seconds.

    Raises:
        ProcessFailed: the program could not be started, failed, or exceeded the time limit.
    """
    lines: list[str] = []
    child = _Child(argv, lambda _line: None, lines.append)
    child.completed(os.environ if env is None else env, cwd, timeout_s, stdin=stdin).require_success()
    return "".join(f"{line}\n" for line in lines)


def run_in_foreground(argv: Sequence[str], env: Mapping[str, str] | None = None) -> int:
    """Run a program that shares this process's terminal, outputs and Ctrl-C; `env` defaults to that of this process.

    Returns:
        Its exit status; 128 plus the signal's number if a signal ended it.

    Raises:
        ProcessFailed: the program could not be started.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        child = subprocess.Popen(argv, env=env)  # noqa: S603 - an argv list, no shell
    except OSError as error:
        raise ProcessFailed(argv[0], f"could not be started: {error.strerror}") from error
    while True:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            continue  # the program received Ctrl-C too and decides for itself
        return code if code >= 0 else 128 - code


class _Lines:
    """Decode bytes and pass complete lines to each of the sinks.

    Newline, carriage return and both together end a line: each state of a progress bar is a line of its own. Bytes
    that are not UTF-8 become U+FFFD. Lines are split at `LONGEST_LINE` characters, so that endless output without
    newlines does not fill the memory.
    """

    def __init__(self, *sinks: Sink) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self.sinks, self._rest = sinks, ""

    def feed(self, chunk: bytes) -> None:
        """Pass on the lines that `chunk` completes; an empty chunk ends the stream and its last line."""
        text = self._rest + self._decoder.decode(chunk, final=not chunk)
        *lines, self._rest = text.split("\n")
        if self._rest and (not chunk or len(self._rest) > LONGEST_LINE):
            lines.append(self._rest)
            self._rest = ""
        for line in lines:
            for sink in self.sinks:
                sink(line)


class _Child:
    """A program, its two pipes, and the sinks of its lines."""

    _popen: subprocess.Popen[bytes]

    def __init__(
        self, argv: Sequence[str], write_line: Sink, on_line: Sink | None, on_error_line: Sink | None = None
    ) -> None:
        self.argv, self._sinks = tuple(argv), (on_line, on_error_line)
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._log_sinks = (self.last_lines.append, write_line)
        self._selector = selectors.DefaultSelector()
        self._pause_s = 0.001

    def completed(
        self,
        env: Mapping[str, str],
        cwd: Path | None,
        timeout_s: float | None,
        log: Path | None = None,
        stdin: Path | None = None,
        requests: Requests | None = None,
    ) -> Completed:
        """Run the program to its end; an interruption of this process ends it too."""
        start_ns = time.time_ns()
        with end_signals_raise(), self._started(env, cwd, stdin, requests):
            if not self.wait(timeout_s):
                self.end()
                problem = f"did not end within {timeout_s:g} s and was stopped"
                raise ProcessFailed(self.argv[0], problem, tuple(self.last_lines), log)
            code = self.reap()
        status, ended_by = (code, None) if code >= 0 else (None, -code)
        return Completed(self.argv, status, ended_by, start_ns, time.time_ns(), tuple(self.last_lines), log)

    @contextmanager
    def _started(
        self, env: Mapping[str, str], cwd: Path | None, stdin: Path | None, requests: Requests | None
    ) -> Iterator[None]:
        program = self.argv[0]
        if cwd is not None and not cwd.is_dir():
            raise ProcessFailed(program, f"could not be started: its working directory {cwd} does not exist")
        pipe = subprocess.PIPE
        try:
            with open(stdin or os.devnull, "rb") as input_file:  # noqa: PTH123 - the null device has no Path
                self._popen = subprocess.Popen(  # noqa: S603 - an argv list, no shell
                    self.argv,
                    env={**env, **(requests.environment if requests else {})},
                    cwd=cwd,
                    stdin=input_file,
                    stdout=pipe,
                    stderr=pipe,
                    start_new_session=True,
                    pass_fds=requests.passed if requests else (),
                )
        except (OSError, ValueError) as error:
            raise ProcessFailed(program, f"could not be started: {_start_problem(program, error)}") from error
        with self._selector, self._popen:  # Popen's context manager closes the pipes
            try:
                for output, sink in zip((self._popen.stdout, self._popen.stderr), self._sinks, strict=True):
                    assert output is not None  # noqa: S101 - both are pipes
                    os.set_blocking(output.fileno(), False)
                    lines = _Lines(*self._log_sinks, *([sink] if sink else []))
                    self._selector.register(output, selectors.EVENT_READ, lines)
                if requests is not None:
                    self._selector.register(requests.started(), selectors.EVENT_READ, requests)
                yield
            finally:
                self.end()
                if requests is not None:
                    requests.close()

    def wait(self, timeout_s: float | None, *, stoppable: bool = True) -> bool:
        """Read the pipes until the program has ended and they are closed; return False at the time limit.

        Processes that the program left behind keep its pipes open; reading then stops `LINGER_S` after its end.

        Raises:
            Stopped: the thread's stop flag is set, and the wait is `stoppable`.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        linger: float | None = None
        stop = current_stop() if stoppable else None
        while True:
            now = time.monotonic()
            if linger is None and self._has_ended():
                linger = now + LINGER_S
            if linger is not None and (now > linger or not self._selector.get_map()):
                for key in list(self._selector.get_map().values()):
                    key.data.feed(b"")  # passes on a last line without a newline
                return True
            if linger is None and deadline is not None and now > deadline:
                return False
            if linger is None and stop is not None and stop.is_set():
                raise Stopped
            if not stoppable and is_hurried():
                return False
            self._read()

    def _has_ended(self) -> bool:
        """Whether the program has ended; it stays unreaped, so that its process id is not reused."""
        if self._popen.returncode is not None:
            return True
        return os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _read(self) -> None:
        """Read what the pipes hold, waiting up to `_TICK_S` for it."""
        if not self._selector.get_map():
            # Both outputs are closed: most programs end at once, a few run on in silence.
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
        """End the program's group: SIGTERM, a grace period in which its output is still logged, SIGKILL."""
        if self._popen.returncode is not None:
            return
        for key in list(self._selector.get_map().values()):
            key.data.sinks = self._log_sinks
        try:
            if not self._has_ended():
                self._signal(signal.SIGTERM)
                self.wait(GRACE_S, stoppable=False)
        finally:
            self.reap()

    def reap(self) -> int:
        """Kill the rest of the group and return `Popen.returncode`."""
        if self._popen.returncode is None:
            self._signal(signal.SIGKILL)
        return self._popen.wait()

    def _signal(self, number: signal.Signals) -> None:
        """Signal the program's group; its leader is unreaped, so the id cannot belong to another group."""
        # PermissionError: the program changed its user and can no longer be signalled.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)


def _start_problem(program: str, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        if os.path.exists(program):  # noqa: PTH110 - a str as typed
            return "the interpreter in its first line does not exist"
        return "no such file" if os.sep in program else "it is not in PATH; install it"
    if isinstance(error, PermissionError):
        return "it is not executable"
    return getattr(error, "strerror", None) or str(error)
