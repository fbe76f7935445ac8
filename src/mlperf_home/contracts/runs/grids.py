"""Grids, the shapes that an engine is prepared for, and the calibrations that choose them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import OpenDocument

Count = Annotated[int, Meta(ge=1)]
GridOrigin = Literal["given", "fixed", "stored", "calibrated"]
"""The source of a grid: the job; the only choice; a stored calibration; a calibration of this run."""


@dataclass(frozen=True)
class Grid:
    """The shapes an engine is prepared for, and its number of streams.

    Attributes:
        lengths: sequence lengths in tokens, ascending; empty where samples have no length. A sample is padded to the
            first length that holds it.
        batch_sizes: the largest batch of each length; one entry where there are no lengths.
        streams: the number of simultaneous engine calls.
    """

    lengths: tuple[Count, ...] = ()
    batch_sizes: tuple[Count, ...] = (1,)
    streams: Count = 1


@dataclass(frozen=True)
class Candidates:
    """The grids that a calibration compares; the lengths never come from a dataset."""

    lengths: tuple[Count, ...]
    batch_sizes: tuple[Count, ...] = (1, 2, 4, 8)
    streams: tuple[Count, ...] = (1, 2)


@dataclass(frozen=True)
class Speed:
    """The speed of one shape: the median over all rounds; `calls` counts the timed calls of all rounds."""

    length: int
    batch_size: int
    streams: int
    samples_per_second: float
    calls: int


@dataclass(frozen=True)
class Calibration:
    """The grid that a calibration chose, and the measurements behind the choice.

    Attributes:
        grid: the chosen grid.
        measured: the speeds of the candidates.
        skipped: candidates (batch size, streams) that were not measured, each with the reason.
        elapsed_s: the duration of the calibration in seconds, including compilation.
    """

    grid: Grid
    measured: tuple[Speed, ...]
    skipped: tuple[str, ...]
    elapsed_s: float


class CalibrationKey(OpenDocument):
    """The setup for which a calibration is valid."""

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
    """The calibrations of a machine, in one file."""

    schema: Literal[1] = 1
    entries: tuple[StoredCalibration, ...] = ()
