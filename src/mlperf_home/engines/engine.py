"""The base of the backends: options, opening, cores, and batches for question answering."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mlperf_home.datasets.base import QUESTION_ANSWERING_INPUTS
from mlperf_home.engines.base import BackendError
from mlperf_home.machine.cpu.placement import read_cores
from scriptgraph.files.control_groups import cpu_quota, usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mlperf_home.contracts.runs.grids import Grid
    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import EngineDescription, EngineSetup, Prepared

WARM_UP_RUNS = 2
"""The number of untimed calls; an engine's first calls allocate memory and take several times as long."""
_AXES = 2  # (batch, length)


class EngineOptions:
    """The options of a backend by name; every method raises `BackendError` for a value of another type."""

    def __init__(self, engine: str, options: Mapping[str, Any], known: tuple[str, ...]) -> None:
        """Keep the options of a backend; raise `BackendError` for an unknown name."""
        unknown = sorted(set(options) - set(known))
        if unknown:
            hint = f"it has {', '.join(known)}" if known else "it has no options"
            raise BackendError(f"backend {engine}: unknown option {unknown[0]!r}; {hint}")
        self._engine, self._options = engine, options

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean option."""
        return bool(self._read(name, default, "true or false", lambda value: isinstance(value, bool)))

    def count(self, name: str) -> int | None:
        """Return a positive whole number, or None without the option."""
        count: int | None = self._read(name, None, "a positive whole number", lambda value: _at_least(value, 1, int))
        return count

    def seconds(self, name: str) -> float:
        """Return a time in seconds, 0 without the option."""
        return float(self._read(name, 0, "a number of seconds", lambda value: _at_least(value, 0, int | float)))

    def text(self, name: str) -> str | None:
        """Return a non-empty text, or None without the option."""
        text: str | None = self._read(name, None, "a text", lambda value: isinstance(value, str) and bool(value))
        return text

    def words(self, name: str) -> list[str] | None:
        """Return a list of words, or None without the option."""

        def valid(value: Any) -> bool:
            return isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)

        words = self._read(name, None, "a list of words", valid)
        return None if words is None else list(words)

    def _read(self, name: str, default: Any, kind: str, valid: Callable[[Any], bool]) -> Any:
        value = self._options.get(name, default)
        if value is not default and not valid(value):
            raise BackendError(f"backend {self._engine}: option {name} must be {kind}, got {value!r}")
        return value


def _at_least(value: Any, least: int, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and bool(value >= least)


class BaseEngine(ABC):
    """The base of the backends, which implement `mlperf_home.engines.base.Backend`.

    Attributes:
        name: the backend's name.
        option_names: the names of its options.
    """

    name: ClassVar[str]
    option_names: ClassVar[tuple[str, ...]]

    def open(self, setup: EngineSetup) -> EngineDescription:
        """Check the options and the grid, then open the engine; close it after a failure. See `Backend.open`."""
        try:
            options = EngineOptions(self.name, setup.options, self.option_names)
            self._take_grid(setup.grid)
            return self._open(setup, options)
        except BaseException:
            self.close()
            raise

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Infer one batch; see `Backend.run`."""
        return self.prepare(inputs)()()

    @abstractmethod
    def prepare(self, inputs: Inputs) -> Prepared:
        """Prepare one batch; see `Backend.prepare`."""

    @abstractmethod
    def close(self) -> None:
        """Release the engine; see `Backend.close`."""

    @abstractmethod
    def _take_grid(self, grid: Grid) -> None:
        """Check a grid and keep its largest batches; raise `BackendError` for an invalid grid."""

    @abstractmethod
    def _open(self, setup: EngineSetup, options: EngineOptions) -> EngineDescription:
        """Import, compile and warm up the engine; see `Backend.open`."""

    def _not_open(self) -> BackendError:
        return BackendError(f"{self.name}: the engine is not open; open it first")


