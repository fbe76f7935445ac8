"""Digests of files and folders; those of large ones are kept from run to run, by the stamps of their files."""

from __future__ import annotations

import os
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING

from scriptgraph.files.atomic import KeptJson
from scriptgraph.files.sha256 import sha256
from scriptgraph.files.stamps import UNSETTLED, settled_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOT_CONTENT = frozenset({"__pycache__", ".git"})
# Below this, reading the files again is as fast as looking the digest up.
_LARGE_BYTES = 1 << 18
_MOST_KEPT = 100


class KnownDigests:
    """What has been hashed in this run, and what is known of large folders from earlier ones."""

    def __init__(self, kept: Path | None = None) -> None:
        self._kept = KeptJson(kept) if kept else None
        self._now: dict[Path, str] = {}

    def of_file(self, path: Path) -> str:
        """Hash a file."""
        if path not in self._now:
            self._now[path] = sha256(path.read_bytes()).hexdigest()
        return self._now[path]

    def of_folder(self, folder: Path) -> str:
        """Hash the names and contents of all files in a folder, but for compiled code and version control."""
        if folder not in self._now:
            # In the order of paths: what is in a folder comes right after its name.
            names = sorted(_files(str(folder), "", {os.path.realpath(folder)}), key=lambda name: name.split("/"))
            large = sum((folder / name).stat().st_size for name in names) > _LARGE_BYTES
            self._now[folder] = self._of_large(folder, names) if large else _hash(folder, names)
        return self._now[folder]

    def _of_large(self, folder: Path, names: list[str]) -> str:
        if self._kept is None:
            return _hash(folder, names)
        marks = [settled_stamp(str(folder / name)) for name in names]
        seen = sha256(b"".join(marks) + "\0".join(names).encode(errors="surrogateescape")).hexdigest()
        entry = self._kept.read().get(str(folder))
        if isinstance(entry, list) and entry[:-1] == [seen] and UNSETTLED not in marks:
            return str(entry[-1])
        digest = _hash(folder, names)
        if UNSETTLED not in marks:

            def change(document: dict[str, object]) -> None:
                document.pop(str(folder), None)
                for other in list(document)[: max(0, len(document) + 1 - _MOST_KEPT)]:
                    del document[other]
                document[str(folder)] = [seen, digest]

            with suppress(OSError):  # then the folder is read again the next time
                self._kept.update(change)
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
