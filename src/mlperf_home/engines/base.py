"""The interface of every inference engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from mlperf_home.contracts.runs.grids import Grid
    from mlperf_home.datasets.base import Inputs

    # A finished inference; a call returns the result of `Backend.run`.
    Answer = Callable[[], NDArray[np.float32]]
    # A prepared batch; a call infers it. Its outputs are converted only when the answer is called.
    Prepared = Callable[[], Answer]

MAX_LENGTH = 384
"""The tokens of the longest feature: MLPerf's max_seq_length for BERT."""
LENGTHS = (96, 128, 160, 192, 224, 256, 320, MAX_LENGTH)
"""The default sequence lengths; they are constant because MLPerf forbids statistics of the dataset."""
FLOAT_PRECISIONS = ("f32", "bf16", "f16")
"""The types in which OpenVINO can multiply floats; int8 comes from a model's file."""
_LARGEST_COUNT = 32  # each length is one compiled engine


class BackendError(Exception):
    """An engine cannot be used as requested."""


@dataclass(frozen=True)
class EngineSetup:
    """The model, the shapes and the options for which an engine is opened.

    Attributes:
        model_path: the model's file; it is never changed.
        work_dir: an existing folder for derived files.
        grid: the shapes.
        cores: the number of cores, or None for all cores of the process.
        options: the options of the backend, by name.
        places: the logical CPUs of each stream; () where the engine and the kernel place the streams.
    """

    model_path: Path
    work_dir: Path
    grid: Grid
    cores: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    places: tuple[frozenset[int], ...] = ()


@dataclass(frozen=True)
class EngineDescription:
    """The description of an open engine for the session.

    Attributes:
        engine: the engine's name ("deepsparse").
        version: the engine's version.
        details: JSON values by name, such as the instruction set, the supported fraction or the delegate.
        warnings: sentences for the user of the result.
        files: the files that the engine loaded because an option named them, such as a delegate's libraries.
    """

    engine: str
    version: str
    details: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


class Backend(Protocol):
    """An inference engine: opened once, called from several threads, closed once."""

    def open(self, setup: EngineSetup) -> EngineDescription:
        """Import the engine, compile the model for the shapes, and warm it up.

        Raises:
            BackendError: the engine is absent or refuses the model, or the model does not fit the benchmark.
        """
        ...

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Infer one batch of at most the grid's batch size, padded to one of the grid's lengths; thread-safe.

        Returns:
            For question answering the start and end logits, (batch, length, 2). For image classification the class of
            each image, (batch,), 0 for the dataset's first class.
        """
        ...

    def prepare(self, inputs: Inputs) -> Prepared:
        """Prepare one batch, with the inputs of `run`, outside the timed section; thread-safe.

        The prepared batch may be called many times; the inputs must not change.
        """
        ...

    def close(self) -> None:
        """Release the engine; calling it twice is harmless."""
        ...


@runtime_checkable
class Forkable(Protocol):
    """A backend whose streams can be processes, forked from the open backend."""

    def fork_safe(self) -> bool:
        """Whether the open backend works in a fork, where the threads of an engine do not exist."""
        ...

    def keep_stream(self, stream: int, prepared: Mapping[int, Prepared]) -> Mapping[int, Prepared]:
        """Keep only the resources of a stream, numbered from 0, in a fork.

        Returns:
            The prepared samples for one thread of this process, by sample. No other method of the backend is called
            in the fork.
        """
        ...


def parse_lengths(text: str) -> tuple[int, ...]:
    """Parse ascending sequence lengths, separated by commas or spaces, such as "64,128,192" (`DEEPSPARSE_SEQLENS`).

    `MAX_LENGTH` is added if it is missing, because every feature must fit.

    Raises:
        BackendError: the text has other words than numbers, or the lengths do not ascend, are out of range or too many.
    """
    place, example = f"sequence lengths {text!r}", "write for example 128,256,384"
    words = text.replace(",", " ").split()
    if not words:
        raise BackendError(f"{place}: no numbers; {example}")
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
        raise BackendError(f"{place}: must ascend without repetition; did you mean {','.join(map(str, ascending))}?")
    complete = tuple(sorted({*lengths, MAX_LENGTH}))
    if len(complete) > _LARGEST_COUNT:
        problem = f"{len(complete)} lengths, each of which needs a compiled engine; name at most {_LARGEST_COUNT}"
        raise BackendError(f"{place}: {problem}")
    return complete
