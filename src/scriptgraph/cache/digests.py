"""Digests of files and folders; those of large folders are stored between runs with the stamps of their files."""

from __future__ import annotations

import os
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING

from scriptgraph.files.atomic import LockedJson
from scriptgraph.files.sha256 import sha256
from scriptgraph.files.stamps import UNSETTLED, settled_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOT_CONTENT = frozenset({"__pycache__", ".git"})
# Below this size, rereading the files is as fast as looking the digest up.
_LARGE_BYTES = 1 << 18
_MOST_STORED = 100


class KnownDigests:
    """Digests computed in this run, and those of large folders from earlier runs.

    `stored` is the file of the latter; without it, nothing is stored.
    """

    def __init__(self, stored: Path | None = None) -> None:
        self._stored = LockedJson(stored) if stored else None
        self._computed: dict[Path, str] = {}

    def of_file(self, path: Path) -> str:
        """Return the SHA-256 of a file."""
        if path not in self._computed:
            self._computed[path] = sha256(path.read_bytes()).hexdigest()
        return self._computed[path]

    def of_folder(self, folder: Path) -> str:
        """Return a SHA-256 of the names and contents of a folder's files, without compiled code and .git."""
        if folder not in self._computed:
            # In the order of paths: what is in a folder comes right after its name.
            names = sorted(_files(str(folder), "", {os.path.realpath(folder)}), key=lambda name: name.split("/"))
            large = sum((folder / name).stat().st_size for name in names) > _LARGE_BYTES
            self._computed[folder] = self._of_large(folder, names) if large else _hash(folder, names)
        return self._computed[folder]

    def _of_large(self, folder: Path, names: list[str]) -> str:
        if self._stored is None:
            return _hash(folder, names)
        stamps = [settled_stamp(str(folder / name)) for name in names]
        state = sha256(b"".join(stamps) + "\0".join(names).encode(errors="surrogateescape")).hexdigest()
        entry = self._stored.read().get(str(folder))
        if isinstance(entry, list) and entry[:-1] == [state] and UNSETTLED not in stamps:
            return str(entry[-1])
        digest = _hash(folder, names)
        if UNSETTLED not in stamps:

            def change(document: dict[str, object]) -> None:
                document.pop(str(folder), None)
                for other in list(document)[: max(0, len(document) + 1 - _MOST_STORED)]:
                    del document[other]
                document[str(folder)] = [state, digest]

            with suppress(OSError):  # an unwritable file only costs rereading the folder next time
                self._stored.update(change)
        return digest


def _files(folder: str, prefix: str, linked: set[str]) -> Iterator[str]:
    """Yield the files below a folder, also of folders that it links to; `linked` has those that were entered so."""
    with os.scandir(folder) as entries:
        # In one order, since a folder with two links is entered by the first.
        for entry in sorted(entries, key=attrgetter("name")):
            if entry.name in _NOT_CONTENT:
                continue
            if entry.is_file():
                yield prefix + entry.name
            elif entry.is_dir() and not (entry.is_symlink() and (real := os.path.realpath(entry.path)) in linked):
                if entry.is_symlink():
                    linked.add(real)
                yield from _files(entry.path, f"{prefix}{entry.name}/", linked)


def _hash(folder: Path, names: list[str]) -> str:
    digest = sha256(b"")
    for name in names:
        content = (folder / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode(errors="surrogateescape"))
        digest.update(content)
    return digest.hexdigest()
