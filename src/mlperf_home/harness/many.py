"""`python -m mlperf_home.harness.many [--import MODULE ...]`: many LoadGen runs, each in a process of its own.

The start of a new interpreter with NumPy and the engine's library takes a second, longer than a short run. This process
imports them once and forks for each run. It opens no engine: each run opens the engine and LoadGen itself, as in a new
interpreter, so that effects of a process vary between runs.

Standard input has one `RunOrder` per line. Standard output has the progress lines of each run, then an `EndedEvent`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import parse_document, print_line
from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.contracts.runs.job import read_job
from mlperf_home.contracts.runs.progress import EndedEvent, RunOrder
from mlperf_home.harness.child import die_with_parent
from mlperf_home.harness.loadgen import import_loadgen
from mlperf_home.harness.supervisor import Signals, supervise
from mlperf_home.harness.worker import run_job

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALWAYS = ("numpy", "mlperf_home.datasets.imagenet.samples")


class ForkedChild:
    """A forked process that runs one job; it implements `supervisor.Child`."""

    def __init__(self, job_path: Path, descriptor: int) -> None:
        """Fork; the child runs the job and writes its heartbeats to the descriptor."""
        parent = os.getpid()
        sys.stdout.flush()
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            try:
                # As in a new interpreter: default signals, an empty standard input, a process group of its own.
                signal.set_wakeup_fd(-1)
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
                    signal.signal(number, signal.SIG_DFL)
                os.setpgid(0, 0)
                with Path(os.devnull).open("rb") as empty:
                    os.dup2(empty.fileno(), 0)
                run_job(job_path, descriptor, parent)
            finally:
                os._exit(ExitStatus.INTERNAL)
        with suppress(OSError):  # the child may have ended already
            os.setpgid(self.pid, self.pid)

    def poll(self) -> int | None:
        """Return the exit code, or None while the child runs."""
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode

    def wait(self) -> int:
        """Wait for the child; return its exit code, which is negative after a signal."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def main() -> int:
    """Run jobs until standard input ends; return the exit status."""
    parser = argparse.ArgumentParser(prog="mlperf_home.harness.many", description="many LoadGen runs")
    parser.add_argument("--import", dest="modules", action="append", default=[], help="a module to import beforehand")
    arguments = parser.parse_args()
    die_with_parent(os.getppid())
    # A failed import is reported by the run that needs the module.
    with suppress(HarnessError):
        import_loadgen()
    for name in (*_ALWAYS, *arguments.modules):
        with suppress(ImportError, AttributeError):
            importlib.import_module(name)
    signals = Signals()
    for order in _orders(signals):
        path, status, message = order.job, ExitStatus.COMPLETE, ""
        try:
            supervise(read_job(path), path, None if order.new_interpreter else ForkedChild, signals)
        except HarnessError as error:
            status, message = error.status, str(error)
        print_line(EndedEvent(status=int(status), message=message))
    return int(ExitStatus.INTERRUPTED) if signals.received else int(ExitStatus.COMPLETE)


def _orders(signals: Signals) -> Iterator[RunOrder]:
    """Yield the orders on standard input until its end or a signal."""
    rest = b""
    while signals.received is None:
        if 0 not in select.select([0, signals.descriptor], [], [])[0]:
            os.read(signals.descriptor, 4096)
            continue
        chunk = os.read(0, 65_536)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield parse_document(line, RunOrder, "standard input")


if __name__ == "__main__":
    sys.exit(main())
