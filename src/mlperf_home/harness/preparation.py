"""The engine, the samples and the grid of a job.

A grid comes from the job, from the only choice, from a stored calibration, or from a new one. Calibrations are stored
for later runs of the same model with the same engine on the same cores.
"""

from __future__ import annotations

import importlib
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import read_document, write_document
from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.contracts.runs.grids import (
    Calibration,
    CalibrationKey,
    CalibrationStore,
    Candidates,
    Grid,
    StoredCalibration,
)
from mlperf_home.contracts.runs.progress import CalibratingEvent
from mlperf_home.datasets.base import DatasetError, PartOfSamples
from mlperf_home.engines import registry
from mlperf_home.engines.base import LENGTHS, BackendError, EngineSetup
from mlperf_home.engines.calibration import calibrate, default_candidates
from mlperf_home.engines.engine import usable_cores
from mlperf_home.machine.cpu.cpuinfo import read_cpuinfo
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.contracts.runs.grids import GridOrigin
    from mlperf_home.contracts.runs.job import Job
    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.base import Backend
    from mlperf_home.harness.child import Progress

_DATASETS = {
    "squad": "mlperf_home.datasets.squad.samples:SquadSamples",
    "imagenet": "mlperf_home.datasets.imagenet.samples:ImagenetSamples",
}
_NOTHING_TO_MEASURE = {"echo"}
# With these engines, two single-threaded streams reach 1.95 times the speed of one thread; one stream with two threads
# reaches 1.6 to 1.9 times.
_ONE_STREAM_A_CORE = {"tflite", "litert"}


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
    """A grid, its origin, and the calibration that chose it, or None."""

    grid: Grid
    origin: GridOrigin
    calibration: Calibration | None = None


def choose_grid(job: Job, *, has_lengths: bool, model_sha256: str | None, progress: Progress) -> ChosenGrid:
    """Return the job's grid; open choices come from a stored calibration or a new one.

    Raises:
        HarnessError: the engine refuses the model.
    """
    fixed = _fixed_grid(job, has_lengths=has_lengths)
    if fixed is not None:
        return fixed
    choice = job.backend
    try:
        key = _calibration_key(job, model_sha256)
        stored = _find_stored(job.calibration_path, key)
        if stored is not None:
            return ChosenGrid(stored.grid, "stored", stored)
        progress.write(CalibratingEvent())
        setup = EngineSetup(choice.model_path, job.work_dir, Grid(), cores=choice.cores, options=choice.options)
        measured = calibrate(lambda: make_backend(choice.name), setup, key.candidates)
        if job.calibration_path is not None:
            _store(job.calibration_path, key, measured)
    except BackendError as error:
        raise HarnessError(ExitStatus.BACKEND_REFUSED, str(error)) from None
    return ChosenGrid(measured.grid, "calibrated", measured)


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


def _calibration_key(job: Job, model_sha256: str | None) -> CalibrationKey:
    """Return the setup of this job's calibration, including the candidates to compare."""
    choice, cores = job.backend, usable_cores(job.backend.cores)
    usual = default_candidates(cores, choice.lengths or LENGTHS)
    # Outside Offline, few samples of one length wait together, and an engine fills its batches with copies.
    batch_sizes = usual.batch_sizes if job.scenario == "Offline" else (1,)
    candidates = Candidates(
        usual.lengths,
        batch_sizes if choice.batch_sizes is None else tuple(sorted(set(choice.batch_sizes))),
        usual.streams if choice.streams is None else (choice.streams,),
    )
    # On Arm, /proc/cpuinfo has no model name.
    names = (cpu.get("model name") for cpu in read_cpuinfo(Path("/")).processors)
    return CalibrationKey(
        model_sha256=model_sha256,
        backend=choice.name,
        backend_version=installed_version(choice.name),
        options=dict(choice.options),
        cores=cores,
        processor=next((name for name in names if name is not None), None),
        candidates=candidates,
    )


def _find_stored(path: Path | None, key: CalibrationKey) -> Calibration | None:
    """Return the stored calibration of a key; None if there is none or the file is no calibration store."""
    if path is None or key.model_sha256 is None:
        return None
    return next((entry.calibration for entry in _stored(path) if entry.key == key), None)


def _store(path: Path, key: CalibrationKey, calibration: Calibration) -> None:
    """Store a calibration in place of the one with its key.

    Raises:
        HarnessError: the file cannot be written.
    """
    kept = (entry for entry in _stored(path) if entry.key != key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        store = CalibrationStore(entries=(*kept, StoredCalibration(key=key, calibration=calibration)))
        write_document(path, store)
    except OSError as error:
        problem = f"{path}: calibration_path cannot be written ({error.strerror}); name another file"
        raise HarnessError(ExitStatus.BAD_OUTPUT, problem) from None


def _stored(path: Path) -> tuple[StoredCalibration, ...]:
    # An absent or broken file only costs a new calibration, which rewrites it.
    try:
        return read_document(path, CalibrationStore).entries
    except DocumentError:
        return ()
