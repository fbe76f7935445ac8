"""The base of every engine: options, opening, cores, and batches of question answering."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mlperf_home.datasets.base import QUESTION_ANSWERING_INPUTS
from mlperf_home.engines.base import BackendError
from mlperf_home.machine.cpu.sysfs import CPUS, core_name, cpu_quota

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mlperf_home.contracts.grids import Grid
    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Description, Prepared, Request

WARM_UP_RUNS = 2
"""The first calls of an engine place its memory and take several times as long."""
_AXES = 2  # (batch, length)


class Options:
    """The options of one engine by name; a wrong one is an error that names it."""

    def __init__(self, engine: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
        """Keep the options of `engine`; raise `BackendError` if one is not among the known ones."""
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise BackendError(f"backend {engine}: unknown option {unknown[0]!r}; it has {', '.join(known) or 'none'}")
        self._engine, self._given = engine, given

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a yes or no."""
        return bool(self._read(name, default, "true or false", lambda value: isinstance(value, bool)))

    def count(self, name: str) -> int | None:
        """Return a positive whole number; None if it was not given."""
        found: int | None = self._read(name, None, "a positive whole number", lambda value: _at_least(value, 1, int))
        return found

    def seconds(self, name: str) -> float:
        """Return a time in seconds, 0 if it was not given."""
        return float(self._read(name, 0, "a number of seconds", lambda value: _at_least(value, 0, int | float)))

    def text(self, name: str) -> str | None:
        """Return a text that is not empty; None if it was not given."""
        found: str | None = self._read(name, None, "a text", lambda value: isinstance(value, str) and bool(value))
        return found

    def words(self, name: str) -> list[str] | None:
        """Return a list of words; None if it was not given."""

        def valid(value: Any) -> bool:
            return isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)

        words = self._read(name, None, "a list of words", valid)
        return None if words is None else list(words)

    def _read(self, name: str, default: Any, wanted: str, valid: Callable[[Any], bool]) -> Any:
        value = self._given.get(name, default)
        if value is not default and not valid(value):
            raise BackendError(f"backend {self._engine}: option {name} must be {wanted}, and is {value!r}")
        return value


