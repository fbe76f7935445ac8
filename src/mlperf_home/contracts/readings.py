"""Values that the machine tells, or the reason why it does not; and the noise of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """A value, whose unit is in the name under which it stands; where it is unknown, None and the reason."""

    value: float | str | None
    reason: str | None = None


@dataclass(frozen=True)
class Noise:
    """The disturbances of a run.

    Attributes:
        noisy_because: a phrase for each limit that was passed; empty for a quiet run, and where nothing is known.
        disturbance: the largest value as a multiple of its limit: above 1 the run is noisy.
        reason: why nothing is known; None where it is.
    """

    noisy_because: tuple[str, ...]
    disturbance: float
    reason: str | None = None
