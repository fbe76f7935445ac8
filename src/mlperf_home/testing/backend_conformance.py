"""Conformance checks for question-answering backends; each raises `ConformanceError` on failure.

The suite for classifiers shares the functions for opening, threads and requirements.
"""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.engines.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Backend, EngineDescription, EngineSetup

SHORT, MIDDLE, LONG = 32, 64, 384
GRID = Grid(lengths=(SHORT, MIDDLE, LONG), batch_sizes=(4, 3, 1), streams=2)
"""The grid for which a subject is opened."""

THREADS = 4
CALLS = 5
_TOKENS = (20, 32, 7, 11)
_OTHERS = (9, 9, 9, 9)


class ConformanceError(AssertionError):
    """A backend violates the interface; the text is the violation."""


@dataclass(frozen=True)
class BackendSubject:
    """A backend under test.

    Attributes:
        make: a function that makes another such backend, not yet open.
        request: the request, with `GRID`, for which `backend` is open.
        vocabulary: the number of token ids.
        tolerance: the largest difference of one sample's logits between shapes.
    """

    make: Callable[[], Backend]
    request: EngineSetup
    backend: Backend
    vocabulary: int = 100
    tolerance: float = 1e-4

    def samples(self, tokens: Sequence[int], length: int, seed: int = 0) -> Inputs:
        """Return random samples with these numbers of tokens, padded with zeros; equal for a seed at any length."""
        random = np.random.default_rng(seed)
        ids = np.zeros((len(tokens), length), dtype=np.int64)
        mask, types = np.zeros_like(ids), np.zeros_like(ids)
        for row, count in enumerate(tokens):
            ids[row, :count] = random.integers(1, self.vocabulary, LONG)[:count]
            mask[row, :count] = 1
            types[row, count // 2 : count] = 1
        return ids, mask, types

    def run(self, tokens: Sequence[int], length: int, seed: int = 0) -> NDArray[np.float32]:
        """Run the open backend on `samples`."""
        return self.backend.run(self.samples(tokens, length, seed))

    def require_near(self, logits: NDArray[Any], expected: NDArray[Any], comparison: str) -> None:
        """Raise unless the logits differ by at most the tolerance."""
        difference = float(np.abs(logits - expected).max())
        require(difference <= self.tolerance, f"{comparison}: logits differ by {difference:g}")


def open_subject(make: Callable[[], Backend], request: EngineSetup, **others: Any) -> BackendSubject:
    """Open a backend for the suite's grid."""
    request, backend = replace(request, grid=GRID), make()
    open_described(backend, request)
    return BackendSubject(make, request, backend, **others)


def open_described(backend: Backend, request: EngineSetup) -> EngineDescription:
    """Open a backend and check that it names itself."""
    description = backend.open(request)
    require(bool(description.engine and description.version), "the description lacks the engine or its version")
    return description


def in_threads(call: Callable[[int], None], count: int) -> None:
    """Call `call` with 0 to count - 1 in parallel threads; any exception fails the check."""
    started = threading.Barrier(count)

    def begin(number: int) -> None:
        started.wait()
        call(number)

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(begin, number) for number in range(count)]
    failures = [f"{type(error).__name__}: {error}" for error in (future.exception() for future in futures) if error]
    require(not failures, "; ".join(failures))


def check_shape_and_type(subject: BackendSubject) -> None:
    """Check that a batch of every shape has (batch, length, 2) float32 logits without NaN."""
    for length, batch in zip(GRID.lengths, GRID.batch_sizes, strict=True):
        logits = subject.run([length] * batch, length)
        require(logits.shape == (batch, length, 2), f"shape {logits.shape} for a batch of {batch}, length {length}")
        require(logits.dtype == np.float32, f"type {logits.dtype}, not float32")
        require(bool(np.isfinite(logits).all()), "logits are not finite")


def check_prepared(subject: BackendSubject) -> None:
    """Check that a prepared batch gives the result of `run`, also repeatedly and after other batches."""
    inputs = subject.samples(_TOKENS, SHORT)
    expected = subject.backend.run(inputs)
    ready = subject.backend.prepare(inputs)
    first = ready()
    subject.run(_OTHERS, SHORT, seed=5)
    require_equal(first(), expected, "an answer changed after later calls")
    require_equal(ready()(), expected, "a prepared batch cannot be inferred again")


def check_determinism(subject: BackendSubject) -> None:
    """Check that equal batches have equal logits, and that no call changes an earlier result."""
    first = subject.run(_TOKENS, SHORT)
    kept = first.copy()
    subject.run(_OTHERS, SHORT, seed=5)
    require_equal(subject.run(_TOKENS, SHORT), kept, "equal inputs have different logits")
    require_equal(first, kept, "a result changed after later calls")


def check_inputs_are_unchanged(subject: BackendSubject) -> None:
    """Check that the caller's arrays are not written."""
    inputs = subject.samples(_TOKENS[:3], SHORT)
    subject.backend.run(inputs)
    for array, copy in zip(inputs, subject.samples(_TOKENS[:3], SHORT), strict=True):
        require_equal(array, copy, "the inputs were written")


