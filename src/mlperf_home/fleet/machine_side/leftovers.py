"""End what an attempt of a unit has left behind, which the variable of its environment marks."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

MARK = "MLPERF_HOME_FLEET_UNIT"
_ROUNDS = 20


def end_leftovers(mark: str) -> int:
    """Kill every process of this account whose mark begins with `mark`; return their number.

    Each round may find the children that the last one's processes had just started.
    """
    ended = 0
    for _ in range(_ROUNDS):
        found = marked(mark)
        if not found:
            break
        for process in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        ended += len(found)
        for process in found:
            _await_end(process)
    return ended


def marked(mark: str) -> list[int]:
    """Return the running processes whose mark begins with `mark`, but for this one."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with suppress(OSError):
            if any(each.startswith(wanted) for each in (folder / "environ").read_bytes().split(b"\0")):
                found.append(int(folder.name))
    return found


def _await_end(process: int) -> None:
    """Wait until a killed process has ended, or has become another's to await."""
    with suppress(OSError):
        descriptor = os.pidfd_open(process)
        try:
            import select  # noqa: PLC0415 - a unit leaves processes behind only if its runner was killed

            select.select([descriptor], [], [], 5.0)
        finally:
            os.close(descriptor)
