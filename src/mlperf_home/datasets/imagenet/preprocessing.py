"""Preprocess a whole set of images, once for each recipe and resolution, in processes side by side."""

from __future__ import annotations

import ctypes
import hashlib
import inspect
import math
import multiprocessing
import os
import shutil
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet import pixels, recipes
from mlperf_home.datasets.imagenet.images import choose_images, find_images, list_sha256
from mlperf_home.datasets.imagenet.labels import read_labels
from mlperf_home.datasets.imagenet.store import PROVENANCE, finished, pixels_shape, wanted_facts
from mlperf_home.datasets.imagenet.unfinished import Unfinished, begun_for, claimed, take_over

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from mlperf_home.datasets.imagenet.images import ImageFile
    from mlperf_home.datasets.imagenet.labels import Labels
    from mlperf_home.datasets.imagenet.recipes import Recipe

CHUNK_IMAGES = 64
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Wanted:
    """What to make, and where.

    Attributes:
        images: the folder or tar of the validation set.
        labels: the label file, or a folder with one.
        count: the first so many images; None for all that are labelled.
        recipe: how.
        out: the folder to make.
        partial: where it is while it is made.
        workers: processes.
        left: a folder in which earlier runs may have left such work, as `<any>/<name of partial>`.
    """

    images: Path
    labels: Path
    count: int | None
    recipe: Recipe
    out: Path
    partial: Path
    workers: int
    left: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """The folder's description, how many images were made now, and whether it was there already."""

    facts: dict[str, Any]
    made: int
    reused: bool


def code_sha256() -> str:
    """Hash the code that decides what the pixels are: what it made before a change is not mixed with what follows."""
    digest = hashlib.sha256()
    for module in (pixels, recipes):
        digest.update(inspect.getsource(module).encode())
    return digest.hexdigest()


def preprocess(wanted: Wanted, tell: Callable[[int, int], None]) -> Outcome:
    """Make the folder, or use the one that is there if it was made the same way from the same images.

    Args:
        wanted: what to make.
        tell: called with how many images are done and how many there are.

    Raises:
        DatasetError: the images or labels cannot be used, the place cannot be written or has no room, or another
            process is making the same; what was done before is kept and gone on with at the next call.
    """
    labels = read_labels(wanted.labels)
    images = choose_images(wanted.images, find_images(wanted.images), labels, wanted.count)
    labels = labels.first(len(images))
    facts = wanted_facts(wanted.recipe, images, labels, {"opencv": pixels.VERSION, "numpy": np.__version__})
    if found := finished(wanted.out, facts):
        return Outcome(found, 0, reused=True)
    if not PROVENANCE.replaceable(wanted.out):
        raise DatasetError(wanted.out, "exists and is no folder of preprocessed images", "give another --out")
    lists = [list_sha256(images[first : first + CHUNK_IMAGES]) for first in range(0, len(images), CHUNK_IMAGES)]
    try:
        if wanted.left is not None:
            take_over(wanted.partial, wanted.left, begun_for(facts, code_sha256(), CHUNK_IMAGES), lists)
        with claimed(wanted.partial):
            # Another process may have finished it in between.
            if found := finished(wanted.out, facts):
                shutil.rmtree(wanted.partial)
                return Outcome(found, 0, reused=True)
            return _make_rest(wanted, facts, lists, images, labels, tell)
    except OSError as error:
        size_mb = math.ceil(math.prod(pixels_shape(facts)) / 1e6)
        problem = f"cannot be made ({error.strerror or error})"
        advice = (
            f"make room, or give a place that can be written and has {size_mb:,} MB: "
            "--cache_dir=DIR to cm, --out=DIR to the module"
        )
        raise DatasetError(wanted.out, problem, advice) from error


def _make_rest(
    wanted: Wanted,
    facts: dict[str, Any],
    lists: Sequence[str],
    images: Sequence[ImageFile],
    labels: Labels,
    tell: Callable[[int, int], None],
) -> Outcome:
    unfinished = Unfinished(wanted.partial, facts, code_sha256(), CHUNK_IMAGES, lists)
    total, ready = len(images), 0
    chunks = [chunk for chunk in range(len(lists)) if chunk not in unfinished.done]
    left = sum(min(CHUNK_IMAGES, total - chunk * CHUNK_IMAGES) for chunk in chunks)
    tell(total - left, total)
    work = Work(wanted.recipe, images, CHUNK_IMAGES, unfinished.pixels, unfinished.offset)
    with closing(make_chunks(work, chunks, max(1, min(wanted.workers, len(chunks))))) as made:
        for chunk, digest in made:
            unfinished.add(chunk, digest)
            ready += min(CHUNK_IMAGES, total - chunk * CHUNK_IMAGES)
            tell(total - left + ready, total)
    return Outcome(unfinished.publish(wanted.out, labels.text), ready, reused=False)


@dataclass(frozen=True)
class Work:
    """What all workers share.

    Attributes:
        recipe: how pixels are made.
        images: all images, in their order.
        chunk_images: how many a chunk has; the last one may have fewer.
        path: the file that the pixels go to.
        offset: where its values begin, in bytes.
    """

    recipe: Recipe
    images: Sequence[ImageFile]
    chunk_images: int
    path: Path
    offset: int


def make_chunks(work: Work, chunks: Sequence[int], workers: int) -> Generator[tuple[int, str], None, None]:
    """Make chunks and yield each one's number and the sha256 of its pixels, as they are ready.

    Raises:
        DatasetError: an image cannot be used, or a worker was killed.
        OSError: the pixels cannot be written.
    """
    # Workers of another kind could not import us where `bootstrap` runs us.
    kind = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(workers, mp_context=kind, initializer=_begin, initargs=(work, os.getpid()))
    try:
        for ready in as_completed([pool.submit(_make_chunk, chunk) for chunk in chunks]):
            yield ready.result()
    except BrokenProcessPool as error:
        problem = "a worker process was killed, perhaps for want of memory"
        raise DatasetError(work.path, problem, "run it again, which goes on where it ended; fewer --workers") from error
    finally:
        pool.shutdown(cancel_futures=True)


_work: Work | None = None


def _begin(work: Work, parent: int) -> None:
    global _work  # noqa: PLW0603 - what a worker is given once, at its start
    _work = work
    # Ctrl-C is the parent's to handle; its death, in whatever way, is ours as well.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    cv2.setNumThreads(0)


def _make_chunk(chunk: int) -> tuple[int, str]:
    if _work is None:
        raise RuntimeError("a worker was not begun")
    first = chunk * _work.chunk_images
    digest = hashlib.sha256()
    with _work.path.open("r+b", buffering=0) as file:
        place = _work.offset + first * _work.recipe.side**2 * 3
        for image in _work.images[first : first + _work.chunk_images]:
            content = pixels.make_pixels(_work.recipe, image.read(), image.where).tobytes()
            digest.update(content)
            rest = memoryview(content)
            while rest:
                written = os.pwrite(file.fileno(), rest, place)
                rest, place = rest[written:], place + written
    return chunk, digest.hexdigest()
