"""Checks of every backend for question answering; each raises `ConformanceError` where one does not.

The suite for classifiers shares the public functions: opening, threads, requirements.
"""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.contracts.grids import Grid
from mlperf_home.engines.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Backend, EngineDescription, EngineSetup

SHORT, MIDDLE, LONG = 32, 64, 384
GRID = Grid(lengths=(SHORT, MIDDLE, LONG), batch_sizes=(4, 3, 1), streams=2)
"""The grid that a subject is opened for."""

THREADS = 4
CALLS = 5
_TOKENS = (20, 32, 7, 11)
_OTHERS = (9, 9, 9, 9)


class ConformanceError(AssertionError):
    """A backend does not keep the interface's promises."""


@dataclass(frozen=True)
class Subject:
    """A backend to be checked: how to make another, not yet open, and one that is open for `request` with `GRID`.

    Attributes:
        vocabulary: token ids are below this.
        tolerance: how far logits of one sample may differ between shapes.
    """

    make: Callable[[], Backend]
    request: EngineSetup
    backend: Backend
    vocabulary: int = 100
    tolerance: float = 1e-4

    def samples(self, tokens: Sequence[int], length: int, seed: int = 0) -> Inputs:
        """Return random samples of so many tokens, padded with zeros; the same for a seed at any length."""
        random = np.random.default_rng(seed)
        ids = np.zeros((len(tokens), length), dtype=np.int64)
        mask, types = np.zeros_like(ids), np.zeros_like(ids)
        for row, count in enumerate(tokens):
            ids[row, :count] = random.integers(1, self.vocabulary, LONG)[:count]
            mask[row, :count] = 1
            types[row, count // 2 : count] = 1
        return ids, mask, types

    def run(self, tokens: Sequence[int], length: int, seed: int = 0) -> NDArray[np.float32]:
        """Run the open backend on such samples."""
        return self.backend.run(self.samples(tokens, length, seed))

    def near(self, found: NDArray[Any], wanted: NDArray[Any], what: str) -> None:
        """Raise unless the logits differ by no more than the tolerance."""
        difference = float(np.abs(found - wanted).max())
        require(difference <= self.tolerance, f"{what}: logits differ by {difference:g}")


def open_subject(make: Callable[[], Backend], request: EngineSetup, **others: Any) -> Subject:
    """Open a backend for the suite's grid."""
    request, backend = replace(request, grid=GRID), make()
    open_described(backend, request)
    return Subject(make, request, backend, **others)


def open_described(backend: Backend, request: EngineSetup) -> EngineDescription:
    """Open a backend and check that it names itself."""
    description = backend.open(request)
    require(bool(description.engine and description.version), "the description names engine and version")
    return description


def in_threads(work: Callable[[int], None], count: int) -> None:
    """Call `work` with 0 to count - 1, each in a thread of its own; any exception fails the check."""
    started = threading.Barrier(count)

    def begin(number: int) -> None:
        started.wait()
        work(number)

    with ThreadPoolExecutor(count) as pool:
        calls = [pool.submit(begin, number) for number in range(count)]
    failures = [f"{type(error).__name__}: {error}" for error in (call.exception() for call in calls) if error]
    require(not failures, "; ".join(failures))


def check_shape_and_type(subject: Subject) -> None:
    """A batch of every shape gives (batch, length, 2) float32, without NaN."""
    for length, batch in zip(GRID.lengths, GRID.batch_sizes, strict=True):
        logits = subject.run([length] * batch, length)
        require(logits.shape == (batch, length, 2), f"shape {logits.shape} for a batch of {batch}, length {length}")
        require(logits.dtype == np.float32, f"type {logits.dtype}, not float32")
        require(bool(np.isfinite(logits).all()), "logits are finite")


def check_prepared(subject: Subject) -> None:
    """A batch that was prepared gives what `run` gives, however often and whatever ran in between."""
    inputs = subject.samples(_TOKENS, SHORT)
    wanted = subject.backend.run(inputs)
    ready = subject.backend.prepare(inputs)
    first = ready()
    subject.run(_OTHERS, SHORT, seed=5)
    require_equal(first(), wanted, "an answer stays as it is after later calls")
    require_equal(ready()(), wanted, "a prepared batch can be inferred again")


def check_determinism(subject: Subject) -> None:
    """The same batch gives the same logits, and no call changes what an earlier one gave."""
    first = subject.run(_TOKENS, SHORT)
    kept = first.copy()
    subject.run(_OTHERS, SHORT, seed=5)
    require_equal(subject.run(_TOKENS, SHORT), kept, "the same inputs give the same logits")
    require_equal(first, kept, "a result stays as it is after later calls")


def check_inputs_are_left_alone(subject: Subject) -> None:
    """The caller's arrays are not written to."""
    inputs = subject.samples(_TOKENS[:3], SHORT)
    subject.backend.run(inputs)
    for array, copy in zip(inputs, subject.samples(_TOKENS[:3], SHORT), strict=True):
        require_equal(array, copy, "the inputs are not written to")


def check_padding(subject: Subject) -> None:
    """Valid positions do not depend on the length that a sample is padded to."""
    tokens = [31, 5, 17]
    short, middle = subject.run(tokens, SHORT), subject.run(tokens, MIDDLE)
    wide = subject.samples(tokens, LONG)
    for row, count in enumerate(tokens):
        longest = subject.backend.run(tuple(array[row : row + 1] for array in wide))
        subject.near(short[row, :count], longest[0, :count], f"length {SHORT} against {LONG}")
        subject.near(middle[row, :count], longest[0, :count], f"length {MIDDLE} against {LONG}")


def check_partial_batches(subject: Subject) -> None:
    """A batch that is not full, down to one sample, gives a row for each sample and drops none."""
    full = subject.run(_TOKENS, SHORT)
    for count in (3, 2, 1):
        part = subject.run(_TOKENS[:count], SHORT)
        require(part.shape == (count, SHORT, 2), f"{count} samples gave {part.shape[0]} rows")
        for row, tokens in enumerate(_TOKENS[:count]):
            subject.near(part[row, :tokens], full[row, :tokens], f"a batch of {count} against 4")


def check_order_of_samples(subject: Subject) -> None:
    """Each row belongs to its own sample."""
    straight = subject.run(_TOKENS, SHORT)
    turned = subject.backend.run(tuple(np.ascontiguousarray(each[::-1]) for each in subject.samples(_TOKENS, SHORT)))
    for row, count in enumerate(_TOKENS):
        subject.near(straight[row, :count], turned[3 - row, :count], "the same sample in another row")


def check_views(subject: Subject) -> None:
    """Arrays that are not contiguous give what their contiguous copies give."""
    views = tuple(array[:, :SHORT] for array in subject.samples(_TOKENS, MIDDLE))
    copies = tuple(np.ascontiguousarray(view) for view in views)
    require_equal(subject.backend.run(views), subject.backend.run(copies), "a view is read as its copy is")


def check_threads(subject: Subject) -> None:
    """Calls from several threads at once give each caller its own result."""
    wanted = [subject.run([9 + row, 20, 30], SHORT, seed=row) for row in range(THREADS)]

    def work(number: int) -> None:
        for _ in range(CALLS):
            found = subject.run([9 + number, 20, 30], SHORT, seed=number)
            subject.near(found[0, :9], wanted[number][0, :9], "from another thread")

    in_threads(work, THREADS)


def check_foreign_shapes(subject: Subject) -> None:
    """Shapes outside the grid, and another number of arrays, are refused."""
    short = subject.samples([5], SHORT)
    refused: dict[str, Inputs] = {
        "another length": subject.samples([5], SHORT + 1),
        "too large a batch": subject.samples([5] * 5, SHORT),
        "two arrays": short[:2],
        "arrays of different shapes": (short[0], short[1][:, :-1], short[2]),
    }
    for name, inputs in refused.items():
        require_refusal(partial(subject.backend.run, inputs), f"{name} is refused")


def check_closing_twice(subject: Subject) -> None:
    """Closing twice is harmless, and a closed backend refuses to run."""
    request = replace(subject.request, grid=Grid((SHORT,), (1,), 1))
    require_closable(subject.make(), request, subject.samples([5], SHORT))


def check_model_is_left_alone(subject: Subject) -> None:
    """The model's file, and what stands beside it, is as it was after opening and running."""
    folder = subject.request.model_path.parent
    before = _hashes(folder)
    backend = subject.make()
    backend.open(replace(subject.request, grid=Grid((SHORT,), (1,), 1)))
    backend.run(subject.samples([5], SHORT))
    backend.close()
    require(_hashes(folder) == before, f"the files in {folder} are as they were")


CHECKS = tuple(check for name, check in globals().items() if name.startswith("check_"))
"""All checks; each takes a subject."""


def require_refusal(call: Callable[[], object], what: str) -> None:
    """Raise unless the call raises `BackendError`."""
    try:
        call()
    except BackendError:
        return
    raise ConformanceError(what)


def require_closable(backend: Backend, request: EngineSetup, inputs: Inputs) -> None:
    """Close a backend before and twice after opening it; raise unless it then refuses to run."""
    backend.close()
    backend.open(request)
    backend.close()
    backend.close()
    require_refusal(partial(backend.run, inputs), "a closed backend refuses to run")


def require_equal(found: NDArray[Any], wanted: NDArray[Any], what: str) -> None:
    """Raise unless two arrays are equal."""
    require(bool(np.array_equal(found, wanted)), what)


def require(truth: bool, what: str) -> None:
    """Raise unless it is so."""
    if not truth:
        raise ConformanceError(what)


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}
