"""Find a Python that fits, or let uv download one."""

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
from scriptgraph.python_env.uv import meaning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_PROBE_TIMEOUT_S = 20.0
_FETCH_TIMEOUT_S = 1800.0
# An answer has seven values, and one path.
_ANSWER = Limits(size=1 << 16, depth=2, values=100)
_OLDEST, _NO_BOUND = (3, 10), (3, 99)
# A bound from here on is a formality.
_FAR_MINOR = 50
# Runs on any Python from 2.7 on. A virtual environment names the Python that it was made with.
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
    """No Python fits, and none could be brought."""


@dataclass(frozen=True)
class Interpreter:
    """A Python that was run and answered.

    Attributes:
        path: its executable; of a virtual environment, the one it was made with.
        version: (3, 11, 7).
        implementation: "CPython", "PyPy", ...
        machine: as uname has it ("x86_64", "aarch64").
        plain: whether it can use ordinary wheels: a final 64-bit CPython with its lock.
    """

    path: Path
    version: Version
    implementation: str
    machine: str
    plain: bool

    @property
    def version_text(self) -> str:
        """The version as people write it."""
        return _text(self.version)

    def fits(self, minimum: Version, below: Version) -> bool:
        """Whether wheels of CPython from `minimum` to below `below` run on it."""
        return self.plain and minimum <= self.version < below


def parse_version(text: str) -> Version:
    """Read "3.11" or "3.11.7" as numbers.

    Raises:
        NoPythonError: it is no version.
    """
    if not re.fullmatch(r"\d+(\.\d+){0,2}", text.strip()):
        raise NoPythonError(f"{text!r} is no version of Python; write it as 3.11")
    return tuple(int(part) for part in text.strip().split("."))


def version_bounds(exact: str, minimum: str, maximum: str, below: str) -> tuple[Version, Version]:
    """Return the oldest version that will do, and the first that will not.

    `exact` and `maximum` hold as far as they are written: 3.11 stands for all of 3.11.*. Of `below`, no version will
    do. An empty text is no bound, but for `minimum`: the oldest that we support.

    Raises:
        NoPythonError: one of them is no version.
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
    """Run a Python and ask it what it is.

    Raises:
        ProcessFailed: it does not run. (pyenv's shims of versions that are not selected don't.)
        NoPythonError: it runs and does not answer as a Python does.
    """
    said = capture([str(path), "-I", "-c", _PROBE], env=environ, timeout_s=_PROBE_TIMEOUT_S)
    try:
        answer = parse_json(said.splitlines()[-1], path, _ANSWER, paths=True)
        name = answer["implementation"]
        plain = name == "CPython" and answer["final"] and answer["64 bits"] and not answer["free_threaded"]
        return Interpreter(Path(answer["path"]), tuple(answer["version"]), name, answer["machine"], plain)
    except (DocumentError, KeyError, IndexError, TypeError):
        raise NoPythonError(f"{path}: does not answer as a Python does") from None


def candidates(minimum: Version, below: Version, environ: Mapping[str, str] = os.environ) -> Iterator[Path]:
    """Yield the places where a Python might be: ours, PATH, pyenv's, uv's, conda's."""
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


def survey(places: Iterable[Path], environ: Mapping[str, str] = os.environ) -> tuple[Interpreter, ...]:
    """Probe each place once and return the Pythons that answer, each once, in the order given."""
    asked: set[Path] = set()
    found: dict[Path, Interpreter] = {}
    for place in places:
        if not (place.is_file() and os.access(place, os.X_OK)) or (real := place.resolve()) in asked:
            continue
        asked.add(real)
        seen = place.stat()
        stamp = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
        interpreter = _answer(place, stamp, frozenset(environ.items()))
        if interpreter is not None:
            found.setdefault(interpreter.path.resolve(), interpreter)
    return tuple(found.values())


