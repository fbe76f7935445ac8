"""Environments that were made before, such as those in the layers of a container's image."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError
from scriptgraph.python_env.interpreters import probe

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDERS_VARIABLE = "CM_READY_ENVIRONMENTS"
"""The variable with the folder of such environments."""


def folder_name(name: str, lock: str) -> str:
    """Return the name of the folder with the environment of a lock file's text."""
    return f"{name}-{hashlib.sha256(lock.encode()).hexdigest()[:16]}"


def ready_environment(lock: Path, python: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the Python of the environment that has been made from a lock file; None if there is none.

    Args:
        lock: the lock file.
        python: the Python that an environment is wanted for; one of another version does not count.
        environ: the environment with the folder's variable.
    """
    folder = environ.get(FOLDERS_VARIABLE)
    if not folder:
        return None
    ready = Path(folder, folder_name(lock.stem, lock.read_text(encoding="utf-8")), "bin", "python")
    if not ready.exists():
        return None
    try:
        return ready if probe(ready).version == probe(python).version else None
    except ScriptGraphError:
        return None
