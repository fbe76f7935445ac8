"""Pack the outputs of a unit, and write its result so that a loss of power leaves the old file or the new one."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRODUCT_HOME = "mlperf-home"
# Other units use these too, or they can be made again.
_SHARED = frozenset({"cache", "state", "index", "downloads", "docker", "fleets"})
_CHUNK_BYTES = 1 << 20
_LONGEST_ANSWER, _LONGEST_ERROR = 1 << 22, 500


def pack(unit: Path) -> tuple[str, int]:
    """Pack answer, log, working directory and home of a unit into outputs.tar.gz; return its SHA-256 and size."""
    making, packed = unit / "outputs.making", unit / "outputs.tar.gz"
    with making.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
            for path, name in _files(unit):
                member = tar.gettarinfo(path, name)
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                with path.open("rb") as content:
                    tar.addfile(member, content)
        file.flush()
        os.fsync(file.fileno())
    making.replace(packed)
    return sha256_of(packed), packed.stat().st_size


def _files(unit: Path) -> Iterator[tuple[Path, str]]:
    """Yield the regular files to pack, each with its name there."""
    for name in ("answer.txt", "log.txt", "runner.log"):
        if (unit / name).is_file():
            yield unit / name, name
    for folder, inside in ((unit / "work", "work"), (unit / "cm" / PRODUCT_HOME, "home")):
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            shared = inside == "home" and parts[0] in _SHARED
            if not shared and path.is_file() and not path.is_symlink():
                yield path, "/".join((inside, *parts))


def error_in(answer: Path) -> str:
    """Return the error of a command's answer on one line; "" if it answered none."""
    try:
        with answer.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_LONGEST_ANSWER)
        error = json.loads(text[text.index("{") :]).get("error")
    except (OSError, ValueError, RecursionError, AttributeError):
        return ""
    return " ".join(str(error or "").split())[:_LONGEST_ERROR]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a document; it is on the disk when this returns."""
    making = path.with_name(f".{path.name}.making")
    with making.open("w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    making.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
