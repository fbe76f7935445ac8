"""`python -m mlperf_home.harness.many [--import MODULE ...]`: many LoadGen runs, each in a process of its own.

Short runs cost more to start than they last: a new interpreter, NumPy and the engine's library take a second. So this
process imports them once, opens nothing, and forks for each run. A run opens the engine and LoadGen anew, as in a new
interpreter: what differs from process to process differs from run to run, and the figures are LoadGen's.

Standard input has a `RunOrder` a line; when a run has ended, standard output gets an `Ended` after the run's own lines.
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

from mlperf_home.contracts.codec import parse_document, to_line
from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.contracts.job import read_job
from mlperf_home.contracts.progress import Ended, RunOrder
from mlperf_home.harness.child import die_with_parent
from mlperf_home.harness.loadgen import import_loadgen
from mlperf_home.harness.supervisor import Signals, supervise
from mlperf_home.harness.worker import work

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALWAYS = ("numpy", "mlperf_home.datasets.imagenet.samples")


class Forked:
    """A forked process that runs one job, as `supervisor.Child` has it."""

    def __init__(self, job_path: Path, descriptor: int) -> None:
        """Fork, and let the child work on the job."""
        parent = os.getpid()
        sys.stdout.flush()
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            try:
                # What a new interpreter has: default signals, nothing on standard input, a group of its own.
                signal.set_wakeup_fd(-1)
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
                    signal.signal(number, signal.SIG_DFL)
                os.setpgid(0, 0)
                with Path(os.devnull).open("rb") as nothing:
                    os.dup2(nothing.fileno(), 0)
                work(job_path, descriptor, parent)
            finally:
                os._exit(ExitStatus.INTERNAL)
        with suppress(OSError):  # it may have done so itself, and ended
            os.setpgid(self.pid, self.pid)

    def poll(self) -> int | None:
        """Return how it ended, or None."""
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode

    def wait(self) -> int:
        """Wait for its end; a signal is a negative number."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def main() -> int:
    """Run jobs until standard input ends; return the exit status."""
    parser = argparse.ArgumentParser(prog="mlperf_home.harness.many", description="many LoadGen runs")
    parser.add_argument("--import", dest="modules", action="append", default=[], help="a module to import beforehand")
    arguments = parser.parse_args()
    die_with_parent(os.getppid())
    # What cannot be imported is an error of the run that needs it, in its own words.
    with suppress(HarnessError):
        import_loadgen()
    for name in (*_ALWAYS, *arguments.modules):
        with suppress(ImportError, AttributeError):
            importlib.import_module(name)
    signals = Signals()
    for order in _orders(signals):
        path, status, message = order.job, ExitStatus.COMPLETE, ""
        try:
            supervise(read_job(path), path, None if order.new_interpreter else Forked, signals)
        except HarnessError as error:
            status, message = error.status, str(error)
        print(to_line(Ended(status=int(status), message=message)), flush=True)
    return int(ExitStatus.INTERRUPTED) if signals.received else int(ExitStatus.COMPLETE)


def _orders(signals: Signals) -> Iterator[RunOrder]:
    """Yield what standard input asks for, until it ends or a signal comes."""
    rest = b""
    while signals.received is None:
        if 0 not in select.select([0, signals.descriptor], [], [])[0]:
            os.read(signals.descriptor, 4096)
            continue
        chunk = os.read(0, 65_536)
        if not chunk:
            return
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield parse_document(line, RunOrder, "standard input")


if __name__ == "__main__":
    sys.exit(main())
