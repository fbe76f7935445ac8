"""What every backend for question answering has to do; each check raises `ConformanceError` where one does not.

What the suite for classifiers shares is public here: opening, threads, and what is required.
"""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.engines.base import BackendError, Grid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs
    from mlperf_home.engines.base import Backend, Description, Request

SHORT, MIDDLE, LONG = 32, 64, 384
GRID = Grid(lengths=(SHORT, MIDDLE, LONG), batch_sizes=(4, 3, 1), streams=2)
"""The grid that a subject is opened for."""

THREADS = 4
CALLS = 5


class ConformanceError(AssertionError):
    """A backend does not keep the interface's promises."""


@dataclass(frozen=True)
class Subject:
    """A backend to be checked.

    Attributes:
        make: makes another one, not yet open.
        request: what it is opened for; the grid is `GRID`.
        backend: one that is open.
        vocabulary: token ids are below this.
        tolerance: how far logits of one sample may differ between shapes.
    """

    make: Callable[[], Backend]
    request: Request
    backend: Backend
    vocabulary: int = 100
    tolerance: float = 1e-4


def open_subject(make: Callable[[], Backend], request: Request, **others: Any) -> Subject:
    """Open a backend for the suite's grid."""
    request = replace(request, grid=GRID)
    backend = make()
    open_described(backend, request)
    return Subject(make, request, backend, **others)


def open_described(backend: Backend, request: Request) -> Description:
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
        logits = subject.backend.run(_samples(subject, [length] * batch, length))
        require(logits.shape == (batch, length, 2), f"shape {logits.shape} for a batch of {batch}, length {length}")
        require(logits.dtype == np.float32, f"type {logits.dtype}, not float32")
        require(bool(np.isfinite(logits).all()), "logits are finite")


def check_prepared(subject: Subject) -> None:
    """A batch that was prepared gives what `run` gives, however often and whatever ran in between."""
    inputs = _samples(subject, [20, 32, 7, 11], SHORT)
    wanted = subject.backend.run(inputs)
    ready = subject.backend.prepare(inputs)
    first = ready()
    subject.backend.run(_samples(subject, [9, 9, 9, 9], SHORT, seed=5))
    require(bool(np.array_equal(first(), wanted)), "an answer stays as it is after later calls")
    require(bool(np.array_equal(ready()(), wanted)), "a prepared batch can be inferred again")


def check_determinism(subject: Subject) -> None:
    """The same batch gives the same logits, and no call changes what an earlier one gave."""
    inputs = _samples(subject, [20, 32, 7, 11], SHORT)
    first = subject.backend.run(inputs)
    kept = first.copy()
    subject.backend.run(_samples(subject, [9, 9, 9, 9], SHORT, seed=5))
    require(bool(np.array_equal(subject.backend.run(inputs), kept)), "the same inputs give the same logits")
    require(bool(np.array_equal(first, kept)), "a result stays as it is after later calls")


def check_inputs_are_left_alone(subject: Subject) -> None:
    """The caller's arrays are not written to."""
    inputs = _samples(subject, [20, 32, 7], SHORT)
    copies = [array.copy() for array in inputs]
    subject.backend.run(inputs)
    for array, copy in zip(inputs, copies, strict=True):
        require(bool(np.array_equal(array, copy)), "the inputs are not written to")


def check_padding(subject: Subject) -> None:
    """Valid positions do not depend on the length that a sample is padded to."""
    tokens = [31, 5, 17]
    short = subject.backend.run(_samples(subject, tokens, SHORT))
    middle = subject.backend.run(_samples(subject, tokens, MIDDLE))
    for row, count in enumerate(tokens):
        longest = subject.backend.run(_samples(subject, tokens, LONG, only=row))
        _near(subject, short[row, :count], longest[0, :count], f"length {SHORT} against {LONG}")
        _near(subject, middle[row, :count], longest[0, :count], f"length {MIDDLE} against {LONG}")


def check_partial_batches(subject: Subject) -> None:
    """A batch that is not full, down to one sample, gives a row for each sample and drops none."""
    tokens = [20, 32, 7, 11]
    full = subject.backend.run(_samples(subject, tokens, SHORT))
    for count in (3, 2, 1):
        part = subject.backend.run(_samples(subject, tokens[:count], SHORT))
        require(part.shape == (count, SHORT, 2), f"{count} samples gave {part.shape[0]} rows")
        for row in range(count):
            _near(subject, part[row, : tokens[row]], full[row, : tokens[row]], f"a batch of {count} against 4")


