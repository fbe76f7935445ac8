"""The folder of images while it is made: what is done of it survives the end of the process that made it."""

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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_WANTED_FILE = "wanted.json"
_DONE_FILE = "done.txt"
_CLAIM_FILE = "claim"
_WHOLE = "whole"
# What the pixels of one chunk do not depend on: it has a list of its own.
_OF_THE_WHOLE = ("list_sha256", "labels_sha256")


class Unfinished:
    """An array of images in the making, in chunks.

    Attributes:
        pixels: the array's file.
        offset: where its values begin, in bytes.
        done: the digests of the chunks that are there, by number.
    """

    def __init__(
        self, folder: Path, wanted: Mapping[str, Any], code: str, chunk_images: int, lists: Sequence[str]
    ) -> None:
        """Go on with what is there, if it was begun for as many images made the same way, else begin.

        `code` is the hash of the code that makes pixels; `lists` has for each chunk the hash of its images' names and
        sizes: what was made of others is made again.

        Raises:
            OSError: there is no room, or the folder cannot be written.
        """
        self.folder = folder
        self.pixels = folder / _WHOLE / PIXELS_FILE
        self.done: dict[int, str] = {}
        shape = pixels_shape(wanted)
        self._image_bytes = int(np.prod(shape[1:]))
        self._chunk_bytes = chunk_images * self._image_bytes
        self._bytes = shape[0] * self._image_bytes
        self._facts = {**wanted, "chunk_images": chunk_images}
        self._wanted = begun_for(wanted, code, chunk_images)
        self._lists = lists
        try:
            begun = (folder / _WANTED_FILE).read_text(encoding="utf-8") == self._wanted
            begun = begun and np.load(self.pixels, mmap_mode="r", allow_pickle=False).shape == shape
        except (OSError, ValueError, EOFError):
            begun = False
        if not begun:
            self._begin(shape)
        self.offset = self.pixels.stat().st_size - self._bytes
        self._read_done()

    def add(self, chunk: int, digest: str) -> None:
        """Note that a chunk has been written."""
        self.done[chunk] = digest
        with (self.folder / _DONE_FILE).open("a", encoding="ascii") as file:
            file.write(f"{chunk} {self._lists[chunk]} {digest}\n")

    def publish(self, out: Path, labels_text: str) -> dict[str, Any]:
        """Move the whole to its place, instead of an older one; return its description.

        Raises:
            OSError: there is no room, or the place cannot be written.
        """
        joined = "".join(digest for _, digest in sorted(self.done.items()))
        facts = {**self._facts, "pixels_sha256": hashlib.sha256(joined.encode()).hexdigest()}
        whole = self.folder / _WHOLE
        (whole / LABELS_FILE).write_text(labels_text, encoding="utf-8")
        (whole / PROVENANCE_FILE).write_text(PROVENANCE.text(facts), encoding="utf-8")
        for path in whole.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        out.parent.mkdir(parents=True, exist_ok=True)
        replaced = out.with_name(f".{out.name}.replaced")
        shutil.rmtree(replaced, ignore_errors=True)
        if out.exists():
            out.rename(replaced)
        _move(whole, out)
        sync_folder(out.parent)
        shutil.rmtree(replaced, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        return facts

    def _begin(self, shape: tuple[int, ...]) -> None:
        for old in (_WANTED_FILE, _DONE_FILE):
            (self.folder / old).unlink(missing_ok=True)
        if self.pixels.parent.exists():
            shutil.rmtree(self.pixels.parent)
        self.pixels.parent.mkdir()
        try:
            with self.pixels.open("wb") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call]
                file.flush()
                # Room is taken now, so that a full disk is noticed before hours of work, not after.
                os.posix_fallocate(file.fileno(), 0, file.tell() + self._bytes)
        except OSError:
            shutil.rmtree(self.pixels.parent, ignore_errors=True)
            raise
        (self.folder / _WANTED_FILE).write_text(self._wanted, encoding="utf-8")

    def _read_done(self) -> None:
        """Believe a note only if the chunk is of the same images, and its bytes are those that it tells."""
        with self.pixels.open("rb") as file:
            for chunk, digest in noted(self.folder, self._lists).items():
                begin = chunk * self._chunk_bytes
                file.seek(self.offset + begin)
                content = file.read(min(self._chunk_bytes, self._bytes - begin))
                if hashlib.sha256(content).hexdigest() == digest:
                    self.done[chunk] = digest


def begun_for(wanted: Mapping[str, Any], code: str, chunk_images: int) -> str:
    """Return the text that a folder of unfinished work has, if its chunks may be used for what is wanted."""
    same = {key: value for key, value in wanted.items() if key not in _OF_THE_WHOLE}
    return json.dumps({**same, "code": code, "chunk_images": chunk_images}, sort_keys=True)


def noted(folder: Path, lists: Sequence[str]) -> dict[int, str]:
    """Return the digests that are noted for chunks of these images, by the chunks' numbers."""
    try:
        lines = (folder / _DONE_FILE).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return {}
    found = {}
    for chunk, _, rest in (line.partition(" ") for line in lines):
        images, _, digest = rest.partition(" ")
        if chunk.isdecimal() and int(chunk) < len(lists) and lists[int(chunk)] == images:
            found[int(chunk)] = digest
    return found


def _move(whole: Path, out: Path) -> None:
    try:
        whole.rename(out)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The place is on another file system.
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", suffix=".partial", dir=out.parent) as beside:
            copy = Path(beside, _WHOLE)
            shutil.copytree(whole, copy)
            copy.rename(out)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep a folder of unfinished work to this process; the claim ends with the process, however that ends.

    Raises:
        DatasetError: another process has it.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        # The workers, which are forked, do not hold it.
        with (folder / _CLAIM_FILE).open("a") as file:
            if not locks.acquire(file, inherited=False):
                advice = "wait until it is done and run this again, which will use its images; or give another --out"
                raise DatasetError(folder, "is in use: another process makes the same images", advice)
            # Whoever had it may have finished and removed it, or taken it over, in between.
            if locks.is_at(file, folder / _CLAIM_FILE):
                yield
                return


def take_over(folder: Path, left: Path, begun: str, lists: Sequence[str]) -> None:
    """Move what an earlier run has left, as `<left>/<any>/<name of folder>`, to `folder`, where nothing is there yet.

    It was begun the same way (`begun_for`), and has a chunk of the same images, whose hashes are `lists`.
    """
    if folder.exists():
        return
    for other in sorted(left.glob(f"*/{folder.name}")):
        # A folder that is in use, or that goes away meanwhile, is passed over.
        with suppress(DatasetError, OSError, ValueError), claimed(other):
            if (other / _WANTED_FILE).read_text(encoding="utf-8") == begun and noted(other, lists):
                folder.parent.mkdir(parents=True, exist_ok=True)
                other.rename(folder)
                with suppress(OSError):  # where nothing else is in it, it has served
                    other.parent.rmdir()
                return
