"""Whether packages can be installed without a network, asked of uv, which changes nothing for the answer."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError
from scriptgraph.process.programs import run

if TYPE_CHECKING:
    from scriptgraph.python_env.environments import Uv

_TIMEOUT_S = 60.0


def installable_offline(uv: Uv, python: Path, lock_file: Path) -> bool:
    """Say whether uv's own store has every wheel that a lock file lists.

    Args:
        uv: uv.
        python: the interpreter that they are for.
        lock_file: a requirements file with hashes.
    """
    with TemporaryDirectory() as name:
        folder, log = Path(name), Path(name) / "uv.log"
        target = ("--target", folder / "target", "--python", python)
        argv = replace(uv, offline=True).argv(
            "pip", "install", "--dry-run", "--require-hashes", *target, "-r", lock_file
        )
        words, env = [str(each) for each in argv], {**os.environ, **uv.env}
        try:
            completed = run(words, env=env, cwd=folder, log=log, timeout_s=_TIMEOUT_S)
        except ScriptGraphError:
            return False
        # What would be downloaded stands before the list of packages, which may be long.
        return completed.ok and "Would download" not in log.read_text(encoding="utf-8", errors="replace")
