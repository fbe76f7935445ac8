"""The interface of every inference engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from mlperf_home.contracts.grids import Grid
    from mlperf_home.datasets.base import Inputs

    # An inference that is done; called, it gives what `Backend.run` would.
    Answer = Callable[[], NDArray[np.float32]]
    # A batch that is ready for the engine; called, it is inferred. Its outputs become logits when they are asked for.
    Prepared = Callable[[], Answer]

MAX_LENGTH = 384
"""Tokens of the longest feature: MLPerf's max_seq_length for BERT."""
LENGTHS = (96, 128, 160, 192, 224, 256, 320, MAX_LENGTH)
"""The default grid: fixed beforehand, since MLPerf forbids statistics of the dataset."""
_LARGEST_COUNT = 32  # each length is one compiled engine


class BackendError(Exception):
    """An engine cannot do what was asked; the text says what, where and what to do."""


@dataclass(frozen=True)
class Request:
    """A model to open, and for which shapes.

    Attributes:
        model_path: the model's file; it is never changed.
        work_dir: an existing folder where derived files may be written.
        cores: how many cores to use; None for all that the process may run on.
        options: the backend's own options, by name.
    """

    model_path: Path
    work_dir: Path
    grid: Grid
    cores: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """An open engine, for the record.

    Attributes:
        engine: its name ("deepsparse").
        version: its version.
        details: facts by name: instruction set, supported fraction, delegate, ...; JSON values only.
        warnings: sentences that the user has to see with the result.
    """

    engine: str
    version: str
    details: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


class Backend(Protocol):
    """An inference engine: opened once, called from several threads, closed once."""

    def open(self, request: Request) -> Description:
        """Import the engine, compile what `request` asks for, warm it up.

        Raises:
            BackendError: the engine is absent, or refuses the model, or the model is not the benchmark's.
        """
        ...

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Infer one batch of at most the grid's batch size, padded to one of the grid's lengths.

        Thread-safe. For question answering the result is (batch, length, 2): start and end logits.
        For image classification it is (batch,): the class of each image, 0 for the dataset's first.
        """
        ...

    def prepare(self, inputs: Inputs) -> Prepared:
        """Arrange one batch for the engine ahead of time, as `run` takes it.

        Thread-safe. What is given may be called many times; the inputs must not change meanwhile.
        """
        ...

    def close(self) -> None:
        """Release the engine; calling it twice is harmless."""
        ...


@runtime_checkable
class Forkable(Protocol):
    """A backend whose streams may be processes, forked when it is open."""

    def fork_safe(self) -> bool:
        """Whether it can be called in a fork as it is open now: threads of an engine do not live on in one."""
        ...

    def keep_stream(self, stream: int, prepared: Mapping[int, Prepared]) -> Mapping[int, Prepared]:
        """In a fork: keep what stream number `stream`, from 0, needs, and leave the rest alone.

        Return the inferences that `prepare` gave before the fork, by sample, for this process and one thread of it:
        nothing of the backend is called otherwise.
        """
        ...


def parse_lengths(text: str) -> tuple[int, ...]:
    """Read ascending numbers of tokens, separated by commas or spaces, like "64,128,192" (`DEEPSPARSE_SEQLENS`).

    `MAX_LENGTH` is added where it is missing, since every feature has to fit somewhere.

    Raises:
        BackendError: not numbers, not ascending, out of range, or too many.
    """
    place, example = f"sequence lengths {text!r}", "write for instance 128,256,384"
    words = text.replace(",", " ").split()
    if not words:
        raise BackendError(f"{place}: no number in it; {example}")
    lengths: list[int] = []
    for word in words:
        try:
            lengths.append(int(word))
        except ValueError:
            raise BackendError(f"{place}: {word!r} is not a whole number; {example}") from None
        if not 1 <= lengths[-1] <= MAX_LENGTH:
            raise BackendError(f"{place}: {lengths[-1]} is not between 1 and {MAX_LENGTH}, the longest feature")
    ascending = sorted(set(lengths))
    if lengths != ascending:
        raise BackendError(f"{place}: must ascend, each number once; did you mean {','.join(map(str, ascending))}?")
    every = tuple(sorted({*lengths, MAX_LENGTH}))
    if len(every) > _LARGEST_COUNT:
        most = f"give at most {_LARGEST_COUNT}"
        raise BackendError(f"{place}: {len(every)} of them, each is an engine to compile; {most}")
    return every
