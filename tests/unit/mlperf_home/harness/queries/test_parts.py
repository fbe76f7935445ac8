"""The samples of a query are batched by length, and none is lost."""

from __future__ import annotations

import numpy as np
import pytest

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.harness.queries.parts import TooLongError, buckets, grid_for, plan

GRID = Grid((64, 128, 384), (8, 4, 2), 2)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 100, 1001])
def test_every_sample_is_in_exactly_one_batch(count: int) -> None:
    lengths = np.random.default_rng(count).integers(1, 385, count).astype(np.int32)
    batches = plan(lengths, count, GRID)
    assert sorted(np.concatenate([batch.positions for batch in batches]).tolist()) == list(range(count))


def test_each_batch_fits_its_length_and_size() -> None:
    lengths = np.random.default_rng(1).integers(1, 385, 500).astype(np.int32)
    limits = dict(zip(GRID.lengths, GRID.batch_sizes, strict=True))
    for batch in plan(lengths, 500, GRID):
        assert batch.length is not None
        assert lengths[batch.positions].max() <= batch.length
        assert len(batch.positions) <= limits[batch.length]


def test_the_longest_samples_come_first() -> None:
    lengths = np.random.default_rng(2).integers(1, 385, 200).astype(np.int32)
    order = np.concatenate([batch.positions for batch in plan(lengths, 200, GRID)])
    assert (np.diff(lengths[order]) <= 0).all()


def test_a_sample_goes_to_the_first_length_that_holds_it() -> None:
    assert buckets(np.array([1, 64, 65, 128, 129, 384], dtype=np.int32), GRID).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_sample_above_the_longest_length_is_refused() -> None:
    with pytest.raises(TooLongError, match="385 tokens, but the longest sequence length is 384"):
        plan(np.array([385], dtype=np.int32), 1, GRID)


def test_samples_without_lengths_keep_their_order() -> None:
    batches = plan(None, 5, Grid((), (2,), 1))
    assert [batch.positions.tolist() for batch in batches] == [[0, 1], [2, 3], [4]]
    assert {batch.length for batch in batches} == {None}


def test_single_stream_has_batches_of_one_and_one_stream() -> None:
    assert grid_for("SingleStream", GRID) == Grid((64, 128, 384), (1, 1, 1), 1)
    assert grid_for("Offline", GRID) is GRID
