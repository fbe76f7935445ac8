"""An entry's files: what they are, so that damage is noticed, how much room they take, and how they go.

Damage is noticed cheaply on a hit, in full on request: sizes and links are in one file, which every hit reads; hashes
in another, which only a full check does.
Compiled Python is left out: the interpreter writes it when it likes.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_text
from scriptgraph.files.json_reader import Limits, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT = "content"
# More files than the largest dataset of the field holds: 1.3 million.
_LIMITS = Limits(size=512 << 20, depth=4, values=4_000_000)
_INVENTORY, _HASHES = "inventory.json", "sha256.json"
_CHUNK_BYTES = 1 << 20
_BLOCK_BYTES = 512  # the unit of st_blocks, whatever the file system's own


def write_inventory(entry: Path) -> None:
    """Note the files and links of an entry's content, with their sizes, targets and hashes."""
    files: dict[str, int] = {}
    links: dict[str, str] = {}
    for found in _walk(str(entry / CONTENT)):
        name = os.path.relpath(found.path, entry / CONTENT)
        if found.is_symlink():
            links[name] = str(Path(found.path).readlink())
        elif found.is_file(follow_symlinks=False):
            files[name] = found.stat(follow_symlinks=False).st_size
    hashes = {name: _sha256(entry / CONTENT / name) for name in files}
    replace_text(entry / _INVENTORY, json.dumps({"files": files, "links": links}))
    replace_text(entry / _HASHES, json.dumps(hashes))


def damages(entry: Path) -> Iterator[str]:
    """Yield what is gone or has another size or target; files that came later are no damage."""
    try:
        inventory = read_json(entry / _INVENTORY, _LIMITS, paths=True)
        files, links = inventory["files"].items(), inventory["links"].items()
    except DocumentError as error:
        yield f"{_INVENTORY} {error.problem}"
        return
    except (KeyError, TypeError, AttributeError):
        yield f"{_INVENTORY} is no inventory"
        return
    if not (entry / CONTENT).is_dir():
        yield f"{CONTENT} is gone"
        return
    for name, size in files:
        problem = _file_problem(f"{entry}/{CONTENT}/{name}", size)
        if problem:
            yield f"{CONTENT}/{name} {problem}"
    for name, target in links:
        found = ""
        with suppress(OSError, ValueError):
            found = str((entry / CONTENT / name).readlink())
        if found != target:
            yield f"{CONTENT}/{name} is no link to {target} any more"


def changed_contents(entry: Path) -> Iterator[str]:
    """Yield the files whose bytes are not those that were published; reads all of them."""
    try:
        hashes = read_json(entry / _HASHES, _LIMITS, paths=True).items()
    except DocumentError as error:
        yield f"{_HASHES} {error.problem}"
        return
    except AttributeError:
        yield f"{_HASHES} is no object"
        return
    for name, expected in hashes:
        try:
            same = _sha256(entry / CONTENT / name) == expected
        except (OSError, ValueError) as error:
            yield f"{CONTENT}/{name} cannot be read ({getattr(error, 'strerror', None) or error})"
            continue
        if not same:
            yield f"{CONTENT}/{name} has other bytes"


def _file_problem(path: str, size: int) -> str:
    try:
        found = os.lstat(path)
    except (OSError, ValueError):  # no file has a NUL in its name
        return "is gone"
    if not stat.S_ISREG(found.st_mode):
        return "is no file any more"
    return "" if found.st_size == size else f"has {found.st_size} bytes in place of {size}"


def _walk(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        for each in found:
            if each.is_dir(follow_symlinks=False):
                if each.name != "__pycache__":
                    yield from _walk(each.path)
            elif not each.name.endswith(".pyc"):
                yield each


def _sha256(path: Path) -> str:
    import hashlib  # noqa: PLC0415 - loads OpenSSL, which most commands do without

    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def disk_bytes(folder: Path) -> int:
    """Add up what a folder takes on the disk; a file with several names in it counts once.

    What goes away meanwhile counts as nothing, and so do links to folders.
    """
    total, seen = 0, set[tuple[int, int]]()
    for parent, _, files in os.walk(folder):
        for name in (".", *files):
            try:
                found = os.lstat(f"{parent}/{name}")
            except OSError:
                continue
            if found.st_nlink > 1 and name != ".":
                if (found.st_dev, found.st_ino) in seen:
                    continue
                seen.add((found.st_dev, found.st_ino))
            total += found.st_blocks * _BLOCK_BYTES
    return total


def remove_tree(folder: Path) -> None:
    """Delete a folder, one that its maker has protected from writing as well."""
    import shutil  # noqa: PLC0415 - its import takes long, and what is found needs no removal

    try:
        shutil.rmtree(folder)
    except PermissionError:
        folder.chmod(0o700)
        for parent, folders, _ in os.walk(folder):
            for each in (Path(parent, name) for name in folders):
                if not each.is_symlink():
                    each.chmod(0o700)
        shutil.rmtree(folder)
