"""Grids and batches are checked before an engine gets them."""

from __future__ import annotations

import numpy as np
import pytest

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import check_grid, fill, locate


def test_one_batch_size_applies_to_all_lengths() -> None:
    assert check_grid(Grid((64, 384), (4,))) == {64: 4, 384: 4}
    assert check_grid(Grid((64, 384), (4, 1))) == {64: 4, 384: 1}


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (Grid(), "no sequence lengths"),
        (Grid((384, 64)), "must be positive and ascending"),
        (Grid((0, 64)), "must be positive and ascending"),
        (Grid((64, 128, 384), (1, 2)), "3 sequence lengths but batch sizes (1, 2)"),
        (Grid((64,), (0,)), "positive batch size"),
        (Grid((64,), (1,), streams=0), "0 streams"),
    ],
)
def test_an_invalid_grid_is_refused(grid: Grid, words: str) -> None:
    with pytest.raises(BackendError) as caught:
        check_grid(grid)
    assert words in str(caught.value)


def test_a_batch_is_filled_with_copies_of_its_last_sample() -> None:
    filled = fill(np.array([[1, 2], [3, 4]]), 4)
    assert filled.tolist() == [[1, 2], [3, 4], [3, 4], [3, 4]]


def test_a_full_batch_is_not_copied() -> None:
    batch = np.array([[1, 2], [3, 4]])
    assert fill(batch, 2) is batch


def test_an_unknown_length_is_refused_with_the_known_ones() -> None:
    array = np.zeros((1, 100), np.int64)
    with pytest.raises(BackendError, match="length 100; the engine is prepared for 64, 384"):
        locate((array, array, array), {64: 1, 384: 2})