def first_line(error: Exception) -> str:
    """Return the first line of an engine's error message, or its type if the message is empty."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class QuestionAnswering(BaseEngine):
    """The base of the backends for question answering: it keeps the largest batch of each length."""

    def __init__(self) -> None:
        self._largest_batch: dict[int, int] = {}

    def _take_grid(self, grid: Grid) -> None:
        self._largest_batch = check_grid(grid)

    def _shapes(self) -> dict[str, list[int]]:
        return {"lengths": list(self._largest_batch), "batch_sizes": list(self._largest_batch.values())}


def check_grid(grid: Grid) -> dict[int, int]:
    """Return the largest batch of each length.

    Raises:
        BackendError: there are no lengths, they do not ascend, or the batch sizes do not match them.
    """
    lengths, batch_sizes = grid.lengths, grid.batch_sizes
    if not lengths:
        raise BackendError("the grid has no sequence lengths; add at least one for question answering")
    if list(lengths) != sorted(set(lengths)) or lengths[0] < 1:
        raise BackendError(f"the grid's sequence lengths {lengths} must be positive and ascending")
    if len(batch_sizes) == 1:
        batch_sizes = batch_sizes * len(lengths)
    if len(batch_sizes) != len(lengths) or min(batch_sizes) < 1:
        raise BackendError(
            f"the grid has {len(lengths)} sequence lengths but batch sizes {grid.batch_sizes}; "
            "set one positive batch size, or one for each length"
        )
    if grid.streams < 1:
        raise BackendError(f"the grid has {grid.streams} streams; set at least one")
    return dict(zip(lengths, batch_sizes, strict=True))


def check_image_grid(grid: Grid) -> int:
    """Return the largest batch of a grid for images, which have no lengths.

    Raises:
        BackendError: there are lengths, or not one positive batch size and number of streams.
    """
    if grid.lengths:
        raise BackendError(f"the grid has sequence lengths {grid.lengths}; remove them, since images have none")
    if len(grid.batch_sizes) != 1 or grid.batch_sizes[0] < 1 or grid.streams < 1:
        raise BackendError(
            f"the grid has batch sizes {grid.batch_sizes} and {grid.streams} streams; set one positive number of each"
        )
    return grid.batch_sizes[0]


def locate(inputs: Inputs, largest_batch: dict[int, int]) -> tuple[int, int]:
    """Return the batch size and the length of inputs, (batch, length) each, in the order of QUESTION_ANSWERING_INPUTS.

    Raises:
        BackendError: the number of arrays is wrong, their shapes differ, or the shape is outside the grid.
    """
    if len(inputs) != len(QUESTION_ANSWERING_INPUTS):
        raise BackendError(
            f"got {len(inputs)} input arrays; pass {len(QUESTION_ANSWERING_INPUTS)}: "
            + ", ".join(QUESTION_ANSWERING_INPUTS)
        )
    shape = inputs[0].shape
    if len(shape) != _AXES or inputs[1].shape != shape or inputs[2].shape != shape:
        shapes = ", ".join(str(array.shape) for array in inputs)
        raise BackendError(f"got input arrays of shapes {shapes}; all must have the same shape (batch, length)")
    batch, length = shape
    limit = largest_batch.get(length)
    if limit is None:
        known = ", ".join(map(str, largest_batch))
        raise BackendError(f"got inputs of length {length}; the engine is prepared for {known}")
    if not 1 <= batch <= limit:
        raise BackendError(f"got a batch of {batch} at length {length}; the engine is prepared for 1 to {limit}")
    return batch, length


def fill(array: NDArray[Any], batch: int) -> NDArray[Any]:
    """Repeat the last sample until the first axis has `batch` entries.

    Zeros would be a row without a valid token, for which some engines return NaN or compute slow denormals.
    """
    missing = batch - len(array)
    return array if missing <= 0 else np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])


def full_inputs(batch: int, length: int) -> Inputs:
    """Return a batch without padding for warming up an engine; every token is 1."""
    ones = np.ones((batch, length), dtype=np.int64)
    return ones, ones, np.zeros_like(ones)


def usable_cores(requested: int | None = None, *, root: Path = Path("/")) -> int:
    """Return `requested`, or else the number of physical cores within the affinity mask and the cgroup's quota.

    Engines use one thread per core, because two threads of a core share its arithmetic units.

    Raises:
        BackendError: the request is not between 1 and the number of usable CPUs.
    """
    if requested is None:
        cores = len(cores_cpus(root=root))
        quota, _ = cpu_quota(root)
        return cores if quota is None else min(cores, max(1, math.floor(quota)))
    allowed = usable_cpus(root)
    if not 1 <= requested <= allowed:
        raise BackendError(f"{requested} cores were requested; this process may use 1 to {allowed}")
    return requested


def cores_cpus(*, root: Path = Path("/")) -> list[set[int]]:
    """Return the logical CPUs of each physical core that this process may use, in ascending order.

    A CPU without a known core counts as a core of its own.
    """
    return [set(core.cpus) for core in read_cores(root)]
