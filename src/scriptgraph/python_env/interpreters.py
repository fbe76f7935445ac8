"""Find a Python of a suitable version, or let uv download one."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.errors import DocumentError, ScriptGraphError
from scriptgraph.files.json_reader import Limits, parse_json
from scriptgraph.process.programs import ProcessFailed, capture
from scriptgraph.python_env.uv import explain_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_PROBE_TIMEOUT_S = 20.0
_FETCH_TIMEOUT_S = 1800.0
# The probe's answer has seven members, one of them a list.
_ANSWER = Limits(size=1 << 16, depth=2, values=100)
_OLDEST, _NO_BOUND = (3, 10), (3, 99)
# From this minor version on, an upper bound means "any".
_FAR_MINOR = 50
# Runs on Python 2.7 and later. In a virtual environment, `path` is the Python that the environment was made with.
_PROBE = """
import json, os, platform, sys, sysconfig
path = sys.executable
if getattr(sys, "base_prefix", sys.prefix) != sys.prefix:
    path = os.path.join(sys.base_prefix, "bin", "python%d.%d" % sys.version_info[:2])
    if not os.path.exists(path):
        path = os.path.realpath(sys.executable)
print(json.dumps({
    "path": path,
    "version": list(sys.version_info[:3]),
    "final": sys.version_info[3] == "final",
    "implementation": platform.python_implementation(),
    "machine": platform.machine(),
    "64 bits": sys.maxsize > 2**32,
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}))
"""

Version = tuple[int, ...]


class NoPythonError(ScriptGraphError):
    """No suitable Python was found or could be downloaded."""


@dataclass(frozen=True)
class Interpreter:
    """A Python that ran and answered the probe.

    Attributes:
        path: the executable; for a virtual environment, that of the Python it was made with.
        version: (3, 11, 7).
        implementation: "CPython", "PyPy", ...
        machine: uname's name of the machine ("x86_64", "aarch64").
        plain: whether it can use ordinary wheels: a final 64-bit CPython with the GIL.
    """

    path: Path
    version: Version
    implementation: str
    machine: str
    plain: bool

    @property
    def version_text(self) -> str:
        """The version as text ("3.11.7")."""
        return _text(self.version)

    def fits(self, minimum: Version, below: Version) -> bool:
        """Whether it is a plain CPython from `minimum` to below `below`."""
        return self.plain and minimum <= self.version < below


def parse_version(text: str) -> Version:
    """Parse "3.11" or "3.11.7" as numbers.

    Raises:
        NoPythonError: the text is not a version.
    """
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9}){0,2}", text.strip()):
        raise NoPythonError(f"{text!r} is not a version of Python; write it like 3.11")
    return tuple(int(part) for part in text.strip().split("."))


def version_bounds(exact: str, minimum: str, maximum: str, below: str) -> tuple[Version, Version]:
    """Return the lowest version that is allowed, and the lowest above it that is not.

    `exact` and `maximum` are prefixes: 3.11 allows all of 3.11.*. `below` excludes itself. An empty text sets no bound;
    an empty `minimum` is the oldest supported Python.

    Raises:
        NoPythonError: a text is not a version.
    """

    def after(version: Version) -> Version:
        return (*version[:-1], version[-1] + 1)

    if exact:
        return parse_version(exact), after(parse_version(exact))
    first_too_new = parse_version(below) if below else _NO_BOUND
    if maximum:
        first_too_new = min(first_too_new, after(parse_version(maximum)))
    return parse_version(minimum) if minimum else _OLDEST, first_too_new


def probe(path: Path, environ: Mapping[str, str] = os.environ) -> Interpreter:
    """Run a Python and return its version, implementation and machine.

    Raises:
        ProcessFailed: it does not run, like pyenv's shims of versions that are not selected.
        NoPythonError: it runs, but is not a Python.
    """
    output = capture([str(path), "-I", "-c", _PROBE], env=environ, timeout_s=_PROBE_TIMEOUT_S)
    try:
        answer = parse_json(output.splitlines()[-1], path, _ANSWER, paths=True)
        name = answer["implementation"]
        plain = name == "CPython" and answer["final"] and answer["64 bits"] and not answer["free_threaded"]
        return Interpreter(Path(answer["path"]), tuple(answer["version"]), name, answer["machine"], plain)
    except (DocumentError, KeyError, IndexError, TypeError):
        raise NoPythonError(f"{path}: does not behave like a Python; name another") from None


def candidates(minimum: Version, below: Version, environ: Mapping[str, str] = os.environ) -> Iterator[Path]:
    """Yield paths where a Python may be: the running one, then those of PATH, pyenv, uv and conda."""
    yield Path(sys.executable)
    minors = range(below[1] if len(below) > 1 else 0, minimum[1] - 1 if len(minimum) > 1 else 0, -1)
    names = [*(f"python{minimum[0]}.{minor}" for minor in minors), f"python{minimum[0]}", "python"]
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        for name in names:
            yield Path(folder or ".") / name
    home = Path(environ.get("HOME", "/nonexistent"))
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local/share")
    pyenv = Path(environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    uv = Path(environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python")
    for root in (pyenv, uv):
        yield from sorted(root.glob("*/bin/python3"))
    if environ.get("CONDA_PREFIX"):
        yield Path(environ["CONDA_PREFIX"]) / "bin/python"


def probe_all(places: Iterable[Path], environ: Mapping[str, str] = os.environ) -> tuple[Interpreter, ...]:
    """Probe each executable once and return the Pythons among them, each once, in order."""
    probed: set[Path] = set()
    found: dict[Path, Interpreter] = {}
    for place in places:
        if not (place.is_file() and os.access(place, os.X_OK)) or (real := place.resolve()) in probed:
            continue
        probed.add(real)
        status = place.stat()
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        interpreter = _probe_cached(place, stamp, frozenset(environ.items()))
        if interpreter is not None:
            found.setdefault(interpreter.path.resolve(), interpreter)
    return tuple(found.values())


@lru_cache(maxsize=256)  # several steps of a run look for a Python, and a machine may have a dozen
def _probe_cached(place: Path, _stamp: tuple[int, ...], environ: frozenset[tuple[str, str]]) -> Interpreter | None:
    try:
        return probe(place, dict(environ))
    except (ProcessFailed, NoPythonError):
        return None


def find_interpreter(
    minimum: Version, below: Version, *, places: Iterable[Path] | None = None, environ: Mapping[str, str] = os.environ
) -> Interpreter:
    """Find the newest Python from `minimum` (3, 10) to below `below` (3, 12) on this machine.

    Args:
        minimum: the lowest version allowed.
        below: the lowest version above it that is not.
        places: executables to probe; by default `candidates`.
        environ: the environment to search and to run them with.

    Returns:
        The newest; of equally new ones the first.

    Raises:
        NoPythonError: there is none; the text lists the Pythons found and what to install.
    """
    found = probe_all(candidates(minimum, below, environ) if places is None else places, environ)
    fitting = [each for each in found if each.fits(minimum, below)]
    if fitting:
        return max(fitting, key=lambda each: each.version)
    unfit = [f"{each.version_text} ({each.path}{'' if each.plain else ', not a plain CPython'})" for each in found]
    # Advise the newest minor version that fits; the oldest one where any is allowed (3.99).
    newest = _text(minimum[:2])
    if len(below) > 1 and below[1] < _FAR_MINOR:
        newest = f"{below[0]}.{below[1] if any(below[2:]) else below[1] - 1}"
    raise NoPythonError(
        f"no CPython from {_text(minimum)} to below {_text(below)} is installed; found: {', '.join(unfit) or 'none'}."
        f" Install one (Debian, Ubuntu: apt install python{newest};"
        f" conda: conda create -n python{newest} python={newest}; uv: uv python install {newest})"
        " and run again, or name the path of one"
    )


def download_interpreter(
    uv: Path, minimum: Version, below: Version, install_dir: Path, environ: Mapping[str, str] = os.environ
) -> Interpreter:
    """Let uv download the newest Python that fits, a build of python-build-standalone, into `install_dir`.

    A Python downloaded there earlier is reused. The variable `UV_PYTHON_INSTALL_MIRROR` names another download address.

    Raises:
        NoPythonError: the download failed.
    """
    env = {**environ, "UV_PYTHON_INSTALL_DIR": str(install_dir)}
    with suppress(NoPythonError):
        return find_interpreter(minimum, below, places=sorted(install_dir.glob("*/bin/python3")), environ=env)
    versions = f"cpython>={_text(minimum)},<{_text(below)}"
    argv = [str(uv), "python", "install", "--no-bin", "--no-progress", versions]
    try:
        capture(argv, env=env, timeout_s=_FETCH_TIMEOUT_S)
    except ProcessFailed as failure:
        output = "\n".join(failure.last_lines)
        raise NoPythonError(f"uv could not download one: {explain_failure(output)}") from failure
    return find_interpreter(minimum, below, places=sorted(install_dir.glob("*/bin/python3")), environ=env)


def obtain_interpreter(
    minimum: Version,
    below: Version,
    uv: Path | None,
    install_dir: Path,
    environ: Mapping[str, str] = os.environ,
    say: Callable[[str], None] = lambda _: None,
) -> Interpreter:
    """Find a Python that fits; otherwise let uv download one.

    Args:
        minimum: the lowest version allowed.
        below: the lowest version above it that is not.
        uv: the program uv; None if nothing may be downloaded.
        install_dir: the folder for a downloaded Python.
        environ: the environment to search and to run programs with.
        say: called with a line of text before a download.

    Raises:
        NoPythonError: none was found or downloaded; the text says what to install.
    """
    try:
        return find_interpreter(minimum, below, environ=environ)
    except NoPythonError as absent:
        if uv is None:
            raise NoPythonError(f"{absent} (--offline forbids to download one)") from None
        say(f"{absent}; downloading one with uv")
        try:
            return download_interpreter(uv, minimum, below, install_dir, environ)
        except NoPythonError as failure:
            raise NoPythonError(f"{absent}; {failure}") from failure


def _text(version: Version) -> str:
    return ".".join(map(str, version))
