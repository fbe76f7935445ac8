"""Grids, the shapes that an engine is prepared for, and the calibrations that choose them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta

from mlperf_home.contracts.codec import OpenDocument

Count = Annotated[int, Meta(ge=1)]
GridOrigin = Literal["given", "fixed", "stored", "calibrated"]
"""The source of a grid or of threads: the job; the only choice; a stored calibration; a calibration of this run."""


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
    """The grids that a calibration compares, or the threads; the lengths never come from a dataset.

    Attributes:
        threads: the numbers of threads of one call; empty where they are not compared.
        metric: "rate", or "tail": threads are compared by the 90th percentile of calls.
    """

    lengths: tuple[Count, ...]
    batch_sizes: tuple[Count, ...] = (1, 2, 4, 8)
    streams: tuple[Count, ...] = (1, 2)
    threads: tuple[Count, ...] = ()
    metric: Literal["rate", "tail"] = "rate"


@dataclass(frozen=True)
class Speed:
    """The speed of one shape over all rounds; `calls` counts the timed calls of all rounds.

    `length` is 0 for samples without a length. For threads, the rate is that of the 90th percentile of calls.
    """

    length: int
    batch_size: int
    streams: int
    samples_per_second: float
    calls: int
    threads: int | None = None


@dataclass(frozen=True)
class Doubt:
    """The certainty of a calibration's choice.

    Attributes:
        runner_up: the fastest other choice; None if there was only one.
        margin_percent: the time that the runner-up needs beyond the choice's; below 0 where the rule for ties decided.
        probability: of resampled rounds, the share in which the choice is within the tolerance of the best.
        tolerance_percent: choices whose times differ by less are equally good.
        tied_with: the choices that cannot be told apart from this one within the tolerance.
    """

    runner_up: str | None
    margin_percent: float | None
    probability: float | None
    tolerance_percent: float
    tied_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disturbance:
    """Other programs and other machines during a calibration.

    Attributes:
        disturbed_because: the reasons why the choice is doubtful; empty if all slices that count were quiet.
        discarded: the number of slices that were discarded and repeated.
        waited_s: the time in seconds spent waiting for a quiet machine.
        unknown_because: the reason why nothing could be watched, or None.
    """

    disturbed_because: tuple[str, ...] = ()
    discarded: int = 0
    waited_s: float = 0.0
    unknown_because: str | None = None


@dataclass(frozen=True)
class Confirmation:
    """A performance run with a calibration's choice: the rate that it reached, and the rate that was promised.

    `confirmed` is false if the run was far slower than promised; the next run then calibrates anew.
    """

    confirmed: bool
    reached_per_second: float
    promised_per_second: float
    run_utc: str


@dataclass(frozen=True)
class Calibration:
    """The choice of a calibration, and the measurements behind it; 0.1 wrote the first four values only.

    Attributes:
        grid: the chosen grid.
        measured: the speeds of the candidates.
        skipped: candidates that were not measured, each with the reason.
        elapsed_s: the duration of the calibration in seconds, including compilation.
        threads: the chosen threads of one call, or None where they were not compared.
        chosen: the choice for people.
        doubt: the certainty of the choice.
        disturbance: the disturbance of the calibration.
        budget_s: the time that was allowed in seconds.
        settled: whether the choice was clear before the time was over.
        made_utc: the date.
        confirmation: the latest performance run that tried the choice, or None.
        unconfirmed: the number of runs, also of earlier calibrations of the same setup, that were too slow.
    """

    grid: Grid
    measured: tuple[Speed, ...]
    skipped: tuple[str, ...]
    elapsed_s: float
    threads: Count | None = None
    chosen: str | None = None
    doubt: Doubt | None = None
    disturbance: Disturbance | None = None
    budget_s: float | None = None
    settled: bool = False
    made_utc: str | None = None
    confirmation: Confirmation | None = None
    unconfirmed: int = 0


def calibration_words(calibration: Calibration) -> str:
    """Return a calibration's choice, margin, doubt and disturbance for people."""
    doubt = calibration.doubt
    if doubt is None:
        return "its certainty is unknown (version 0.1)"
    words = [calibration.chosen or "unknown"]
    if doubt.runner_up is None:
        words.append("nothing else was measured")
    elif doubt.margin_percent is not None and doubt.margin_percent >= 0:
        words.append(f"{doubt.margin_percent:g} % faster than {doubt.runner_up}")
    elif doubt.margin_percent is not None:
        words.append(f"{-doubt.margin_percent:g} % slower than {doubt.runner_up}, within the tolerance")
    if doubt.tied_with:
        more = f" and {len(doubt.tied_with) - 1} more" if len(doubt.tied_with) > 1 else ""
        words.append(f"cannot be told apart from {doubt.tied_with[0]}{more}")
    if doubt.probability is not None:
        words.append(f"within {doubt.tolerance_percent:g} % of the best with probability {doubt.probability:g}")
    if (disturbance := calibration.disturbance) and disturbance.disturbed_because:
        words.append(
            f"disturbed: {' and '.join(disturbance.disturbed_because)}; a run on a quiet machine makes it anew"
        )
    if (tried := calibration.confirmation) is not None:
        share = f"{tried.reached_per_second / tried.promised_per_second:.0%} of the promised speed"
        words.append(f"confirmed by a run at {share}" if tried.confirmed else f"unconfirmed: a run reached {share}")
    return "; ".join(words)


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
