"""Run one unit in a session of its own: it survives the connection, and its result is on the disk first.

UNIT/
   request.json   what to run
   lock           held by the runner
   work/          the command's working directory
   cm/            its home: results, records
   answer.txt, log.txt, outputs.tar.gz, result.json
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlperf_home.fleet.machine_side.leftovers import MARK, end_leftovers
from mlperf_home.fleet.machine_side.locks import hold_machine, holder, lock, open_lock, release
from mlperf_home.fleet.machine_side.outputs import PRODUCT_HOME, error_in, pack, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import FrameType

_GRACE_S = 10.0
_STOPPED, _DEADLINE = "stopped", "deadline"


class _Ended(Exception):  # noqa: N818 - it reads as the event it is
    """The unit is to end before its command does; the argument is the state."""


def start(unit: Path) -> dict[str, Any]:
    """Start the runner of a unit, unless it runs or has ended, or the machine is in use; return at once."""
    own = open_lock(unit / "lock")
    if not lock(own):
        return {"state": "running"}
    if (unit / "result.json").exists():
        return {"state": "ended"}
    request = json.loads((unit / "request.json").read_text(encoding="utf-8"))
    end_leftovers(request["unit"])
    machine = hold_machine(request["lock_dir"], request["cpus"])
    if not machine:
        return {"state": "busy", "by": holder(unit.parent.parent, request["lock_dir"], request["cpus"])}
    if os.fork():
        return {"state": "started"}
    # The child: nothing of the connection is kept but the locks.
    os.setsid()
    log = os.open(unit / "runner.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (0, 1, 2):
        os.dup2(log if stream else os.open(os.devnull, os.O_RDONLY), stream)
    try:
        _run(unit, request, machine)
    except BaseException:  # noqa: BLE001 - nobody else sees it; the log is packed with the outputs of a later attempt
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)  # the parent's Python ends by itself


def run_here(unit: Path) -> dict[str, Any]:
    """Run a unit in this process, which a queue has started for it; wait until nobody else measures on its CPUs."""
    # Slurm's warning before it ends a job, by Submitit's wish: a unit has its own deadline, before that.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    own = open_lock(unit / "lock")
    if not lock(own):
        return {"state": "running"}
    if (unit / "result.json").exists():
        return {"state": "ended"}
    request = json.loads((unit / "request.json").read_text(encoding="utf-8"))
    end_leftovers(request["unit"])
    _run(unit, request, hold_machine(request["lock_dir"], request["cpus"], wait=True))
    return {"state": "ended"}


def _run(unit: Path, request: dict[str, Any], machine: Sequence[int]) -> None:
    folder = unit.parent.parent
    running = folder / "running"
    running.write_text(request["described"], encoding="utf-8")
    (unit / "pid").write_text(f"{os.getpid()}\n", encoding="ascii")
    _make_home(folder, unit)
    began, start_ns = time.time(), time.monotonic_ns()
    state, code, problem = _await_command(unit, request, machine)
    seconds = (time.monotonic_ns() - start_ns) / 1e9
    end_leftovers(request["mark"])
    running.unlink(missing_ok=True)
    # The machine is free; what follows disturbs the next unit less than a wait for the controller would.
    digest, size = "", 0
    try:
        digest, size = pack(unit)
    except OSError as error:
        state, problem = "failed", f"its outputs cannot be packed: {error.strerror}; free space there"
    result = {
        "unit": request["unit"], "state": state, "exit_code": code, "seconds": seconds, "began_s": began,
        "outputs": digest, "outputs_bytes": size, "problem": problem, "node": os.uname().nodename,
    }  # fmt: skip
    write_json(unit / "result.json", result)
    release(machine)


def _make_home(folder: Path, unit: Path) -> None:
    """Make the folders of an attempt; what units share lies in the fleet's folder."""
    for name in ("work", "cm"):
        shutil.rmtree(unit / name, ignore_errors=True)
    (unit / "work").mkdir()
    home = unit / "cm" / PRODUCT_HOME
    home.mkdir(parents=True)
    for name in ("state", "downloads"):
        (folder / name).mkdir(exist_ok=True)
        (home / name).symlink_to(folder / name)


def _await_command(unit: Path, request: dict[str, Any], machine: Sequence[int]) -> tuple[str, int | None, str]:
    """Run the command to its end; return the state, the exit status, and what went wrong.

    A timer of the kernel keeps the deadline, so that this process sleeps while the command measures.
    """
    signal.signal(signal.SIGTERM, _end_as(_STOPPED))
    signal.signal(signal.SIGALRM, _end_as(_DEADLINE))
    process = None
    try:
        if request["cpus"]:
            os.sched_setaffinity(0, request["cpus"])
        with (unit / "answer.txt").open("wb") as answer, (unit / "log.txt").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - an argv list, no shell
                request["argv"], cwd=unit / "work", stdin=subprocess.DEVNULL, stdout=answer, stderr=log,
                env={**os.environ, **request["env"], MARK: request["mark"]}, pass_fds=machine, start_new_session=True,
            )  # fmt: skip
        if request["deadline_s"]:
            signal.setitimer(signal.ITIMER_REAL, request["deadline_s"])
        code = process.wait()
    except _Ended as ended:
        _end(process)
        return str(ended), process.returncode if process else None, f"ended: {ended}"
    except OSError as error:
        return "failed", None, f"{error.filename or request['argv'][0]}: {error.strerror}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if code == 0:
        return "done", code, ""
    told = error_in(unit / "answer.txt")
    return "failed", code, f"ended by signal {-code}" if code < 0 else told or f"exit status {code}"


def _end_as(state: str) -> Any:
    def raise_ended(_number: int, _frame: FrameType | None) -> None:
        raise _Ended(state)

    return raise_ended


def _end(process: subprocess.Popen[bytes] | None) -> None:
    """End a command with its group: SIGTERM, a grace period, SIGKILL."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if process is None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
