"""A crowd: the latencies of machines that have all models, and what the models have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlperf_home.published.results import PublishedResults, PublishedSystem

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]

FLOAT_PRECISIONS = frozenset({"fp32", "float"})
_GPU_RUNTIMES = frozenset({"armnn-opencl"})
_FEWEST_SYSTEMS = 3
_WIDE, _NARROW = 1.5, 0.7  # of the logarithm of MACs


class CrowdError(LocatedError):
    """Published results are too few to learn from."""


@dataclass(frozen=True)
class Crowd:
    """Machines that have latencies of all models; one row for each.

    Attributes:
        models: the names of the models.
        systems: the machines with their software.
        logs: logarithms of latencies, of shape (systems, models).
        kernels: shape (kinds, models, models): similarities of models, by kind.
    """

    models: tuple[str, ...]
    systems: tuple[PublishedSystem, ...]
    logs: Floats
    kernels: Floats

    @property
    def families(self) -> NDArray[np.str_]:
        """The family of each machine's CPU."""
        return np.array([system.family for system in self.systems])

    @property
    def runtimes(self) -> NDArray[np.str_]:
        """The runtime class of each machine."""
        return np.array([system.runtime for system in self.systems])

    def only(self, mask: Marks) -> Crowd:
        """Return the crowd of some machines."""
        systems = tuple(self.systems[number] for number in np.flatnonzero(mask))
        return Crowd(self.models, systems, self.logs[mask], self.kernels)

    def places(self, models: Sequence[str]) -> NDArray[np.int64]:
        """Return the positions of models."""
        position = {name: number for number, name in enumerate(self.models)}
        return np.array([position[name] for name in models], dtype=np.int64)


def crowd_of(results: PublishedResults, models: Sequence[str]) -> Crowd:
    """Return the machines of published results that have SingleStream latencies of all `models` on a CPU.

    Raises:
        CrowdError: a model has no published MACs, or too few machines have all models.
    """
    macs = {model.name: model.macs_m for model in results.models}
    if unknown := [name for name in models if not macs.get(name)]:
        raise CrowdError(results.source, f"nobody published {unknown[0]}", "estimate models of the built-in space")
    tables = [
        (system, table)
        for system, table in results.latencies()
        if system.runtime not in _GPU_RUNTIMES and all(name in table for name in models)
    ]
    if len(tables) < _FEWEST_SYSTEMS:
        raise CrowdError(results.source, f"only {len(tables)} machines have all models", "estimate fewer models")
    logs = np.log([[table[name] for name in models] for _, table in tables])
    return Crowd(tuple(models), tuple(system for system, _ in tables), logs, _kernels(models, macs))


def _kernels(models: Sequence[str], macs: Mapping[str, float | None]) -> Floats:
    """Return the similarities of models: all, of one precision, of one generation, of similar size, and of itself."""
    names = [model.removeprefix("sample-").split("/") for model in models]
    families = np.array([parts[0] for parts in names])
    generations = np.array(["-".join(parts[0].split("-")[:2]).split("-lite")[0] for parts in names])
    quantised = np.array([parts[-1] not in FLOAT_PRECISIONS for parts in names])
    size = np.log([macs[model] or 1.0 for model in models])
    distance = size[:, None] - size[None, :]
    wide, narrow = (np.exp(-((distance / length) ** 2) / 2) for length in (_WIDE, _NARROW))
    family, generation, precision = (each[:, None] == each[None, :] for each in (families, generations, quantised))
    count = len(models)
    return np.stack(
        [
            np.ones((count, count)),
            precision,
            generation,
            generation & precision,
            wide,
            wide * precision,
            narrow * (family & precision),
            np.eye(count),
        ]
    ).astype(np.float64)
