"""The kept calibrations of a machine: reading, writing, and the reasons to make one anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.contracts.runs.grids import CalibrationStore, Confirmation, StoredCalibration
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlperf_home.contracts.runs.grids import Calibration, CalibrationKey
    from mlperf_home.contracts.runs.job import Job
    from mlperf_home.loadgen_logs.run_log import LoadGenResult

FAR_BELOW = 0.75
"""A run below this share of the promised rate does not confirm a calibration.

Two runs with one grid differed by 8 %, and grids that luck had chosen by a third; the end of an Offline query and
LoadGen itself cost a few percent more.
"""
LEAST_RUN_S = 10.0
"""Shorter runs confirm nothing: the machine's states last longer, and the last batches weigh too much."""
_MOST_UNCONFIRMED = 2
"""A calibration that was made anew for this number of unconfirmed runs stays: more would choose the same."""
_TAIL = "90.00"
_MEASURES = {"performance", "find-performance"}


def find_calibration(path: Path | None, key: CalibrationKey) -> Calibration | None:
    """Return the kept calibration of a key; None if there is none or the file is no calibration store."""
    if path is None or key.model_sha256 is None:
        return None
    return next((entry.calibration for entry in _kept(path) if entry.key == key), None)


def keep_calibration(path: Path, key: CalibrationKey, calibration: Calibration) -> None:
    """Keep a calibration in place of the one with its key; the file is replaced as a whole.

    Raises:
        HarnessError: the file cannot be written.
    """
    others = (entry for entry in _kept(path) if entry.key != key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_document(path, CalibrationStore(entries=(*others, StoredCalibration(key=key, calibration=calibration))))
    except OSError as error:
        problem = f"{path}: calibration_path cannot be written ({error.strerror}); name another file"
        raise HarnessError(ExitStatus.BAD_OUTPUT, problem) from None


def stale_because(kept: Calibration, job: Job, budget_s: float, is_quiet: Callable[[], bool]) -> str | None:
    """Return the reason to calibrate anew, or None to use the kept calibration.

    An accuracy run uses what the performance run of the same result used, unless the user asks for another.
    """
    if job.recalibrate_since is not None and (kept.made_utc or "") < job.recalibrate_since:
        return "--recalibrate"
    if job.mode not in _MEASURES or job.same_calibration:
        return None
    return doubtful_because(kept, budget_s, is_quiet)


def doubtful_because(
    kept: Calibration, budget_s: float = 0.0, is_quiet: Callable[[], bool] = lambda: True
) -> str | None:
    """Return the reason to calibrate anew in a run with `budget_s`, or None if the calibration holds."""
    if kept.doubt is None:
        return "the kept one is of version 0.1, which did not compare its candidates side by side"
    confirmation, budget_before_s = kept.confirmation, kept.budget_s or 0.0
    if confirmation is not None and not confirmation.confirmed and kept.unconfirmed < _MOST_UNCONFIRMED:
        share = confirmation.reached_per_second / confirmation.promised_per_second
        return f"a run reached only {share:.0%} of the speed that the kept one promised"
    if not kept.settled and budget_s > budget_before_s:
        return f"the kept one had {budget_before_s:g} s, this one has {budget_s:g} s"
    disturbed = kept.disturbance is not None and kept.disturbance.disturbed_because
    if disturbed and is_quiet():
        return "the kept one was disturbed, and the machine is quiet now"
    return None


def reached_rate(job: Job, result: LoadGenResult) -> float | None:
    """Return a performance run's rate as calibrations measure it, in samples per second.

    None if they measure something else: a Server run keeps to its target, a MultiStream query waits for all samples.
    """
    if job.mode != "performance":
        return None
    if job.scenario == "Offline":
        return float(result.values.get("result_samples_per_second") or 0) or None
    tail_ns = result.percentiles_ns.get(_TAIL) if job.scenario == "SingleStream" else None
    return 1e9 / tail_ns if tail_ns else None


def confirm(calibration: Calibration, promised: float, reached: float) -> Calibration:
    """Return a calibration with the verdict of a performance run, both rates in samples per second."""
    confirmed = reached >= FAR_BELOW * promised
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    verdict = Confirmation(confirmed, round(reached, 3), round(promised, 3), now)
    return replace(calibration, confirmation=verdict, unconfirmed=calibration.unconfirmed + (not confirmed))


def _kept(path: Path) -> tuple[StoredCalibration, ...]:
    # An absent or broken file only costs a new calibration, which rewrites it.
    try:
        return read_document(path, CalibrationStore).entries
    except DocumentError:
        return ()
