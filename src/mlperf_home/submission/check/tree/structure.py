"""The tree as a whole: what may stand in its root, and names, sizes and links anywhere in it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.submission.check.tree.places import Finding, Frame

# What every file system and git on every system can hold.
_FRIENDLY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=@,()#~-]*")


def check_structure(frame: Frame) -> Iterator[Finding]:
    """Check the root, the divisions and every name below them."""
    yield from _root(frame)
    for division in frame.rules.submission.folders.divisions:
        folder = frame.root / division
        if folder.is_dir():
            yield from _division(frame, folder)
            yield from _below(frame, folder)


def _root(frame: Frame) -> Iterator[Finding]:
    folders = frame.rules.submission.folders
    remedy = "move it out of the submission"
    for path in sorted(frame.root.iterdir()):
        if path.is_dir():
            if path.name not in (*folders.divisions, *folders.beside_divisions):
                problem = f"a folder that is no division ({', '.join(folders.divisions)})"
                yield frame.finding(path, "root-folder", problem, remedy)
        elif path.suffix not in folders.root_suffixes:
            problem = f"a file in the root that is not {' or '.join(folders.root_suffixes)}"
            yield frame.finding(path, "root-file", problem, remedy)
    if not any((frame.root / name).is_dir() for name in folders.divisions):
        yield frame.finding(frame.root, "empty-tree", "holds no division", "generate the submission first")


def _division(frame: Frame, folder: Path) -> Iterator[Finding]:
    entries = sorted(folder.iterdir())
    for path in entries:
        if not path.is_dir():
            yield frame.finding(path, "division-file", "a file outside the submitters' folders", "move it out")
    if not any(path.is_dir() for path in entries):
        yield frame.finding(folder, "empty-tree", "holds no submitter", "generate the submission first")


def _below(frame: Frame, division: Path) -> Iterator[Finding]:
    limit = frame.rules.submission.limits.file_bytes
    for name, subfolders, files in os.walk(division):
        folder = Path(name)
        if not subfolders and not files:
            yield frame.finding(folder, "empty-folder", "is empty", "remove it")
        yield from _names(frame, folder, [*subfolders, *files])
        for each in (folder / entry for entry in (*subfolders, *files)):
            if each.is_symlink() and not each.exists():
                yield frame.finding(each, "broken-link", "is a link to nothing", "replace it by the file")
            elif each.is_symlink():
                # The official checker looks links up from the root of the submission, and elsewhere they lead nowhere.
                yield frame.finding(each, "link", "is a link", "replace it by what it leads to")
            elif each.is_file() and each.stat().st_size > limit:
                problem = f"has {each.stat().st_size / 2**20:.1f} MB, above {limit / 2**20:.0f} MB"
                yield frame.finding(each, "file-size", problem, "truncate the accuracy log, or remove the file")


def _names(frame: Frame, folder: Path, names: list[str]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name in sorted(names):
        path = folder / name
        if name == "__pycache__":
            yield frame.finding(path, "pycache", "holds compiled Python", "remove it")
        elif " " in name:
            yield frame.finding(path, "space-in-name", "has a space in its name", "rename it")
        elif not _FRIENDLY.fullmatch(name):
            problem = "has a name that git or another system may not take (hidden, or with odd characters)"
            yield frame.finding(path, "unfriendly-name", problem, "rename or remove it")
        elif other := seen.get(name.lower()):
            yield frame.finding(path, "case-collision", f"differs from {other} by case only", "remove one of the two")
        seen[name.lower()] = name
