"""Processes that make chunks of images side by side, each writing its part of one file."""

from __future__ import annotations

import ctypes
import hashlib
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.pixels import make_pixels

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from mlperf_home.datasets.imagenet.images import ImageFile
    from mlperf_home.datasets.imagenet.recipes import Recipe

_PR_SET_PDEATHSIG = 1


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
        for ready in as_completed([pool.submit(_make, chunk) for chunk in chunks]):
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


def _make(chunk: int) -> tuple[int, str]:
    if _work is None:
        raise RuntimeError("a worker was not begun")
    first = chunk * _work.chunk_images
    digest = hashlib.sha256()
    with _work.path.open("r+b", buffering=0) as file:
        place = _work.offset + first * _work.recipe.side**2 * 3
        for image in _work.images[first : first + _work.chunk_images]:
            content = make_pixels(_work.recipe, image.read(), image.where).tobytes()
            digest.update(content)
            rest = memoryview(content)
            while rest:
                written = os.pwrite(file.fileno(), rest, place)
                rest, place = rest[written:], place + written
    return chunk, digest.hexdigest()
