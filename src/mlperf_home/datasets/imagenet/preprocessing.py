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
from mlperf_home.datasets.imagenet.images import choose_images, find_images, list_sha256, read_labels
from mlperf_home.datasets.imagenet.samples import PROVENANCE, finished, pixels_shape, wanted_facts
from mlperf_home.datasets.imagenet.unfinished import Unfinished, begun_for, claimed, take_over

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from mlperf_home.datasets.imagenet.images import ImageFile
    from mlperf_home.datasets.imagenet.recipes import Recipe

    Chunks = Sequence[Sequence[ImageFile]]

CHUNK_IMAGES = 64
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Wanted:
    """A folder to make.

    Attributes:
        images: the folder or tar of the validation set.
        labels: the label file, or a folder with one.
        count: the first so many images; None for all that are labelled.
        out: the folder to make.
        partial: where it is while it is made.
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
    return hashlib.sha256("".join(map(inspect.getsource, (pixels, recipes))).encode()).hexdigest()


def preprocess(wanted: Wanted, tell: Callable[[int, int], None]) -> Outcome:
    """Make the folder, or use the one that is there if it was made the same way from the same images.

    `tell` is called with how many images are done and how many there are.

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
    chunks = [images[first : first + CHUNK_IMAGES] for first in range(0, len(images), CHUNK_IMAGES)]
    lists = [list_sha256(chunk) for chunk in chunks]
    try:
        if wanted.left is not None:
            take_over(wanted.partial, wanted.left, begun_for(facts, code_sha256(), CHUNK_IMAGES), lists)
        with claimed(wanted.partial):
            # Another process may have finished it in between.
            if found := finished(wanted.out, facts):
                shutil.rmtree(wanted.partial)
                return Outcome(found, 0, reused=True)
            unfinished = Unfinished(wanted.partial, facts, code_sha256(), CHUNK_IMAGES, lists)
            made = _make_rest(wanted, unfinished, chunks, tell)
            return Outcome(unfinished.publish(wanted.out, labels.text), made, reused=False)
    except OSError as error:
        size_mb = math.ceil(math.prod(pixels_shape(facts)) / 1e6)
        advice = f"make room, or give a place that can be written and has {size_mb:,} MB: "
        advice += "--cache_dir=DIR to cm, --out=DIR to the module"
        raise DatasetError(wanted.out, f"cannot be made ({error.strerror or error})", advice) from error


def _make_rest(wanted: Wanted, unfinished: Unfinished, chunks: Chunks, tell: Callable[[int, int], None]) -> int:
    """Make the chunks that are not done; return how many images they have."""
    total, made = sum(map(len, chunks)), 0
    rest = [number for number in range(len(chunks)) if number not in unfinished.done]
    left = sum(len(chunks[number]) for number in rest)
    tell(total - left, total)
    work = Work(wanted.recipe, chunks, unfinished.pixels, unfinished.offset)
    with closing(make_chunks(work, rest, max(1, min(wanted.workers, len(rest))))) as ready:
        for number, digest in ready:
            unfinished.add(number, digest)
            made += len(chunks[number])
            tell(total - left + made, total)
    return made


@dataclass(frozen=True)
class Work:
    """The part that all workers share: all images, in their order, and the file that their pixels go to.

    The last chunk may have fewer; the file's values begin at `offset`, in bytes.
    """

    recipe: Recipe
    chunks: Chunks
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
    digest = hashlib.sha256()
    with _work.path.open("r+b", buffering=0) as file:
        place = _work.offset + chunk * len(_work.chunks[0]) * _work.recipe.side**2 * 3
        for image in _work.chunks[chunk]:
            content = pixels.make_pixels(_work.recipe, image.read(), image.where).tobytes()
            digest.update(content)
            rest = memoryview(content)
            while rest:
                written = os.pwrite(file.fileno(), rest, place)
                rest, place = rest[written:], place + written
    return chunk, digest.hexdigest()
