"""Run one of the programs by its name, and print its answer as one line of JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def _facts(folder: str, lock_dir: str, cpus: str) -> dict[str, Any]:
    from mlperf_home.fleet.machine_side.facts import facts  # noqa: PLC0415 - each program needs its own modules alone

    return facts(Path(folder), lock_dir, json.loads(cpus))


def _install(folder: str, digest: str) -> dict[str, Any]:
    from mlperf_home.fleet.machine_side.environment import install  # noqa: PLC0415 - as above

    return install(Path(folder), digest)


def _digest(path: str) -> dict[str, Any]:
    from mlperf_home.fleet.machine_side.outputs import sha256_of  # noqa: PLC0415 - as above

    return {"sha256": sha256_of(Path(path))}


def _start(unit: str) -> dict[str, Any]:
    from mlperf_home.fleet.machine_side.runner import start  # noqa: PLC0415 - as above

    return start(Path(unit))


def _run(unit: str) -> dict[str, Any]:
    from mlperf_home.fleet.machine_side.runner import run_here  # noqa: PLC0415 - as above

    return run_here(Path(unit))


def _ended(unit: str) -> dict[str, Any]:
    from mlperf_home.fleet.machine_side.waiting import ended  # noqa: PLC0415 - as above

    return ended(Path(unit))


def _outcome(unit: str) -> dict[str, Any]:
    from mlperf_home.fleet.machine_side.waiting import outcome  # noqa: PLC0415 - as above

    return outcome(Path(unit))


def _free(lock_dir: str, cpus: str) -> dict[str, Any]:
    from mlperf_home.fleet.machine_side.waiting import free  # noqa: PLC0415 - as above

    return free(lock_dir, json.loads(cpus))


def _stop(unit: str) -> dict[str, Any]:
    from mlperf_home.fleet.machine_side.waiting import stop  # noqa: PLC0415 - as above

    return stop(Path(unit))


_PROGRAMS: dict[str, Callable[..., dict[str, Any]]] = {
    "facts": _facts,
    "install": _install,
    "digest": _digest,
    "start": _start,
    "run": _run,
    "ended": _ended,
    "outcome": _outcome,
    "free": _free,
    "stop": _stop,
}


def main() -> None:
    """Print the answer of a program; an error of the operating system is an answer too."""
    name, *arguments = sys.argv[1:]
    try:
        answer = _PROGRAMS[name](*arguments)
    except OSError as error:
        answer = {"state": "failed", "problem": f"{error.filename or name}: {error.strerror}"}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