def check_padding(subject: BackendSubject) -> None:
    """Check that the logits of real tokens do not depend on the padded length."""
    tokens = [31, 5, 17]
    short, middle = subject.run(tokens, SHORT), subject.run(tokens, MIDDLE)
    wide = subject.samples(tokens, LONG)
    for row, count in enumerate(tokens):
        longest = subject.backend.run(tuple(array[row : row + 1] for array in wide))
        subject.require_near(short[row, :count], longest[0, :count], f"length {SHORT} against {LONG}")
        subject.require_near(middle[row, :count], longest[0, :count], f"length {MIDDLE} against {LONG}")


def check_partial_batches(subject: BackendSubject) -> None:
    """Check that a partial batch, down to one sample, has a row for each sample."""
    full = subject.run(_TOKENS, SHORT)
    for count in (3, 2, 1):
        part = subject.run(_TOKENS[:count], SHORT)
        require(part.shape == (count, SHORT, 2), f"{count} samples gave {part.shape[0]} rows")
        for row, tokens in enumerate(_TOKENS[:count]):
            subject.require_near(part[row, :tokens], full[row, :tokens], f"a batch of {count} against 4")


def check_order_of_samples(subject: BackendSubject) -> None:
    """Check that each row belongs to its sample."""
    straight = subject.run(_TOKENS, SHORT)
    arrays = tuple(np.ascontiguousarray(array[::-1]) for array in subject.samples(_TOKENS, SHORT))
    reversed_rows = subject.backend.run(arrays)
    for row, count in enumerate(_TOKENS):
        subject.require_near(straight[row, :count], reversed_rows[3 - row, :count], "the same sample in another row")


def check_views(subject: BackendSubject) -> None:
    """Check that arrays that are not contiguous have the results of their contiguous copies."""
    views = tuple(array[:, :SHORT] for array in subject.samples(_TOKENS, MIDDLE))
    copies = tuple(np.ascontiguousarray(view) for view in views)
    require_equal(subject.backend.run(views), subject.backend.run(copies), "a view and its copy have different results")


def check_threads(subject: BackendSubject) -> None:
    """Check that simultaneous calls from several threads each return their own result."""
    expected = [subject.run([9 + row, 20, 30], SHORT, seed=row) for row in range(THREADS)]

    def call(number: int) -> None:
        for _ in range(CALLS):
            logits = subject.run([9 + number, 20, 30], SHORT, seed=number)
            subject.require_near(logits[0, :9], expected[number][0, :9], "from another thread")

    in_threads(call, THREADS)


def check_foreign_shapes(subject: BackendSubject) -> None:
    """Check that shapes outside the grid and another number of arrays are refused."""
    short = subject.samples([5], SHORT)
    invalid: dict[str, Inputs] = {
        "another length": subject.samples([5], SHORT + 1),
        "too large a batch": subject.samples([5] * 5, SHORT),
        "two arrays": short[:2],
        "arrays of different shapes": (short[0], short[1][:, :-1], short[2]),
    }
    for name, inputs in invalid.items():
        require_refusal(partial(subject.backend.run, inputs), f"not refused: {name}")


def check_closing_twice(subject: BackendSubject) -> None:
    """Check that closing twice is harmless and a closed backend refuses to run."""
    request = replace(subject.request, grid=Grid((SHORT,), (1,), 1))
    require_closable(subject.make(), request, subject.samples([5], SHORT))


def check_model_is_unchanged(subject: BackendSubject) -> None:
    """Check that opening and running changes neither the model's file nor the files beside it."""
    folder = subject.request.model_path.parent
    before = _hashes(folder)
    backend = subject.make()
    backend.open(replace(subject.request, grid=Grid((SHORT,), (1,), 1)))
    backend.run(subject.samples([5], SHORT))
    backend.close()
    require(_hashes(folder) == before, f"the files in {folder} changed")


CHECKS = tuple(check for name, check in globals().items() if name.startswith("check_"))
"""All checks; each takes a `BackendSubject`."""


def require_refusal(call: Callable[[], object], problem: str) -> None:
    """Raise `ConformanceError` unless the call raises `BackendError`."""
    try:
        call()
    except BackendError:
        return
    raise ConformanceError(problem)


def require_closable(backend: Backend, request: EngineSetup, inputs: Inputs) -> None:
    """Close a backend before and twice after opening it; raise unless it then refuses to run."""
    backend.close()
    backend.open(request)
    backend.close()
    backend.close()
    require_refusal(partial(backend.run, inputs), "a closed backend runs")


def require_equal(result: NDArray[Any], expected: NDArray[Any], problem: str) -> None:
    """Raise `ConformanceError` unless two arrays are equal."""
    require(bool(np.array_equal(result, expected)), problem)


def require(condition: bool, problem: str) -> None:
    """Raise `ConformanceError` unless the condition holds."""
    if not condition:
        raise ConformanceError(problem)


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}
