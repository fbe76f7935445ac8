"""Batches of question answering: the grid's shape that one belongs to, and how it is filled up to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import Engine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Grid

QUESTION_ANSWERING_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""The arrays of `Inputs` for question answering, in this order."""

_AXES = 2  # (batch, length)


class QuestionAnswering(Engine):
    """An engine for question answering: it keeps the largest batch of each of the grid's lengths."""

    def __init__(self) -> None:
        self._largest_batch: dict[int, int] = {}

    def _take_grid(self, grid: Grid) -> None:
        self._largest_batch = check_grid(grid)

    def _shapes(self) -> dict[str, list[int]]:
        """Return the grid as a record keeps it."""
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
    """Return the batch and the length of inputs.

    Args:
        inputs: arrays of shape (batch, length), in the order of `QUESTION_ANSWERING_INPUTS`.
        largest_batch: the largest batch of each length of the grid.

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

    A copy of a real sample, and not zeros: a row without a single valid token would
    make a softmax over nothing, and some engines answer that with NaN or slow denormals.
    """
    missing = batch - array.shape[0]
    if missing <= 0:
        return array
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])


def full_inputs(batch: int, length: int) -> Inputs:
    """Return a batch without padding, each token number 1: it warms an engine up."""
    ones = np.ones((batch, length), dtype=np.int64)
    return ones, ones, np.zeros_like(ones)
