"""Which shapes the engine is prepared for: given, fixed, stored from an earlier calibration, or measured now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.engines.base import BackendError, Grid, Request
from mlperf_home.engines.calibration import Calibration, Candidates, calibrate, default_candidates
from mlperf_home.engines.cores import usable_cores
from mlperf_home.engines.lengths import LENGTHS
from mlperf_home.harness.preparation.calibration_store import CalibrationKey, find_stored, make_key, store
from mlperf_home.harness.preparation.opening import make_backend

if TYPE_CHECKING:
    from mlperf_home.contracts.job import Job
    from mlperf_home.harness.processes.progress import Progress

_NOTHING_TO_MEASURE = {"echo"}
# Engines of which two with a thread each are faster than one with two: 1.95 against 1.6 to 1.9 times one thread.
_ONE_STREAM_A_CORE = {"tflite", "litert"}


@dataclass(frozen=True)
class ChosenGrid:
    """A grid and where it comes from.

    Attributes:
        grid: the shapes.
        origin: "given" by the job; "fixed": nothing to choose; "stored" or "calibrated": measured, then or now.
        calibration: what was measured, as JSON values, or None.
    """

    grid: Grid
    origin: str
    calibration: dict[str, Any] | None = None


def choose_grid(job: Job, *, has_lengths: bool, model_sha256: str | None, progress: Progress) -> ChosenGrid:
    """Give the job's grid; what the job leaves open is measured, or taken from an earlier measurement.

    Raises:
        HarnessError: the engine refuses the model.
    """
    settled = _settled(job, has_lengths=has_lengths)
    if settled is not None:
        return settled
    try:
        candidates = _candidates(job)
        key = make_key(job, candidates, model_sha256)
        stored = find_stored(job.calibration_path, key)
        if stored is not None:
            return ChosenGrid(stored.grid, "stored", stored.to_json())
        progress.tell("calibrating")
        measured = _measure(job, candidates, key)
    except BackendError as error:
        raise HarnessError(ExitStatus.BACKEND_REFUSED, str(error)) from None
    return ChosenGrid(measured.grid, "calibrated", measured.to_json())


def _settled(job: Job, *, has_lengths: bool) -> ChosenGrid | None:
    """Give the grid where nothing is left to measure, or None."""
    choice = job.backend
    lengths = (choice.lengths or LENGTHS) if has_lengths else ()
    batch_sizes = _spread(choice.batch_sizes or (1,), lengths)
    if choice.batch_sizes is not None and choice.streams is not None:
        return ChosenGrid(Grid(lengths, batch_sizes, choice.streams), "given")
    if job.scenario == "SingleStream" or not has_lengths or choice.name in _NOTHING_TO_MEASURE:
        return ChosenGrid(Grid(lengths, batch_sizes, choice.streams or _usual_streams(job)), "fixed")
    return None


def _usual_streams(job: Job) -> int:
    if job.scenario == "SingleStream" or job.backend.name not in _ONE_STREAM_A_CORE:
        return 1
    return usable_cores(job.backend.cores)


def _spread(batch_sizes: tuple[int, ...], lengths: tuple[int, ...]) -> tuple[int, ...]:
    return batch_sizes * len(lengths) if lengths and len(batch_sizes) == 1 else batch_sizes


def _candidates(job: Job) -> Candidates:
    choice = job.backend
    usual = default_candidates(usable_cores(choice.cores), choice.lengths or LENGTHS)
    # Outside Offline few samples of one length wait together, and an engine fills a batch up with copies.
    batch_sizes = usual.batch_sizes if job.scenario == "Offline" else (1,)
    return Candidates(
        usual.lengths,
        batch_sizes if choice.batch_sizes is None else tuple(sorted(set(choice.batch_sizes))),
        usual.streams if choice.streams is None else (choice.streams,),
    )


def _measure(job: Job, candidates: Candidates, key: CalibrationKey) -> Calibration:
    choice = job.backend
    request = Request(choice.model_path, job.work_dir, Grid(), cores=choice.cores, options=choice.options)
    measured = calibrate(lambda: make_backend(choice.name), request, candidates)
    if job.calibration_path is not None:
        store(job.calibration_path, key, measured)
    return measured
