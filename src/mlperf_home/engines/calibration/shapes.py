"""The candidates of a calibration: streams with a batch size, or numbers of threads."""

from __future__ import annotations

from dataclasses import dataclass

from mlperf_home.contracts.runs.grids import Candidates
from mlperf_home.engines.base import LENGTHS

NO_LENGTH = 0
"""The length of samples without a length, such as images."""


@dataclass(frozen=True)
class Contender:
    """One way to open the engine; `threads` is None where the engine decides."""

    streams: int
    batch_size: int = 1
    threads: int | None = None

    @property
    def name(self) -> str:
        """The contender for people: "batch 4, 2 streams", "1 thread"."""
        if self.threads is not None:
            return plural(self.threads, "thread")
        return f"batch {self.batch_size}, {plural(self.streams, 'stream')}"

    @property
    def group(self) -> tuple[int, int]:
        """The part of a choice that all lengths share, as an order: the preferred group of equal ones is smallest.

        With several streams, one prepares its next batch while another infers, and a busy neighbour delays one stream
        instead of all cores. Several threads of one call wait for each other.
        """
        return (-self.streams, self.threads or 0)


@dataclass(frozen=True)
class Contest:
    """The contenders, the likeliest choice first, and the lengths at which they are compared.

    Attributes:
        tail: whether the 90th percentile of calls counts, as in SingleStream, instead of the rate.
    """

    contenders: tuple[Contender, ...]
    probes: tuple[int, ...] = (NO_LENGTH,)
    tail: bool = False


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def default_candidates(cores: int, lengths: tuple[int, ...] = LENGTHS) -> Candidates:
    """Return the grids to compare on a machine with `cores` cores."""
    streams = sorted({1, min(2, cores), max(1, cores // 2), cores})
    return Candidates(lengths=lengths, streams=tuple(streams))


def grid_contest(candidates: Candidates) -> Contest:
    """Return the contest of grids, at the shortest, the middle and the longest length.

    A medium batch in all streams comes first, because there may be time for one contender only; then every number of
    streams, then the other batch sizes.
    """
    lengths = candidates.lengths
    probes = tuple(sorted({lengths[0], lengths[len(lengths) // 2], lengths[-1]}))
    batches = sorted(candidates.batch_sizes)
    medium = batches[len(batches) // 2]
    ordered = [medium, *(batch for batch in batches if batch != medium)]
    streams = sorted(candidates.streams, reverse=True)
    return Contest(tuple(Contender(number, batch) for batch in ordered for number in streams), probes)


def thread_counts(cores: int) -> tuple[int, ...]:
    """Return the numbers of threads to compare: 1, 2, 4, ... and all cores."""
    return tuple(sorted({1 << power for power in range(cores.bit_length())} | {cores} - {0}))


def thread_contest(cores: int, *, tail: bool = True) -> Contest:
    """Return the contest of the numbers of threads of one call."""
    return Contest(tuple(Contender(1, 1, count) for count in thread_counts(cores)), tail=tail)
