"""The folder of images while it is made: what is done of it survives the end of the process that made it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlperf_home.atomic import sync_folder
from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet import store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WANTED_FILE = "wanted.json"
_DONE_FILE = "done.txt"
_CLAIM_FILE = "claim"
_WHOLE = "whole"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep a folder of unfinished work to this process; the claim ends with the process, however that ends.

    Raises:
        DatasetError: another process has it.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        # A lock of this kind is not inherited by the workers.
        with (folder / _CLAIM_FILE).open("a") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                advice = "wait until it is done and run this again, which will use its images; or give another --out"
                raise DatasetError(folder, "is in use: another process makes the same images", advice) from None
            # Whoever had it may have finished and removed it in between.
            if _is_at(file.fileno(), folder / _CLAIM_FILE):
                yield
                return


class Unfinished:
    """An array of images in the making, in chunks.

    Attributes:
        folder: where it is.
        pixels: the array's file.
        offset: where its values begin, in bytes.
        done: the digests of the chunks that are there, by number.
    """

    def __init__(self, folder: Path, wanted: Mapping[str, Any], chunk_images: int) -> None:
        """Go on with what is there, if it was begun for the same images, else begin.

        Raises:
            OSError: there is no room, or the folder cannot be written.
        """
        self.folder = folder
        self.pixels = folder / _WHOLE / store.PIXELS_FILE
        self.done: dict[int, str] = {}
        shape = store.pixels_shape(wanted)
        self._image_bytes = int(np.prod(shape[1:]))
        self._chunk_bytes = chunk_images * self._image_bytes
        self._bytes = shape[0] * self._image_bytes
        self._wanted = json.dumps({**wanted, "chunk_images": chunk_images}, sort_keys=True)
        if not self._begun(shape):
            self._begin(shape)
        self.offset = self.pixels.stat().st_size - self._bytes
        self._read_done()

    def add(self, chunk: int, digest: str) -> None:
        """Note that a chunk has been written."""
        self.done[chunk] = digest
        with (self.folder / _DONE_FILE).open("a", encoding="ascii") as file:
            file.write(f"{chunk} {digest}\n")

    def publish(self, out: Path, labels_text: str) -> dict[str, Any]:
        """Give the whole its name, in the place of an older one, and its description.

        Raises:
            OSError: there is no room, or the place cannot be written.
        """
        joined = "".join(digest for _, digest in sorted(self.done.items()))
        wanted = json.loads(self._wanted)
        facts = {**wanted, "pixels_sha256": hashlib.sha256(joined.encode()).hexdigest()}
        whole = self.folder / _WHOLE
        (whole / store.LABELS_FILE).write_text(labels_text, encoding="utf-8")
        (whole / store.PROVENANCE_FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
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

    def _begun(self, shape: tuple[int, ...]) -> bool:
        try:
            same = (self.folder / _WANTED_FILE).read_text(encoding="utf-8") == self._wanted
            return same and np.load(self.pixels, mmap_mode="r", allow_pickle=False).shape == shape
        except (OSError, ValueError, EOFError):
            return False

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
        """Believe a note only if the chunk's bytes are those that it tells."""
        try:
            lines = (self.folder / _DONE_FILE).read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return
        with self.pixels.open("rb") as file:
            for chunk, _, digest in (line.partition(" ") for line in lines):
                begin = int(chunk) * self._chunk_bytes if chunk.isdecimal() else self._bytes
                length = min(self._chunk_bytes, self._bytes - begin)
                file.seek(self.offset + begin)
                if length > 0 and hashlib.sha256(file.read(length)).hexdigest() == digest:
                    self.done[int(chunk)] = digest


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


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
