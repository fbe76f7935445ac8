"""Sensor readings of the machine, and the noise of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """A value, or None and the reason why it is unknown; the unit is part of the reading's name."""

    value: float | str | None
    reason: str | None = None


@dataclass(frozen=True)
class Noise:
    """The disturbances of a run.

    Attributes:
        noisy_because: a phrase for each exceeded limit; empty if the run was quiet or nothing is known.
        disturbance: the largest value as a multiple of its limit; above 1 the run is noisy.
        reason: the reason why nothing is known, or None.
    """

    noisy_because: tuple[str, ...]
    disturbance: float
    reason: str | None = None
