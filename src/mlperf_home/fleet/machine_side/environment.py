"""Make an environment of ours from carried wheels, once for each digest; nothing is fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

from mlperf_home.fleet.machine_side.locks import lock, open_lock

if TYPE_CHECKING:
    from pathlib import Path

_LAST_LINES = 5


def install(folder: Path, digest: str) -> dict[str, Any]:
    """Make the environment of a digest from FOLDER/wheels, unless it is there; return its Python.

    The wheels' hashes are in FOLDER/environments/DIGEST.txt; uv checks each of them, and is itself one of the wheels.
    """
    place = folder / "environments" / digest
    python = place / "bin" / "python"
    held = open_lock(folder / "environments" / "lock")
    try:
        lock(held, wait=True)
        if not (place / "complete").exists():
            _make(folder, place)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()[-_LAST_LINES:]
        return {"state": "failed", "problem": " | ".join(lines) or f"{error.cmd[1]} failed"}
    except OSError as error:
        return {"state": "failed", "problem": f"{error.filename or place}: {error.strerror}"}
    finally:
        os.close(held)
    return {"state": "installed", "python": str(python)}


def _make(folder: Path, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    requirements = place.with_name(f"{place.name}.txt")
    uv = _unpacked_uv(folder, requirements.read_text(encoding="utf-8"))
    common = ["--no-config", "--offline", "--no-cache", "--no-progress"]
    _run([uv, "venv", *common, "--no-project", "--python", sys.executable, str(place)])
    options = ["--no-index", "--find-links", str(folder / "wheels"), "--require-hashes", "--no-deps", "--no-build"]
    python = str(place / "bin" / "python")
    _run([uv, "pip", "install", *common, *options, "--python", python, "-r", str(requirements)])
    os.sync()
    (place / "complete").touch()


def _unpacked_uv(folder: Path, requirements: str) -> str:
    """Unpack uv from its wheel; return its path."""
    version = next(line for line in requirements.splitlines() if line.startswith("uv==")).split()[0][4:]
    program = folder / "programs" / f"uv-{version}"
    if not program.exists():
        wheel = next((folder / "wheels").glob(f"uv-{version}-*.whl"))
        program.parent.mkdir(parents=True, exist_ok=True)
        making = program.with_name(f"{program.name}.making")
        with zipfile.ZipFile(wheel) as archive:
            name = next(each for each in archive.namelist() if each.endswith(".data/scripts/uv"))
            with archive.open(name) as source, making.open("wb") as target:
                shutil.copyfileobj(source, target)
        making.chmod(0o755)
        making.replace(program)
    return str(program)


def _run(argv: list[str]) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_", "VIRTUAL_ENV"))}
    subprocess.run(argv, check=True, capture_output=True, env=env)  # noqa: S603 - an argv list, no shell
