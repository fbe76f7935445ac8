"""The engine, the samples and the grid of a job.

A grid comes from the job, from the only choice, from a kept calibration, or from a new one; so do the threads of a
TFLite engine with one stream. Calibrations are kept for later runs of the same model with the same engine on the same
cores.
"""

from __future__ import annotations

import importlib
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.contracts.runs.grids import Calibration, CalibrationKey, Candidates, Grid, calibration_words
from mlperf_home.contracts.runs.progress import CalibratedEvent, CalibratingEvent
from mlperf_home.datasets.base import DatasetError, PartOfSamples
from mlperf_home.engines import registry
from mlperf_home.engines.base import LENGTHS, BackendError, EngineSetup
from mlperf_home.engines.calibration.calibrate import calibrate
from mlperf_home.engines.calibration.quiet import QuietWatch
from mlperf_home.engines.calibration.shapes import default_candidates, grid_contest, thread_contest, thread_counts
from mlperf_home.engines.engine import usable_cores
from mlperf_home.harness.calibrations import find_calibration, keep_calibration, stale_because
from mlperf_home.machine.cpu.cpuinfo import read_cpuinfo
from mlperf_home.machine.cpu.placement import node_count, place_streams, read_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlperf_home.contracts.runs.grids import GridOrigin
    from mlperf_home.contracts.runs.job import Job, JobOptions
    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.base import Backend
    from mlperf_home.harness.child import Progress
    from mlperf_home.machine.cpu.placement import PhysicalCore

_DATASETS = {
    "squad": "mlperf_home.datasets.squad.samples:SquadSamples",
    "imagenet": "mlperf_home.datasets.imagenet.samples:ImagenetSamples",
}
_NOTHING_TO_MEASURE = {"echo"}
# With these engines for images, two single-threaded streams reach 1.95 times the speed of one thread; one stream with
# two threads reaches 1.6 to 1.9 times.
_ONE_STREAM_A_CORE = {"tflite", "litert", "onnxruntime", "openvino"}
# Other engines place the threads of their streams themselves, or run in processes that `ProcessesSut` places.
_PLACED_HERE = {"onnxruntime"}
_DISTRIBUTIONS = {"tflite": "tflite-runtime", "litert": "ai-edge-litert"}
_SHARE_OF_LIMIT = 0.25  # of a run's time limit, for a calibration


