"""A PostgreSQL server of a test's own, on a socket in a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
_BIN = _PROGRAMS[-1] if _PROGRAMS else Path(shutil.which("initdb") or "/nowhere/x").parent
_AS_USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []


def postgresql_server() -> Iterator[str]:
    """Run a server, and yield its address; skip the test where there is none."""
    if not (_BIN / "initdb").is_file():
        pytest.skip("there is no PostgreSQL server")
    pytest.importorskip("psycopg")
    folder = Path(f"/tmp/pg-{os.getpid()}")  # noqa: S108 - the path of a socket is short
    folder.mkdir()
    try:
        yield _address(folder)
    finally:
        stop = [_BIN / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"]
        subprocess.run([*_AS_USER, *stop], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _address(folder: Path) -> str:
    """Start a server in a folder, on a socket there; return its address."""
    data = folder / "data"
    folder.chmod(0o777)
    environment = {**os.environ, "LC_ALL": "C", "HOME": str(folder)}
    subprocess.run(
        [*_AS_USER, _BIN / "initdb", "-A", "trust", "-U", "board", "-D", data],
        check=True,
        env=environment,
        capture_output=True,
    )
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    words = [_BIN / "pg_ctl", "-D", data, "-o", options, "-w", "-l", folder / "log", "start"]
    subprocess.run([*_AS_USER, *words], check=True, env=environment, capture_output=True)
    return f"postgresql://board@/postgres?host={folder}"
