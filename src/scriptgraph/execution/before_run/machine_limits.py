"""Check the values whose limits only this machine knows, before the first step: CPUs, folders and files."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.errors import RequestError
from scriptgraph.manifest.limits import CPUS
from scriptgraph.manifest.types import PLACEHOLDER
from scriptgraph.planning.environment import as_text
from scriptgraph.planning.options import spelled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scriptgraph.manifest.types import Input
    from scriptgraph.planning.plan import Plan, Request

# Room for the folders and files that steps make below a folder of the user.
_ROOM_BYTES = 1024
_LONGEST_PATH_BYTES = 4096 - _ROOM_BYTES
_LONGEST_NAME_BYTES = 255
_NOTHING = "nothing is there; give the path of an existing file or folder"


def check_machine(plan: Plan, request: Request) -> None:
    """Raise if a value asks for more CPUs than the process may use, or names a place that cannot be used.

    Raises:
        RequestError: the first such value, spelled as the user wrote it.
    """
    seen: set[tuple[str, str]] = set()
    for step in plan.steps():
        for option in step.manifest.inputs.values():
            if not (option.place or option.maximum == CPUS):
                continue
            value = step.env.get(option.env_key)
            text = "" if value is None else as_text(value)
            if not text or PLACEHOLDER.search(text) or (option.env_key, text) in seen:
                continue
            seen.add((option.env_key, text))
            if problem := _problem(option, text):
                raise RequestError(f"{spelled(plan.root, request, option, step)}: {problem}")


def check_folders(folders: Iterable[tuple[str, Path]]) -> None:
    """Raise if a folder of the run itself, such as its home, cannot be written; each comes with its option.

    Raises:
        RequestError: the first such folder.
    """
    for option, folder in folders:
        if problem := _too_long(folder) or _problem_of_folder(folder, folder):
            raise RequestError(f"{option}={folder}: {problem}")


def _problem(option: Input, text: str) -> str:
    if option.maximum == CPUS:
        from scriptgraph.files.control_groups import usable_cpus  # noqa: PLC0415 - most runs set no such option

        allowed = usable_cpus()
        most = max((int(word) for word in re.split(r"[,;\s]+", text) if word.isdecimal()), default=0)
        return f"must be at most {allowed}, the number of CPUs that the process may use" if most > allowed else ""
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError:
        return "names an unknown user; correct the name after ~"
    if option.place == "existing":
        return "" if os.path.exists(path) else _NOTHING  # noqa: PTH110 - no exception for a name that is too long
    if problem := _too_long(path):
        return problem
    if option.place == "folder":
        return _problem_of_folder(path, path)
    return "is a folder; name a file" if path.is_dir() else _problem_of_folder(path.parent, path)


def _problem_of_folder(folder: Path, given: Path) -> str:
    """Return why files cannot be written below a folder, which may be missing; empty if they can.

    `given` is the path that the user wrote.
    """
    # The nearest existing one; a broken link exists too.
    nearest = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    where = "" if nearest == given else f"{nearest} "
    try:
        if not nearest.is_dir():
            return f"{where}cannot be written: it is not a folder; name another, or move the file away"
        _try_to_write(nearest)
    except OSError as error:
        return f"{where}cannot be written ({error.strerror}); name another folder"
    return ""


def _try_to_write(folder: Path) -> None:
    """Raise OSError if nothing can be written to a folder; permissions alone do not tell, least of all to root."""
    try:
        # A file without a name, which no other program sees.
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600))
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT}:
            raise
        import tempfile  # noqa: PLC0415 - few file systems have no such files

        os.rmdir(tempfile.mkdtemp(dir=folder, prefix="."))  # noqa: PTH106 - a name


def _too_long(path: Path) -> str:
    longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    if longest > _LONGEST_NAME_BYTES:
        return f"has a name of {longest} bytes; a name may have {_LONGEST_NAME_BYTES}"
    length = len(os.fsencode(path))
    return f"has {length} bytes; at most {_LONGEST_PATH_BYTES} are possible" if length > _LONGEST_PATH_BYTES else ""
