"""Which shapes the engine is prepared for: given, stored from an earlier calibration, or measured now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.backends.base import Grid

if TYPE_CHECKING:
    from mlperf_home.datasets.base import Samples
    from mlperf_home.harness.job import BackendChoice, Job
    from mlperf_home.harness.progress import Progress

DEFAULT_LENGTHS = (64, 96, 128, 160, 192, 256, 320, 384)
"""A fixed grid up to BERT's 384 tokens: no statistics of a dataset went into it."""


@dataclass(frozen=True)
class ChosenGrid:
    """A grid and where it comes from.

    Attributes:
        grid: the shapes.
        origin: "given", "calibrated" or "default".
        calibration: the calibration's table, or None.
    """

    grid: Grid
    origin: str
    calibration: Any = None


def given_grid(choice: BackendChoice, has_lengths: bool) -> ChosenGrid | None:
    """Make the grid that a job spells out; None if it leaves the shapes open."""
    if choice.lengths is None and choice.batch_sizes is None and choice.streams is None:
        return None
    lengths = (choice.lengths or DEFAULT_LENGTHS) if has_lengths else ()
    batch_sizes = choice.batch_sizes or (1,)
    if len(batch_sizes) == 1 and lengths:
        batch_sizes = batch_sizes * len(lengths)
    return ChosenGrid(Grid(lengths, batch_sizes, choice.streams or 1), "given")


def choose_grid(job: Job, samples: Samples, progress: Progress) -> ChosenGrid:
    """Give the job's grid, else the stored one, else a measured one."""
    given = given_grid(job.backend, has_lengths=samples.lengths is not None)
    if given is not None:
        return given
    lengths = DEFAULT_LENGTHS if samples.lengths is not None else ()
    return ChosenGrid(Grid(lengths, (1,) * max(1, len(lengths))), "default")
