"""Checks of every backend for image classification; each check raises `ConformanceError` where one does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.contracts.grids import Grid
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
"""The grid that a subject is opened for."""


@dataclass(frozen=True)
class Subject:
    """A backend to be checked, what it was opened for, and what it said of its input."""

    make: Callable[[], Backend]
    request: EngineSetup
    backend: Backend
    details: Any


def open_subject(make: Callable[[], Backend], request: EngineSetup) -> Subject:
    """Open a backend for the suite's grid."""
    request, backend = replace(request, grid=GRID), make()
    return Subject(make, request, backend, open_described(backend, request).details)


def check_classes(subject: Subject) -> None:
    """Each image of a batch, full or not, gets one class of the dataset, float32 of shape (batch,)."""
    for count in (4, 3, 1):
        found = subject.backend.run((_images(subject, count),))
        require(found.shape == (count,) and found.dtype == np.float32, f"{count} images gave {found!r}")
        whole = bool((found == np.rint(found)).all()) and 0 <= found.min() <= found.max() < subject.details["classes"]
        require(whole, f"{found} are classes")


def check_rows(subject: Subject) -> None:
    """An image's class depends on no other image, and on no call before."""
    images = _images(subject, 4)
    together = subject.backend.run((images,))
    turned = subject.backend.run((np.ascontiguousarray(images[::-1]),))
    alone = np.concatenate([subject.backend.run((images[row : row + 1],)) for row in range(4)])
    require_equal(together, turned[::-1], "the same image in another row has the same class")
    require_equal(together, alone, "an image alone has the class that it has in a batch")


def check_prepared(subject: Subject) -> None:
    """A prepared batch gives what `run` gives, however often; answers stay, and inputs are left alone."""
    images = _images(subject, 4)
    kept = images.copy()
    wanted = subject.backend.run((images,))
    ready = subject.backend.prepare((images,))
    first = ready()
    subject.backend.run((_images(subject, 4, seed=5),))
    require_equal(first(), wanted, "an answer stays as it is after later calls")
    require_equal(ready()(), wanted, "a prepared batch can be inferred again")
    require_equal(images, kept, "the inputs are not written to")


def check_threads(subject: Subject) -> None:
    """Calls from several threads at once give each caller its own result."""
    batches = [_images(subject, 3, seed=number) for number in range(THREADS)]
    wanted = [subject.backend.run((batch,)) for batch in batches]
    found: list[list[NDArray[np.float32]]] = [[] for _ in batches]

    def work(number: int) -> None:
        found[number] += [subject.backend.run((batches[number],)) for _ in range(CALLS)]

    in_threads(work, THREADS)
    for each, right in zip(found, wanted, strict=True):
        require(all(np.array_equal(one, right) for one in each), "each thread gets its own classes")


def check_foreign_inputs(subject: Subject) -> None:
    """Another shape, type or number of arrays, too many images, and a closed backend, are refused."""
    images = _images(subject, 4)
    refused = {
        "two arrays": (images, images),
        "another shape": (images[:, :-1],),
        "no images": (images[:0],),
        "another type": (images.astype(np.float64),),
        "too large a batch": (_images(subject, 5),),
    }
    for name, inputs in refused.items():
        require_refusal(partial(subject.backend.run, inputs), f"{name} is refused")
    require_closable(subject.make(), subject.request, (images,))


def check_grids(subject: Subject) -> None:
    """A grid with sequence lengths is refused."""
    request = replace(subject.request, grid=Grid((384,), (1,), 1))
    require_refusal(partial(subject.make().open, request), "images have no lengths")


CHECKS = tuple(check for name, check in globals().items() if name.startswith("check_"))
"""All checks; each takes a subject."""


def _images(subject: Subject, count: int, seed: int = 0) -> NDArray[Any]:
    """Random images as the model takes them."""
    wanted = subject.details["input"]
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (count, *wanted["shape"][1:]))
    if wanted["dtype"] == "float32":
        return ((pixels - 127.5) / 127.5).astype(np.float32)
    return (pixels + np.iinfo(wanted["dtype"]).min).astype(wanted["dtype"])
