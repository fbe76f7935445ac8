"""The shapes that an engine is prepared for, and the calibrations that chose them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import OpenDocument

Count = Annotated[int, Meta(ge=1)]
GridOrigin = Literal["given", "fixed", "stored", "calibrated"]
"""Where a grid comes from: the job; nothing was open; an earlier calibration; a calibration of this run."""


@dataclass(frozen=True)
class Grid:
    """The shapes an engine is prepared for, and how many calls it takes at once.

    Attributes:
        lengths: of sequences, ascending (a sample goes to the first that holds it); empty where samples have none.
        batch_sizes: for each length (or the only entry, without lengths) the largest batch of one call.
        streams: how many threads may call `run` at the same time with profit.
    """

    lengths: tuple[Count, ...] = ()
    batch_sizes: tuple[Count, ...] = (1,)
    streams: Count = 1


@dataclass(frozen=True)
class Candidates:
    """The grids to try: lengths (never made from a dataset), batch sizes for each of them, simultaneous calls."""

    lengths: tuple[Count, ...]
    batch_sizes: tuple[Count, ...] = (1, 2, 4, 8)
    streams: tuple[Count, ...] = (1, 2)


@dataclass(frozen=True)
class Speed:
    """One measurement: the median of the rounds, of so many timed calls in all."""

    length: int
    batch_size: int
    streams: int
    samples_per_second: float
    calls: int


@dataclass(frozen=True)
class Calibration:
    """The choice of a calibration, and its reasons.

    Attributes:
        grid: the chosen grid.
        measured: the speeds it was chosen by.
        skipped: candidates (batch size, streams) that the time did not suffice for, or the engine refused.
        elapsed_s: its duration, compiling included.
    """

    grid: Grid
    measured: tuple[Speed, ...]
    skipped: tuple[str, ...]
    elapsed_s: float


class CalibrationKey(OpenDocument):
    """The setup that a calibration holds for."""

    model_sha256: str | None
    backend: str
    backend_version: str | None
    options: Mapping[str, Any]
    cores: int
    processor: str | None
    candidates: Candidates


class StoredCalibration(OpenDocument):
    """A calibration in the store."""

    key: CalibrationKey
    calibration: Calibration


class CalibrationStore(OpenDocument):
    """The calibrations of a system, in one file."""

    schema: Literal[1] = 1
    entries: tuple[StoredCalibration, ...] = ()
