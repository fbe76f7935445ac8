"""Preprocess a set of images in parallel, once for each recipe and resolution."""

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
from mlperf_home.datasets.imagenet.samples import PROVENANCE, expected_facts, pixels_shape, read_finished
from mlperf_home.datasets.imagenet.unfinished import Unfinished, claim, identity_text, take_over

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from mlperf_home.datasets.imagenet.images import ImageFile
    from mlperf_home.datasets.imagenet.recipes import Recipe

    Chunks = Sequence[Sequence[ImageFile]]

CHUNK_IMAGES = 64
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ImageFolder:
    """A folder of preprocessed images to make.

    Attributes:
        images: the folder or tar of the validation set.
        labels: the label file, or a folder with one.
        count: the number of images; None for all labelled images.
        out: the folder to make.
        partial: the folder of unfinished work.
        left: a folder with unfinished work of earlier runs, as `<any>/<name of partial>`.
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
class Preprocessed:
    """The folder's description, the number of images made by this call, and whether the folder existed already."""

    facts: dict[str, Any]
    made: int
    reused: bool


def code_sha256() -> str:
    """Hash the code that computes the pixels, so that results of different versions are never mixed."""
    return hashlib.sha256("".join(map(inspect.getsource, (pixels, recipes))).encode()).hexdigest()


def preprocess(folder: ImageFolder, report_progress: Callable[[int, int], None]) -> Preprocessed:
    """Make the folder, or reuse an existing one with the same recipe and images.

    `report_progress` is called with the number of finished images and of all images.

    Raises:
        DatasetError: the images or labels cannot be used, the folder cannot be written or does not fit on the disk, or
            another process makes the same folder. The finished part is kept for the next call.
    """
    labels = read_labels(folder.labels)
    images = choose_images(folder.images, find_images(folder.images), labels, folder.count)
    labels = labels.first(len(images))
    facts = expected_facts(folder.recipe, images, labels, {"opencv": pixels.VERSION, "numpy": np.__version__})
    if finished := read_finished(folder.out, facts):
        return Preprocessed(finished, 0, reused=True)
    if not PROVENANCE.replaceable(folder.out):
        raise DatasetError(folder.out, "exists and is not a folder of preprocessed images", "pass another --out")
    chunks = [images[first : first + CHUNK_IMAGES] for first in range(0, len(images), CHUNK_IMAGES)]
    lists = [list_sha256(chunk) for chunk in chunks]
    try:
        if folder.left is not None:
            take_over(folder.partial, folder.left, identity_text(facts, code_sha256(), CHUNK_IMAGES), lists)
        with claim(folder.partial):
            # Another process may have finished it in the meantime.
            if finished := read_finished(folder.out, facts):
                shutil.rmtree(folder.partial)
                return Preprocessed(finished, 0, reused=True)
            unfinished = Unfinished(folder.partial, facts, code_sha256(), CHUNK_IMAGES, lists)
            made = _make_rest(folder, unfinished, chunks, report_progress)
            return Preprocessed(unfinished.publish(folder.out, labels.text), made, reused=False)
    except OSError as error:
        size_mb = math.ceil(math.prod(pixels_shape(facts)) / 1e6)
        advice = f"free some space, or choose a writable folder with {size_mb:,} MB: "
        advice += "--cache_dir=DIR to cm, --out=DIR to the module"
        raise DatasetError(folder.out, f"cannot be made ({error.strerror or error})", advice) from error


def _make_rest(
    folder: ImageFolder, unfinished: Unfinished, chunks: Chunks, report_progress: Callable[[int, int], None]
) -> int:
    """Make the unfinished chunks; return the number of their images."""
    total, made = sum(map(len, chunks)), 0
    rest = [number for number in range(len(chunks)) if number not in unfinished.done]
    left = sum(len(chunks[number]) for number in rest)
    report_progress(total - left, total)
    inputs = WorkerInputs(folder.recipe, chunks, unfinished.pixels, unfinished.offset)
    with closing(make_chunks(inputs, rest, max(1, min(folder.workers, len(rest))))) as ready:
        for number, digest in ready:
            unfinished.add(number, digest)
            made += len(chunks[number])
            report_progress(total - left + made, total)
    return made


@dataclass(frozen=True)
class WorkerInputs:
    """The inputs that all workers share: the images in order, and the file of their pixels.

    The last chunk may have fewer images. The file's values begin at `offset`, in bytes.
    """

    recipe: Recipe
    chunks: Chunks
    path: Path
    offset: int


def make_chunks(inputs: WorkerInputs, chunks: Sequence[int], workers: int) -> Generator[tuple[int, str], None, None]:
    """Make chunks, and yield the number and the SHA-256 of the pixels of each when it is finished.

    Raises:
        DatasetError: an image cannot be used, or a worker was killed.
        OSError: the pixels cannot be written.
    """
    # Only forked workers can import this package when `bootstrap` runs it.
    kind = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(workers, mp_context=kind, initializer=_begin, initargs=(inputs, os.getpid()))
    try:
        for ready in as_completed([pool.submit(_make_chunk, chunk) for chunk in chunks]):
            yield ready.result()
    except BrokenProcessPool as error:
        problem = "a worker process was killed, perhaps because memory ran out"
        raise DatasetError(inputs.path, problem, "repeat the command with fewer --workers to resume") from error
    finally:
        pool.shutdown(cancel_futures=True)


_inputs: WorkerInputs | None = None


def _begin(inputs: WorkerInputs, parent: int) -> None:
    global _inputs  # noqa: PLW0603 - each worker sets it once, when it starts
    _inputs = inputs
    # The parent handles Ctrl-C; its death, for any reason, ends the worker too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    cv2.setNumThreads(0)


def _make_chunk(chunk: int) -> tuple[int, str]:
    if _inputs is None:
        raise RuntimeError("the worker has no inputs")
    digest = hashlib.sha256()
    with _inputs.path.open("r+b", buffering=0) as file:
        place = _inputs.offset + chunk * len(_inputs.chunks[0]) * _inputs.recipe.side**2 * 3
        for image in _inputs.chunks[chunk]:
            content = pixels.make_pixels(_inputs.recipe, image.read(), image.where).tobytes()
            digest.update(content)
            rest = memoryview(content)
            while rest:
                written = os.pwrite(file.fileno(), rest, place)
                rest, place = rest[written:], place + written
    return chunk, digest.hexdigest()