def check_order_of_samples(subject: Subject) -> None:
    """Each row belongs to its own sample."""
    tokens = [20, 32, 7, 11]
    inputs = _samples(subject, tokens, SHORT)
    straight = subject.backend.run(inputs)
    turned = subject.backend.run(tuple(np.ascontiguousarray(array[::-1]) for array in inputs))
    for row, count in enumerate(tokens):
        _near(subject, straight[row, :count], turned[3 - row, :count], "the same sample in another row")


def check_views(subject: Subject) -> None:
    """Arrays that are not contiguous give what their contiguous copies give."""
    wide = _samples(subject, [20, 32, 7, 11], MIDDLE)
    views = tuple(array[:, :SHORT] for array in wide)
    copies = tuple(np.ascontiguousarray(view) for view in views)
    require(
        bool(np.array_equal(subject.backend.run(views), subject.backend.run(copies))), "a view is read as its copy is"
    )


def check_threads(subject: Subject) -> None:
    """Calls from several threads at once give each caller its own result."""
    wanted = [subject.backend.run(_samples(subject, [9 + row, 20, 30], SHORT, seed=row)) for row in range(THREADS)]

    def work(number: int) -> None:
        inputs = _samples(subject, [9 + number, 20, 30], SHORT, seed=number)
        for _ in range(CALLS):
            _near(subject, subject.backend.run(inputs)[0, :9], wanted[number][0, :9], "from another thread")

    in_threads(work, THREADS)


def check_foreign_shapes(subject: Subject) -> None:
    """Shapes outside the grid, and another number of arrays, are refused."""
    short = _samples(subject, [5], SHORT)
    refused: tuple[tuple[str, Inputs], ...] = (
        ("another length", _samples(subject, [5], SHORT + 1)),
        ("too large a batch", _samples(subject, [5] * 5, SHORT)),
        ("two arrays", short[:2]),
        ("arrays of different shapes", (short[0], short[1][:, :-1], short[2])),
    )
    for name, inputs in refused:
        require_refusal(partial(subject.backend.run, inputs), f"{name} is refused")


def check_closing_twice(subject: Subject) -> None:
    """Closing twice is harmless, and a closed backend refuses to run."""
    backend = subject.make()
    backend.close()
    backend.open(replace(subject.request, grid=Grid((SHORT,), (1,), 1)))
    backend.close()
    backend.close()
    require_refusal(partial(backend.run, _samples(subject, [5], SHORT)), "a closed backend refuses to run")


def check_model_is_left_alone(subject: Subject) -> None:
    """The model's file, and what stands beside it, is as it was after opening and running."""
    folder = subject.request.model_path.parent
    before = _hashes(folder)
    backend = subject.make()
    backend.open(replace(subject.request, grid=Grid((SHORT,), (1,), 1)))
    backend.run(_samples(subject, [5], SHORT))
    backend.close()
    require(_hashes(folder) == before, f"the files in {folder} are as they were")


CHECKS = (
    check_shape_and_type,
    check_prepared,
    check_determinism,
    check_inputs_are_left_alone,
    check_padding,
    check_partial_batches,
    check_order_of_samples,
    check_views,
    check_threads,
    check_foreign_shapes,
    check_closing_twice,
    check_model_is_left_alone,
)
"""All checks; each takes a subject."""


def _samples(subject: Subject, tokens: list[int], length: int, seed: int = 0, only: int | None = None) -> Inputs:
    """Random samples of so many tokens each, padded with zeros; the same for the same seed at any length."""
    random = np.random.default_rng(seed)
    rows = [random.integers(1, subject.vocabulary, LONG) for _ in tokens]
    ids = np.zeros((len(tokens), length), dtype=np.int64)
    mask, types = np.zeros_like(ids), np.zeros_like(ids)
    for row, count in enumerate(tokens):
        ids[row, :count] = rows[row][:count]
        mask[row, :count] = 1
        types[row, count // 2 : count] = 1
    arrays = (ids, mask, types)
    return arrays if only is None else tuple(array[only : only + 1] for array in arrays)


def _near(subject: Subject, found: NDArray[Any], wanted: NDArray[Any], what: str) -> None:
    difference = float(np.abs(found - wanted).max())
    require(difference <= subject.tolerance, f"{what}: logits differ by {difference:g}")


def require_refusal(call: Callable[[], object], what: str) -> None:
    """Raise unless the call raises `BackendError`."""
    try:
        call()
    except BackendError:
        return
    raise ConformanceError(what)


def require(truth: bool, what: str) -> None:
    """Raise unless it is so."""
    if not truth:
        raise ConformanceError(what)


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}
