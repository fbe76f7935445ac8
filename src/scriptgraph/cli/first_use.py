"""Write the files of cmind's folder at its first use.

cmind writes `repos.json` and `index.json` in place, and several first commands at once read parts of them. Here, one
process writes them, the others wait, and each file appears whole.
"""

from __future__ import annotations

import os
from pathlib import Path

from scriptgraph.errors import ScriptGraphError
from scriptgraph.files import locks
from scriptgraph.files.atomic import replace_bytes

# The last one marks the folder as complete.
_FILES = ("repos/local/cmr.yaml", "index.json", "repos.json")


def prepare_folder(folder: Path) -> None:
    """Make the folder of registered repositories as cmind does, unless it is there.

    Raises:
        ScriptGraphError: the folder cannot be written.
    """
    if (folder / _FILES[-1]).is_file():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            locks.acquire(descriptor, wait=True)
            if not (folder / _FILES[-1]).is_file():
                _write_files(folder)
        finally:
            os.close(descriptor)
    except OSError as error:
        remedy = "set CM_REPOS to a folder that you can write to"
        raise ScriptGraphError(f"CM_REPOS={folder}: cannot be written ({error.strerror}); {remedy}") from None


def _write_files(folder: Path) -> None:
    """Let cmind write its files into a folder of its own, and copy them whole."""
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - most commands do not need cmind

    from cmind.core import CM  # noqa: PLC0415 - as above

    with TemporaryDirectory(prefix=".first-use-", dir=folder) as made:
        answer = CM(repos_path=made).access({"action": "search", "automation": "repo"})
        if answer["return"]:
            raise ScriptGraphError(f"{folder}: cmind could not prepare it: {answer['error']}")
        for name in _FILES:
            source, target = Path(made, name), folder / name
            if source.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                replace_bytes(target, source.read_bytes())