def _at_least(value: Any, least: int, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and bool(value >= least)


class Engine(ABC):
    """An engine behind `mlperf_home.engines.base.Backend`; a subclass states only its own: name, options, work."""

    name: ClassVar[str]
    option_names: ClassVar[tuple[str, ...]]

    def open(self, request: Request) -> Description:
        """Check options and grid, then open; close again after any failure. See `Backend.open`."""
        try:
            options = Options(self.name, request.options, self.option_names)
            self._take_grid(request.grid)
            return self._open(request, options)
        except BaseException:
            self.close()
            raise

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Infer one batch; see `Backend.run`."""
        return self.prepare(inputs)()()

    @abstractmethod
    def prepare(self, inputs: Inputs) -> Prepared:
        """Arrange one batch; see `Backend.prepare`."""

    @abstractmethod
    def close(self) -> None:
        """Release the engine; see `Backend.close`."""

    @abstractmethod
    def _take_grid(self, grid: Grid) -> None:
        """Check a grid and keep what batches may be; raise `BackendError` for a wrong one."""

    @abstractmethod
    def _open(self, request: Request, options: Options) -> Description:
        """Import, compile and warm up; see `Backend.open`."""

    def _not_open(self) -> BackendError:
        return BackendError(f"{self.name}: the engine is not open")


def first_line(error: Exception) -> str:
    """Return the first line of an engine's error, for a message of one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class QuestionAnswering(Engine):
    """An engine for question answering: it keeps the largest batch of each of the grid's lengths."""

    def __init__(self) -> None:
        self._largest_batch: dict[int, int] = {}

    def _take_grid(self, grid: Grid) -> None:
        self._largest_batch = check_grid(grid)

    def _shapes(self) -> dict[str, list[int]]:
        return {"lengths": list(self._largest_batch), "batch_sizes": list(self._largest_batch.values())}


def check_grid(grid: Grid) -> dict[int, int]:
    """Return the largest batch of each length.

    Raises:
        BackendError: no lengths, not ascending, or batch sizes that do not go with them.
    """
    lengths, batch_sizes = grid.lengths, grid.batch_sizes
    if not lengths:
        raise BackendError("the grid has no sequence lengths; question answering needs at least one")
    if list(lengths) != sorted(set(lengths)) or lengths[0] < 1:
        raise BackendError(f"the grid's sequence lengths {lengths} must be positive and ascend")
    if len(batch_sizes) == 1:
        batch_sizes = batch_sizes * len(lengths)
    if len(batch_sizes) != len(lengths) or min(batch_sizes) < 1:
        raise BackendError(
            f"the grid has {len(lengths)} sequence lengths but batch sizes {grid.batch_sizes}; "
            "give one positive batch size, or one for each length"
        )
    if grid.streams < 1:
        raise BackendError(f"the grid asks for {grid.streams} streams; at least one is needed")
    return dict(zip(lengths, batch_sizes, strict=True))


def locate(inputs: Inputs, largest_batch: dict[int, int]) -> tuple[int, int]:
    """Return batch and length of inputs, arrays (batch, length) in the order of `QUESTION_ANSWERING_INPUTS`.

    Raises:
        BackendError: another number of arrays, different shapes, or a shape outside the grid.
    """
    if len(inputs) != len(QUESTION_ANSWERING_INPUTS):
        raise BackendError(
            f"{len(inputs)} input arrays; question answering has {len(QUESTION_ANSWERING_INPUTS)}: "
            + ", ".join(QUESTION_ANSWERING_INPUTS)
        )
    shape = inputs[0].shape
    if len(shape) != _AXES or inputs[1].shape != shape or inputs[2].shape != shape:
        shapes = ", ".join(str(array.shape) for array in inputs)
        raise BackendError(f"input arrays of shapes {shapes}; all must have one shape (batch, length)")
    batch, length = shape
    limit = largest_batch.get(length)
    if limit is None:
        known = ", ".join(str(each) for each in largest_batch)
        raise BackendError(f"inputs of length {length}; engines were prepared for {known}")
    if not 1 <= batch <= limit:
        raise BackendError(f"a batch of {batch} at length {length}; 1 to {limit} were prepared for")
    return batch, length


def fill(array: NDArray[Any], batch: int) -> NDArray[Any]:
    """Repeat the last sample until the first axis has `batch` entries.

    A copy of a real sample, and not zeros: a row without a valid token would make a softmax over nothing, and some
    engines answer that with NaN or slow denormals.
    """
    missing = batch - len(array)
    return array if missing <= 0 else np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])


def full_inputs(batch: int, length: int) -> Inputs:
    """Return a batch without padding, each token number 1: it warms an engine up."""
    ones = np.ones((batch, length), dtype=np.int64)
    return ones, ones, np.zeros_like(ones)


def usable_cores(wanted: int | None = None, *, root: Path = Path("/")) -> int:
    """Count physical cores within the affinity mask and the cgroup's quota; `wanted` of them if it is given.

    Two threads of one core share its arithmetic units, so engines want one thread a core.

    Raises:
        BackendError: more cores are wanted than there are, or none.
    """
    if wanted is None:
        cores = len(cores_cpus(root=root))
        quota, _ = cpu_quota(root)
        return cores if quota is None else min(cores, max(1, math.floor(quota)))
    allowed = len(os.sched_getaffinity(0))
    if not 1 <= wanted <= allowed:
        raise BackendError(f"{wanted} cores asked for; this process may use 1 to {allowed}")
    return wanted


def cores_cpus(*, root: Path = Path("/")) -> list[set[int]]:
    """Return the logical CPUs of each physical core that this process may use, the lowest first.

    Each is its own core where the system does not tell.
    """
    cores: dict[str, set[int]] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        cores.setdefault(core_name(root / CPUS / f"cpu{cpu}") or f"cpu{cpu}", set()).add(cpu)
    return list(cores.values())
