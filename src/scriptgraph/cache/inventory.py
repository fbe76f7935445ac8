"""The inventory of an entry's files: detect damage, measure size on disk, remove.

Every cache hit compares sizes and link targets with inventory.json. Only a full check reads all files and compares
their hashes with sha256.json. Compiled Python is left out, because the interpreter rewrites it at any time.
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
# Above the 1.3 million files of the largest dataset of MLPerf.
_LIMITS = Limits(size=512 << 20, depth=4, values=4_000_000)
_INVENTORY, _HASHES = "inventory.json", "sha256.json"
_CHUNK_BYTES = 1 << 20
_BLOCK_BYTES = 512  # the unit of st_blocks on every file system


def write_inventory(entry: Path) -> None:
    """Write the sizes and hashes of an entry's files, and the targets of its links."""
    files: dict[str, int] = {}
    links: dict[str, str] = {}
    for file in _walk(str(entry / CONTENT)):
        name = os.path.relpath(file.path, entry / CONTENT)
        if file.is_symlink():
            links[name] = str(Path(file.path).readlink())
        elif file.is_file(follow_symlinks=False):
            files[name] = file.stat(follow_symlinks=False).st_size
    hashes = {name: _sha256(entry / CONTENT / name) for name in files}
    replace_text(entry / _INVENTORY, json.dumps({"files": files, "links": links}))
    replace_text(entry / _HASHES, json.dumps(hashes))


def damages(entry: Path) -> Iterator[str]:
    """Yield a text for each file or link that is missing or has another size or target; added files are allowed."""
    try:
        inventory = read_json(entry / _INVENTORY, _LIMITS, paths=True)
        files, links = inventory["files"].items(), inventory["links"].items()
    except DocumentError as error:
        yield f"{_INVENTORY} {error.problem}"
        return
    except (KeyError, TypeError, AttributeError):
        yield f"{_INVENTORY} is not an inventory"
        return
    if not (entry / CONTENT).is_dir():
        yield f"{CONTENT} is missing"
        return
    for name, size in files:
        problem = _file_problem(f"{entry}/{CONTENT}/{name}", size)
        if problem:
            yield f"{CONTENT}/{name} {problem}"
    for name, target in links:
        current = ""
        with suppress(OSError, ValueError):
            current = str((entry / CONTENT / name).readlink())
        if current != target:
            yield f"{CONTENT}/{name} is no longer a link to {target}"


def changed_contents(entry: Path) -> Iterator[str]:
    """Yield a text for each file that differs from its hash; reads all files."""
    try:
        hashes = read_json(entry / _HASHES, _LIMITS, paths=True).items()
    except DocumentError as error:
        yield f"{_HASHES} {error.problem}"
        return
    except AttributeError:
        yield f"{_HASHES} is not a JSON object"
        return
    for name, expected in hashes:
        try:
            same = _sha256(entry / CONTENT / name) == expected
        except (OSError, ValueError) as error:
            yield f"{CONTENT}/{name} cannot be read ({getattr(error, 'strerror', None) or error})"
            continue
        if not same:
            yield f"{CONTENT}/{name} does not have its recorded hash"


def _file_problem(path: str, size: int) -> str:
    try:
        status = os.lstat(path)
    except (OSError, ValueError):  # ValueError: a damaged inventory may hold a name with NUL
        return "is missing"
    if not stat.S_ISREG(status.st_mode):
        return "is no longer a file"
    return "" if status.st_size == size else f"has {status.st_size} bytes instead of {size}"


def _walk(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as files:
        for each in files:
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
    """Return a folder's size on disk in bytes; a file with several hard links counts once.

    Links to folders, and files that are removed meanwhile, do not count.
    """
    total, seen = 0, set[tuple[int, int]]()
    for parent, _, files in os.walk(folder):
        for name in (".", *files):
            try:
                status = os.lstat(f"{parent}/{name}")
            except OSError:
                continue
            if status.st_nlink > 1 and name != ".":
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
            total += status.st_blocks * _BLOCK_BYTES
    return total


def remove_tree(folder: Path) -> None:
    """Delete a folder, even one with write-protected folders in it."""
    import shutil  # noqa: PLC0415 - a slow import that a cache hit does not need

    try:
        shutil.rmtree(folder)
    except PermissionError:
        folder.chmod(0o700)
        for parent, folders, _ in os.walk(folder):
            for each in (Path(parent, name) for name in folders):
                if not each.is_symlink():
                    each.chmod(0o700)
        shutil.rmtree(folder)
