"""Conformance checks for image-classification backends; each raises `ConformanceError` on failure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.testing.backend_conformance import (
    CALLS,
    THREADS,
    in_threads,
    open_described,
    require,
    require_closable,
    require_equal,
    require_refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlperf_home.engines.base import Backend, EngineSetup

GRID = Grid((), (4,), 2)
"""The grid for which a subject is opened."""


@dataclass(frozen=True)
class ClassifierSubject:
    """A backend under test, the request for which it is open, and the details of its description."""

    make: Callable[[], Backend]
    request: EngineSetup
    backend: Backend
    details: Any


def open_subject(make: Callable[[], Backend], request: EngineSetup) -> ClassifierSubject:
    """Open a backend for the suite's grid."""
    request, backend = replace(request, grid=GRID), make()
    return ClassifierSubject(make, request, backend, open_described(backend, request).details)


def check_classes(subject: ClassifierSubject) -> None:
    """Check that each image of a full or partial batch gets a class of the dataset, float32 of shape (batch,)."""
    for count in (4, 3, 1):
        classes = subject.backend.run((_images(subject, count),))
        require(classes.shape == (count,) and classes.dtype == np.float32, f"{count} images gave {classes!r}")
        in_range = 0 <= classes.min() <= classes.max() < subject.details["classes"]
        require(in_range and bool((classes == np.rint(classes)).all()), f"{classes} are not classes")


def check_rows(subject: ClassifierSubject) -> None:
    """Check that an image's class depends neither on other images nor on earlier calls."""
    images = _images(subject, 4)
    together = subject.backend.run((images,))
    backwards = subject.backend.run((np.ascontiguousarray(images[::-1]),))
    alone = np.concatenate([subject.backend.run((images[row : row + 1],)) for row in range(4)])
    require_equal(together, backwards[::-1], "an image has another class in another row")
    require_equal(together, alone, "an image alone has another class than in a batch")


def check_prepared(subject: ClassifierSubject) -> None:
    """Check that a prepared batch repeatedly gives the result of `run`, and that answers and inputs stay unchanged."""
    images = _images(subject, 4)
    kept = images.copy()
    expected = subject.backend.run((images,))
    ready = subject.backend.prepare((images,))
    first = ready()
    subject.backend.run((_images(subject, 4, seed=5),))
    require_equal(first(), expected, "an answer changed after later calls")
    require_equal(ready()(), expected, "a prepared batch cannot be inferred again")
    require_equal(images, kept, "the inputs were written")


def check_threads(subject: ClassifierSubject) -> None:
    """Check that simultaneous calls from several threads each return their own result."""
    batches = [_images(subject, 3, seed=number) for number in range(THREADS)]
    expected = [subject.backend.run((batch,)) for batch in batches]
    results: list[list[NDArray[np.float32]]] = [[] for _ in batches]

    def call(number: int) -> None:
        results[number] += [subject.backend.run((batches[number],)) for _ in range(CALLS)]

    in_threads(call, THREADS)
    for classes_of_calls, classes in zip(results, expected, strict=True):
        require(all(np.array_equal(result, classes) for result in classes_of_calls), "a thread got other classes")


def check_foreign_inputs(subject: ClassifierSubject) -> None:
    """Check that another shape, type or number of arrays, too many images and a closed backend are refused."""
    images = _images(subject, 4)
    invalid = {
        "two arrays": (images, images),
        "another shape": (images[:, :-1],),
        "no images": (images[:0],),
        "another type": (images.astype(np.float64),),
        "too large a batch": (_images(subject, 5),),
    }
    for name, inputs in invalid.items():
        require_refusal(partial(subject.backend.run, inputs), f"not refused: {name}")
    require_closable(subject.make(), subject.request, (images,))


def check_grids(subject: ClassifierSubject) -> None:
    """Check that a grid with sequence lengths is refused."""
    request = replace(subject.request, grid=Grid((384,), (1,), 1))
    require_refusal(partial(subject.make().open, request), "not refused: a grid with sequence lengths")


CHECKS = tuple(check for name, check in globals().items() if name.startswith("check_"))
"""All checks; each takes a `ClassifierSubject`."""


def _images(subject: ClassifierSubject, count: int, seed: int = 0) -> NDArray[Any]:
    """Return random images of the model's input shape and type."""
    model_input = subject.details["input"]
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (count, *model_input["shape"][1:]))
    if model_input["dtype"] == "float32":
        return ((pixels - 127.5) / 127.5).astype(np.float32)
    return (pixels + np.iinfo(model_input["dtype"]).min).astype(model_input["dtype"])