@lru_cache(maxsize=256)  # several steps of a run look for a Python, and a machine may have a dozen
def _answer(place: Path, _stamp: tuple[int, ...], surroundings: frozenset[tuple[str, str]]) -> Interpreter | None:
    try:
        return probe(place, dict(surroundings))
    except (ProcessFailed, NoPythonError):
        return None


def find_interpreter(
    minimum: Version, below: Version, *, places: Iterable[Path] | None = None, environ: Mapping[str, str] = os.environ
) -> Interpreter:
    """Find the newest Python from `minimum` (3, 10) to below `below` (3, 12) on this machine.

    It is looked for in `places`, or in `candidates` where these are not given, and run with `environ`.

    Raises:
        NoPythonError: there is none; the text lists what was found and what to install.
    """
    found = survey(candidates(minimum, below, environ) if places is None else places, environ)
    fitting = [one for one in found if one.fits(minimum, below)]
    if fitting:
        return max(fitting, key=lambda one: one.version)  # of equally new ones the first
    seen = ", ".join(f"{one.version_text} ({one.path}{'' if one.plain else ', not a plain CPython'})" for one in found)
    # The newest minor version that fits; the oldest one where the bound is only a formality (3.99).
    newest = _text(minimum[:2])
    if len(below) > 1 and below[1] < _FAR_MINOR:
        newest = f"{below[0]}.{below[1] if any(below[2:]) else below[1] - 1}"
    raise NoPythonError(
        f"no CPython from {_text(minimum)} to below {_text(below)} is here; found: {seen or 'none'}."
        f" Install one (Debian, Ubuntu: apt install python{newest};"
        f" conda: conda create -n python{newest} python={newest}; uv: uv python install {newest})"
        " and try again, or give the path of one"
    )


def bring_interpreter(
    uv: Path, minimum: Version, below: Version, install_dir: Path, environ: Mapping[str, str] = os.environ
) -> Interpreter:
    """Let uv download the newest Python that fits (python-build-standalone's builds) into `install_dir`.

    An earlier download there is used again. `UV_PYTHON_INSTALL_MIRROR` names another place to download from.

    Raises:
        NoPythonError: it could not be downloaded.
    """
    env = {**environ, "UV_PYTHON_INSTALL_DIR": str(install_dir)}
    with suppress(NoPythonError):
        return find_interpreter(minimum, below, places=sorted(install_dir.glob("*/bin/python3")), environ=env)
    wanted = f"cpython>={_text(minimum)},<{_text(below)}"
    argv = [str(uv), "python", "install", "--no-bin", "--no-progress", wanted]
    try:
        capture(argv, env=env, timeout_s=_FETCH_TIMEOUT_S)
    except ProcessFailed as failure:
        said = "\n".join(failure.last_lines)
        raise NoPythonError(f"uv could not bring one: {meaning(said)}") from failure
    return find_interpreter(minimum, below, places=sorted(install_dir.glob("*/bin/python3")), environ=env)


def obtain_interpreter(
    minimum: Version,
    below: Version,
    uv: Path | None,
    install_dir: Path,
    environ: Mapping[str, str] = os.environ,
    say: Callable[[str], None] = lambda _: None,
) -> Interpreter:
    """Find a Python that fits, else let uv bring one; arguments as above.

    `uv` is None where nothing may be downloaded; `say` is told before a download.

    Raises:
        NoPythonError: neither worked; the text says what to install.
    """
    try:
        return find_interpreter(minimum, below, environ=environ)
    except NoPythonError as absent:
        if uv is None:
            raise NoPythonError(f"{absent} (nothing is downloaded because of --offline)") from None
        say(f"{absent}; asking uv for one")
        try:
            return bring_interpreter(uv, minimum, below, install_dir, environ)
        except NoPythonError as failure:
            raise NoPythonError(f"{absent}; {failure}") from failure


def _text(version: Version) -> str:
    return ".".join(map(str, version))