def installed_version(distribution: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    with suppress(metadata.PackageNotFoundError, ValueError):
        return metadata.version(distribution)
    return None


def make_backend(name: str) -> Backend:
    """Make a backend by its registered name or from `module:callable`; it is not open.

    Raises:
        HarnessError: there is no backend of this name.
    """
    if ":" in name:
        backend: Backend = _import_attribute(name)()
        return backend
    try:
        return registry.make(name)
    except BackendError as error:
        raise HarnessError(ExitStatus.BACKEND_REFUSED, str(error)) from None


def open_samples(job: Job) -> Samples:
    """Open the job's dataset.

    Raises:
        HarnessError: the dataset's kind is unknown, or its folder is unusable or empty.
    """
    kind = job.dataset.kind
    if kind not in _DATASETS and ":" not in kind:
        known = ", ".join(sorted(_DATASETS))
        raise HarnessError(ExitStatus.BAD_JOB, f"dataset: kind: must be one of {known}, got {kind!r}")
    try:
        samples: Samples = _import_attribute(_DATASETS.get(kind, kind))(job.dataset.path)
    except DatasetError as error:
        raise HarnessError(ExitStatus.BAD_DATASET, str(error)) from None
    if samples.count < 1:
        raise HarnessError(ExitStatus.BAD_DATASET, f"{job.dataset.path}: the dataset is empty; make it again")
    part = job.dataset
    if part.after >= samples.count:
        problem = f"dataset: after: must be below {samples.count}, the number of samples, got {part.after}"
        raise HarnessError(ExitStatus.BAD_JOB, problem)
    return samples if part.first is None else PartOfSamples(samples, part.first, part.after)


def _import_attribute(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    try:
        factory: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        problem = f"{name!r} cannot be imported ({error}); check the name, and that its folder is on PYTHONPATH"
        raise HarnessError(ExitStatus.BAD_JOB, problem) from None
    return factory


@dataclass(frozen=True)
class ChosenGrid:
    """A grid, its origin, and the calibration that chose it with the key that it is kept under, or None."""

    grid: Grid
    origin: GridOrigin
    calibration: Calibration | None = None
    key: CalibrationKey | None = None

    def setup(self, job: Job, grid: Grid) -> EngineSetup:
        """Return the setup of the run's engine, with the chosen threads."""
        choice, threads = job.backend, self.calibration.threads if self.calibration else None
        options = choice.options if threads is None else {**choice.options, "threads": threads}
        places = places_of(job, grid, read_cores())
        return EngineSetup(choice.model_path, job.work_dir, grid, cores=choice.cores, options=options, places=places)


def places_of(job: JobOptions, grid: Grid, cores: Sequence[PhysicalCore]) -> tuple[frozenset[int], ...]:
    """Return the logical CPUs of each stream, if it matters where they are and nobody else places them; else ().

    It matters on machines with several nodes: a thread that moves to another node leaves its memory behind.
    """
    choice = job.backend
    own = grid.lengths or job.scenario == "SingleStream" or choice.name not in _PLACED_HERE or choice.cores is not None
    if own or node_count(cores) < 2:  # noqa: PLR2004 - within one node, all memory is equally far
        return ()
    threads = choice.options.get("threads") or max(1, len(cores) // grid.streams)
    return place_streams(cores, grid.streams, int(threads))


def choose_grid(job: Job, *, has_lengths: bool, model_sha256: str | None, progress: Progress) -> ChosenGrid:
    """Return the job's grid, and its threads; open choices come from a kept calibration or a new one.

    Raises:
        HarnessError: the engine refuses the model.
    """
    try:
        fixed = _fixed_grid(job, has_lengths=has_lengths)
        if fixed is not None and not _has_open_threads(job, fixed.grid, has_lengths=has_lengths):
            return fixed
        key = _calibration_key(job, model_sha256, None if fixed is None else fixed.grid)
        budget_s = job.calibration_s
        if job.time_limit_s is not None:
            budget_s = min(budget_s, _SHARE_OF_LIMIT * job.time_limit_s)
        kept, because = find_calibration(job.calibration_path, key), ""
        if kept is not None:
            stale = stale_because(kept, job, budget_s, QuietWatch(0.0).is_quiet_now)
            if stale is None:
                return ChosenGrid(kept.grid, "stored", kept, key)
            because = stale
        progress.write(CalibratingEvent(budget_s=budget_s, because=because))
        measured = _calibrate(job, key, budget_s, has_lengths=has_lengths)
        if kept is not None:
            measured = replace(measured, unconfirmed=kept.unconfirmed)
        progress.write(CalibratedEvent(words=calibration_words(measured)))
        if job.calibration_path is not None:
            keep_calibration(job.calibration_path, key, measured)
    except BackendError as error:
        raise HarnessError(ExitStatus.BACKEND_REFUSED, str(error)) from None
    return ChosenGrid(measured.grid, "calibrated", measured, key)


def _calibrate(job: Job, key: CalibrationKey, budget_s: float, *, has_lengths: bool) -> Calibration:
    choice, candidates = job.backend, key.candidates
    setup = EngineSetup(choice.model_path, job.work_dir, Grid(), cores=choice.cores, options=choice.options)
    contest = grid_contest(candidates) if has_lengths else thread_contest(key.cores, tail=candidates.metric == "tail")
    return calibrate(lambda: make_backend(choice.name), setup, contest, candidates.lengths, budget_s=budget_s)


def _has_open_threads(job: Job, grid: Grid, *, has_lengths: bool) -> bool:
    """Whether the threads of the only stream are open; several streams share the cores."""
    choice = job.backend
    if has_lengths or choice.name not in _ONE_STREAM_A_CORE or grid.streams > 1 or "threads" in choice.options:
        return False
    return usable_cores(choice.cores) > 1


def _fixed_grid(job: Job, *, has_lengths: bool) -> ChosenGrid | None:
    """Return the grid of a job that needs no calibration, or None."""
    choice = job.backend
    lengths = (choice.lengths or LENGTHS) if has_lengths else ()
    batch_sizes = choice.batch_sizes or (1,)
    if lengths and len(batch_sizes) == 1:
        batch_sizes *= len(lengths)
    if choice.batch_sizes is not None and choice.streams is not None:
        return ChosenGrid(Grid(lengths, batch_sizes, choice.streams), "given")
    if job.scenario == "SingleStream" or not has_lengths or choice.name in _NOTHING_TO_MEASURE:
        one_a_core = job.scenario != "SingleStream" and choice.name in _ONE_STREAM_A_CORE
        streams = choice.streams or (usable_cores(choice.cores) if one_a_core else 1)
        return ChosenGrid(Grid(lengths, batch_sizes, streams), "fixed")
    return None


def _calibration_key(job: Job, model_sha256: str | None, grid: Grid | None) -> CalibrationKey:
    """Return the setup of this job's calibration, with the candidates; `grid` is set if only threads are open."""
    choice, cores = job.backend, usable_cores(job.backend.cores)
    # On Arm, /proc/cpuinfo has no model name.
    names = (cpu.get("model name") for cpu in read_cpuinfo(Path("/")).processors)
    return CalibrationKey(
        model_sha256=model_sha256,
        backend=choice.name,
        backend_version=installed_version(_DISTRIBUTIONS.get(choice.name, choice.name)),
        options=dict(choice.options),
        cores=cores,
        processor=next((name for name in names if name is not None), None),
        candidates=_candidates(job, cores) if grid is None else _threads(job, cores, grid),
    )


def _candidates(job: Job, cores: int) -> Candidates:
    choice = job.backend
    usual = default_candidates(cores, choice.lengths or LENGTHS)
    # Outside Offline, few samples of one length wait together, and an engine fills its batches with copies.
    batch_sizes = usual.batch_sizes if job.scenario == "Offline" else (1,)
    return Candidates(
        usual.lengths,
        batch_sizes if choice.batch_sizes is None else tuple(sorted(set(choice.batch_sizes))),
        usual.streams if choice.streams is None else (choice.streams,),
    )


def _threads(job: Job, cores: int, grid: Grid) -> Candidates:
    rate = job.scenario == "Offline"
    return Candidates((), grid.batch_sizes, (grid.streams,), thread_counts(cores), "rate" if rate else "tail")
