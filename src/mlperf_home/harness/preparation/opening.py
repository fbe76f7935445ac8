"""From the names in a job to the engine and the samples themselves."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.failures import ExitStatus, HarnessError
from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.part import PartOfSamples
from mlperf_home.engines import registry
from mlperf_home.engines.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.contracts.job import Job
    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.base import Backend, Description, Request

_DATASETS = {
    "squad": "mlperf_home.datasets.squad.samples:SquadSamples",
    "imagenet": "mlperf_home.datasets.imagenet.samples:ImagenetSamples",
}


def make_backend(name: str) -> Backend:
    """Make the engine of that name, not yet opened; raise HarnessError if there is none.

    Besides our own names, `module:callable` names one's own backend.
    """
    if ":" in name:
        backend: Backend = _named(name)()
        return backend
    try:
        return registry.make(name)
    except BackendError as error:
        raise HarnessError(ExitStatus.BACKEND_REFUSED, str(error)) from None


def open_backend(backend: Backend, request: Request) -> Description:
    """Open the engine; raise HarnessError if it refuses."""
    try:
        return backend.open(request)
    except BackendError as error:
        raise HarnessError(ExitStatus.BACKEND_REFUSED, str(error)) from None


def open_samples(job: Job) -> Samples:
    """Open the job's dataset; raise HarnessError if its kind is unknown, or its folder unusable or empty."""
    kind = job.dataset.kind
    if kind not in _DATASETS and ":" not in kind:
        known = ", ".join(sorted(_DATASETS))
        raise HarnessError(ExitStatus.BAD_JOB, f"dataset: kind: must be one of {known}, got {kind!r}")
    try:
        samples: Samples = _named(_DATASETS.get(kind, kind))(job.dataset.path)
    except DatasetError as error:
        raise HarnessError(ExitStatus.BAD_DATASET, str(error)) from None
    if samples.count < 1:
        raise HarnessError(ExitStatus.BAD_DATASET, f"{job.dataset.path}: the dataset is empty; make it again")
    part = job.dataset
    if part.after >= samples.count:
        problem = f"dataset: after: must be below {samples.count}, the samples there are, got {part.after}"
        raise HarnessError(ExitStatus.BAD_JOB, problem)
    return samples if part.first is None else PartOfSamples(samples, part.first, part.after)


def _named(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise HarnessError(ExitStatus.BAD_JOB, f"{name!r} cannot be imported ({error})") from None
    return found
