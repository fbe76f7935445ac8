"""The folder of images while it is being made: its finished part survives the end of the process."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.samples import LABELS_FILE, PIXELS_FILE, PROVENANCE, PROVENANCE_FILE, pixels_shape
from scriptgraph.files import locks
from scriptgraph.files.atomic import sync_folder
from scriptgraph.files.parsing import parsing, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_IDENTITY_FILE = "wanted.json"
_DONE_FILE = "done.txt"
_CLAIM_FILE = "claim"
_COMPLETE = "whole"
# The facts on which one chunk does not depend, because each chunk has a list of its own.
_OF_ALL_IMAGES = ("list_sha256", "labels_sha256")


class Unfinished:
    """An unfinished array of images, in chunks.

    Attributes:
        pixels: the array's file.
        offset: the position of its first value, in bytes.
        done: the digests of the finished chunks by number.
    """

    def __init__(
        self, folder: Path, expected: Mapping[str, Any], code: str, chunk_images: int, lists: Sequence[str]
    ) -> None:
        """Resume the work in `folder` if it has the same recipe and number of images, else start anew.

        Args:
            folder: the folder of unfinished work.
            expected: the expected facts of the finished folder.
            code: the hash of the code that computes the pixels.
            chunk_images: the number of images in a chunk.
            lists: the hash of the images' names and sizes for each chunk; other chunks are made again.

        Raises:
            OSError: the disk is full, or the folder cannot be written.
        """
        self.folder = folder
        self.pixels = folder / _COMPLETE / PIXELS_FILE
        self.done: dict[int, str] = {}
        shape = pixels_shape(expected)
        self._image_bytes = int(np.prod(shape[1:]))
        self._chunk_bytes = chunk_images * self._image_bytes
        self._bytes = shape[0] * self._image_bytes
        self._facts = {**expected, "chunk_images": chunk_images}
        self._identity = identity_text(expected, code, chunk_images)
        self._lists = lists
        try:
            matches = (folder / _IDENTITY_FILE).read_text(encoding="utf-8") == self._identity
            with parsing(ValueError):
                matches = matches and np.load(self.pixels, mmap_mode="r", allow_pickle=False).shape == shape
        except (OSError, ValueError):
            matches = False
        if not matches:
            self._begin(shape)
        self.offset = self.pixels.stat().st_size - self._bytes
        self._read_done()

    def add(self, chunk: int, digest: str) -> None:
        """Record that a chunk has been written."""
        self.done[chunk] = digest
        with (self.folder / _DONE_FILE).open("a", encoding="ascii") as file:
            file.write(f"{chunk} {self._lists[chunk]} {digest}\n")

    def publish(self, out: Path, labels_text: str) -> dict[str, Any]:
        """Move the complete folder to `out`, in place of an older one, and return its description.

        Raises:
            OSError: the disk is full, or `out` cannot be written.
        """
        joined = "".join(digest for _, digest in sorted(self.done.items()))
        facts = {**self._facts, "pixels_sha256": hashlib.sha256(joined.encode()).hexdigest()}
        complete = self.folder / _COMPLETE
        (complete / LABELS_FILE).write_text(labels_text, encoding="utf-8")
        (complete / PROVENANCE_FILE).write_text(PROVENANCE.text(facts), encoding="utf-8")
        for path in complete.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        out.parent.mkdir(parents=True, exist_ok=True)
        replaced = out.with_name(f".{out.name}.replaced")
        shutil.rmtree(replaced, ignore_errors=True)
        if out.exists():
            out.rename(replaced)
        _move(complete, out)
        sync_folder(out.parent)
        shutil.rmtree(replaced, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        return facts

    def _begin(self, shape: tuple[int, ...]) -> None:
        for old in (_IDENTITY_FILE, _DONE_FILE):
            (self.folder / old).unlink(missing_ok=True)
        if self.pixels.parent.exists():
            shutil.rmtree(self.pixels.parent)
        self.pixels.parent.mkdir()
        try:
            with self.pixels.open("wb") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call]
                file.flush()
                # Reserve the space now: a full disk is then an error before hours of work, not after.
                os.posix_fallocate(file.fileno(), 0, file.tell() + self._bytes)
        except OSError:
            shutil.rmtree(self.pixels.parent, ignore_errors=True)
            raise
        (self.folder / _IDENTITY_FILE).write_text(self._identity, encoding="utf-8")

    def _read_done(self) -> None:
        """Accept a recorded chunk only if its images and the digest of its bytes are equal."""
        with self.pixels.open("rb") as file:
            for chunk, digest in read_done(self.folder, self._lists).items():
                begin = chunk * self._chunk_bytes
                file.seek(self.offset + begin)
                content = file.read(min(self._chunk_bytes, self._bytes - begin))
                if hashlib.sha256(content).hexdigest() == digest:
                    self.done[chunk] = digest


def identity_text(expected: Mapping[str, Any], code: str, chunk_images: int) -> str:
    """Return the text that identifies unfinished work whose chunks can be reused."""
    facts = {key: value for key, value in expected.items() if key not in _OF_ALL_IMAGES}
    return json.dumps({**facts, "code": code, "chunk_images": chunk_images}, sort_keys=True)


def read_done(folder: Path, lists: Sequence[str]) -> dict[int, str]:
    """Return the recorded digests of chunks of these images by number."""
    try:
        lines = (folder / _DONE_FILE).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return {}
    done = {}
    for chunk, _, rest in (line.partition(" ") for line in lines):
        images, _, digest = rest.partition(" ")
        number = whole_number(chunk)
        if number is not None and number < len(lists) and lists[number] == images:
            done[number] = digest
    return done


def _move(complete: Path, out: Path) -> None:
    try:
        complete.rename(out)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # `out` is on another file system.
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", suffix=".partial", dir=out.parent) as beside:
            copy = Path(beside, _COMPLETE)
            shutil.copytree(complete, copy)
            copy.rename(out)


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Lock a folder of unfinished work for this process, at most until the process ends.

    Raises:
        DatasetError: another process holds the lock.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        # The forked workers do not hold the lock.
        with (folder / _CLAIM_FILE).open("a") as file:
            if not locks.acquire(file, inherited=False):
                advice = "wait for it and repeat the command to use its images, or pass another --out"
                raise DatasetError(folder, "is in use by another process that makes the same images", advice)
            # Its previous holder may have removed or moved it in the meantime.
            if locks.is_at(file, folder / _CLAIM_FILE):
                yield
                return


def take_over(folder: Path, left: Path, identity: str, lists: Sequence[str]) -> None:
    """Move unfinished work of an earlier run, `<left>/<any>/<name of folder>`, to `folder` unless `folder` exists.

    The work must have the same identity (`identity_text`) and a chunk of the same images (`lists`).
    """
    if folder.exists():
        return
    for other in sorted(left.glob(f"*/{folder.name}")):
        # Skip a folder that is in use or disappears.
        with suppress(DatasetError, OSError, ValueError), claim(other):
            if (other / _IDENTITY_FILE).read_text(encoding="utf-8") == identity and read_done(other, lists):
                folder.parent.mkdir(parents=True, exist_ok=True)
                other.rename(folder)
                with suppress(OSError):  # it may hold other files
                    other.parent.rmdir()
                return
