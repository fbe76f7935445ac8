"""Make virtual environments from lock files that have a hash for every file."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scriptgraph.errors import DocumentError, ScriptGraphError
from scriptgraph.files.json_reader import parse_json
from scriptgraph.process import programs
from scriptgraph.python_env.interpreters import probe
from scriptgraph.python_env.uv import EnvironmentFailed, Uv, explain_failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptgraph.process.outcome import Completed

_LOG_TAIL_BYTES = 200_000
_SOURCE_ALLOWED = re.compile(r"^# compiled where there is no wheel: (.+)$", re.MULTILINE)
_MACHINES, _MINORS = ("x86_64", "aarch64"), tuple(f"3.{minor}" for minor in range(10, 20))
_DRY_RUN_TIMEOUT_S = 60.0
_VERSIONS_CODE = """
import importlib.metadata as metadata, json
print(json.dumps({one.metadata["Name"]: one.version for one in metadata.distributions()}))
"""


class Runner(Protocol):
    """Runs a program and logs its output, as a step's `Context.command` does."""

    def __call__(
        self, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, check: bool = True
    ) -> Completed:
        """Run a program with `env` added to the user's environment; raise at failure unless `check` is off."""
        ...


def create_venv(uv: Uv, python: Path, destination: Path, run: Runner) -> Path:
    """Make an empty, relocatable virtual environment for `python` in the folder `destination`.

    Returns:
        The environment's own Python.

    Raises:
        EnvironmentFailed: the environment could not be made.
    """
    _run(uv, run, uv.argv("venv", "--relocatable", "--no-project", "--python", python, destination))
    return destination / "bin/python"


def install_locked(uv: Uv, python: Path, lock_file: Path, run: Runner) -> None:
    """Install exactly the packages of a lock file into the environment of `python` and check every file's hash.

    Only packages named in the lock file's line "# compiled where there is no wheel: ..." may be compiled.

    Raises:
        EnvironmentFailed: a package could not be fetched, or does not fit this Python.
    """
    only = wheels_only(lock_file.read_text(encoding="utf-8"))
    argv = uv.argv("pip", "install", "--python", python, "--require-hashes", "-r", lock_file, *only)
    _run(uv, run, argv, python)


def wheels_only(text: str) -> list[str]:
    """Return the options of uv that compile only what a lock file allows."""
    allowed = {canonicalize_name(name) for line in _SOURCE_ALLOWED.findall(text) for name in line.split()}
    wheels = sorted({name for name in locked_names(text) if name not in allowed})
    return [part for name in wheels for part in ("--only-binary", name)]


def installable_offline(uv: Uv, python: Path, lock_file: Path) -> bool:
    """Whether uv's cache has every wheel that a lock file lists for `python`, by a dry run of uv."""
    with tempfile.TemporaryDirectory() as name:
        folder, log = Path(name), Path(name, "uv.log")
        options = ("--dry-run", "--require-hashes", "--target", folder / "target", "--python", python)
        argv = map(str, replace(uv, offline=True).argv("pip", "install", *options, "-r", lock_file))
        env = {**os.environ, **uv.env}
        try:
            completed = programs.run([*argv], env=env, cwd=folder, log=log, timeout_s=_DRY_RUN_TIMEOUT_S)
        except ScriptGraphError:
            return False
        # uv prints this line before the list of packages, which can be long: the last lines may not hold it.
        return completed.ok and "Would download" not in log.read_text(encoding="utf-8", errors="replace")


def lock(uv: Uv, requirements: Sequence[str], python_version: str, run: Runner, *, universal: bool = True) -> str:
    """Choose versions for requirements and return the text of a lock file.

    Args:
        uv: the program that chooses.
        requirements: lines as in a requirements file.
        python_version: the Python to lock for ("3.10").
        run: runs uv.
        universal: whether to lock for every newer Python too, on Linux x86_64 and aarch64.

    Returns:
        The lock file's text: names, versions, markers and the hash of every file; no index and no host name.

    Raises:
        EnvironmentFailed: no versions satisfy all requirements, or the index cannot be reached.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, locked = Path(folder, "requirements.in"), Path(folder, "lock.txt")
        source.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        options = ["--generate-hashes", "--no-header", "--no-annotate", "--quiet", "--python-version", python_version]
        argv = uv.argv("pip", "compile", *options, *(["--universal"] if universal else []), "-o", locked, source)
        _run(uv, run, argv)
        blocks = re.split(r"^(?=[A-Za-z0-9])", locked.read_text(encoding="utf-8"), flags=re.MULTILINE)
        return "".join(filter(_needed, blocks))


def locked_names(text: str) -> tuple[str, ...]:
    """Return the package names of a lock file, normalised (PEP 503)."""
    names = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", text, re.MULTILINE)
    return tuple(dict.fromkeys(map(canonicalize_name, names)))


def installed_versions(python: Path) -> dict[str, str]:
    """Return the version of every package of an environment, by normalised name.

    Raises:
        ProcessFailed: the environment's Python does not run.
        DocumentError: its output is not a list of packages.
    """
    output = programs.capture([str(python), "-I", "-c", _VERSIONS_CODE])
    versions = parse_json(output, f"{python}: its list of packages")
    if not isinstance(versions, dict):
        raise DocumentError(python, "", "does not list its packages; make the environment again")
    return {canonicalize_name(name): version for name, version in sorted(versions.items()) if name}


def _run(uv: Uv, run: Runner, argv: Sequence[str | Path], python: Path | None = None) -> None:
    completed = run(argv, env=uv.env, check=False)
    if completed.ok:
        return
    if completed.signal is not None:
        completed.require_success()
    output = "\n".join(completed.last_lines)
    if "error:" not in output and completed.log is not None:
        # The error began before the last lines: search the end of the log.
        with suppress(OSError), completed.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            tail = log.read().decode(errors="replace")
            output = tail[max(0, tail.rfind("error:")) :]
    subject = "this Python and machine"
    if python is not None:
        interpreter = probe(python)
        subject = f"{interpreter.implementation} {interpreter.version_text} on {interpreter.machine}"
    raise EnvironmentFailed(explain_failure(output, subject), completed.log)


def _needed(block: str) -> bool:
    """Whether a block of a lock file has no marker, or one that is true on a supported Linux."""
    first = block.partition("\\")[0].strip()
    marker = Requirement(first).marker if first else None
    linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    return marker is None or any(
        marker.evaluate(
            {**linux, "platform_machine": machine, "python_version": minor, "python_full_version": f"{minor}.0"}
        )
        for machine in _MACHINES
        for minor in _MINORS
    )
