"""The request for a unit on a machine, whatever brings it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.contracts.fleet.units import UnitRequest
from mlperf_home.fleet.controller.visits import cpus_of
from mlperf_home.fleet.unit_words import words_on

if TYPE_CHECKING:
    from mlperf_home.contracts.fleet.job import FleetJob
    from mlperf_home.contracts.fleet.machines import FleetMachine
    from mlperf_home.contracts.fleet.units import Unit

# Slurm's signal before the end of a job (30 s), the minute that it may be early, and the packing of outputs.
_ENDING_S = 180.0


def unit_folder(folder: str, unit: Unit, attempt: int) -> str:
    """Return the folder of an attempt of a unit, in the fleet's folder on its machine."""
    return f"{folder}/units/{unit.digest[:32]}-{attempt}"


def request_of(machine: FleetMachine, job: FleetJob, unit: Unit, attempt: int, folder: str, python: str) -> UnitRequest:
    """Return the request for an attempt of a unit; `folder` is the fleet's folder there, `python` that of ours."""
    return UnitRequest(
        unit=unit.digest,
        mark=f"{unit.digest}-{attempt}",
        argv=(python, "-m", "mlperf_home", *words_on(machine, unit.words), "--out=json"),
        env={
            "CM_REPOS": f"{unit_folder(folder, unit, attempt)}/cm",
            "MLPERF_HOME_CACHE": f"{folder}/cache",
            "PYTHONDONTWRITEBYTECODE": "1",
            **machine.env,
        },
        cpus=tuple(cpus_of(machine)),
        lock_dir=machine.lock_dir,
        deadline_s=deadline_of(machine, job),
        described=f"the fleet {job.name}: {' '.join(unit.words)}"[:200],
    )


def deadline_of(machine: FleetMachine, job: FleetJob) -> float | None:
    """Return the time limit of a unit: it ends before its job in a queue does, so that it has a result."""
    limits = [] if job.deadline_s is None else [job.deadline_s]
    if machine.slurm.time_limit is not None:
        limits.append(machine.slurm.time_limit * 60 - _ENDING_S)
    return min(limits, default=None)
