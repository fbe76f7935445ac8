"""Find uv, translate pip's package index for it, and explain its failures."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# pip's settings, each with uv's variable and the separator of its parts.
_VARIABLES = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
}
_KEYS = (*_VARIABLES, "no-index", "cert")
_UV_KEYS = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_SYSTEM_FILE = Path("/etc/pip.conf")
_YES = frozenset({"1", "true", "yes", "on", "y", "t"})

# The frames, arrows and line breaks in uv's messages.
_DECORATION = re.compile(r"[\s\u2500-\u257f\u25b6\u00d7\u2717]+")
_PACKAGE = r"`?(?P<package>[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?(?:==[^\s`]+)?)`?"
# The first match counts: a lost network also leaves requirements unsatisfied.
_EXPLANATIONS = {
    r"No space left on device": "the disk is full; make room, or set UV_CACHE_DIR to a folder on another disk",
    rf"Hash mismatch for {_PACKAGE}": (
        "{package}: the file of the package index does not have the hash of the lock file (a mirror with other files,"
        " or a damaged download); run `uv cache clean`, or use another index"
    ),
    rf"Failed to build {_PACKAGE}": (
        "{package} has no wheel for this machine and could not be compiled; install a C++ compiler and Python's"
        " headers (Debian, Ubuntu: apt install g++ python3-dev)"
    ),
    r"network was disabled|Network connectivity is disabled": (
        "packages are not in uv's cache, and --offline forbids to fetch them; run once without --offline"
    ),
    r"invalid peer certificate|UnknownIssuer|certificate verify": (
        "the package index's certificate is not trusted; set SSL_CERT_FILE to a file of certificates to trust"
    ),
    r"python-build-standalone|Failed to download (?:managed )?Python|cpython-[\d.]+.*error sending request": (
        "its download cannot be reached; check the network, or set a proxy (HTTPS_PROXY) or another address"
        " (UV_PYTHON_INSTALL_MIRROR)"
    ),
    r"dns error|failed to lookup address": (
        "the package index's name cannot be resolved; check the network, or set a proxy (HTTPS_PROXY) or another"
        " index (PIP_INDEX_URL or UV_DEFAULT_INDEX)"
    ),
    r"tcp connect error|client error \(Connect\)|Connection refused|Connection reset|timed out|tunnel error": (
        "the package index cannot be reached; check the network and the proxy (HTTPS_PROXY), or set another index"
        " (PIP_INDEX_URL or UV_DEFAULT_INDEX)"
    ),
    r"401 Unauthorized|403 Forbidden|status code 40[13]|\(40[13]": (
        "the package index refuses access; add a user and a password to its address if it needs them"
    ),
    rf"{_PACKAGE} has no (?:usable wheels|wheels with a matching|compatible wheels)": (
        "{package} has no wheel for {subject}; use a Python for which it has one"
    ),
    rf"there is no version of {_PACKAGE}": "the package index has no {package} (an incomplete mirror?)",
    rf"{_PACKAGE} was not found in the": "the package index does not have {package} (an incomplete mirror?)",
    r"No interpreter found|Failed to inspect Python|Querying Python at": "the Python does not run; name another",
    r"Permission denied": "a folder cannot be written; see the log for its name",
}


class EnvironmentFailed(ScriptGraphError):  # noqa: N818 - it reads as the event it is
    """A virtual environment could not be made; the text holds the reason and the remedy."""

    def __init__(self, problem: str, log: Path | None = None) -> None:
        super().__init__(problem)
        self.log = log


@dataclass(frozen=True)
class Uv:
    """The program uv and its settings.

    Attributes:
        path: the executable.
        env: variables of the user's package index, added to uv's environment.
        pip_arguments: arguments of `uv pip` for settings without a variable.
        offline: whether to use only uv's cache.
    """

    path: Path
    env: Mapping[str, str] = field(default_factory=dict)
    pip_arguments: tuple[str, ...] = ()
    offline: bool = False

    def argv(self, *arguments: str | Path) -> list[str | Path]:
        """Return the argv of a uv command without progress bars."""
        pip_arguments = self.pip_arguments if arguments[0] == "pip" else ()
        return [self.path, *arguments, *pip_arguments, "--no-progress", *(["--offline"] if self.offline else [])]


def find_uv(environ: Mapping[str, str] = os.environ, *, offline: bool = False) -> Uv:
    """Find uv: the one installed beside this package, otherwise the one in PATH.

    Raises:
        EnvironmentFailed: uv is not installed.
    """
    path = shutil.which("uv", path=environ.get("PATH"))
    with suppress(ImportError, FileNotFoundError):
        import uv  # noqa: PLC0415 - optional: the uv in PATH is enough

        path = os.fsdecode(uv.find_uv_bin())
    if path is None:
        raise EnvironmentFailed("uv is not installed; install it with `pip install uv`")
    return Uv(Path(path), *index_settings(environ), offline)


def index_settings(environ: Mapping[str, str], prefix: Path | None = None) -> tuple[dict[str, str], tuple[str, ...]]:
    """Translate pip's settings for uv, which does not read them, unless the user has configured uv's index.

    The sources are those of pip, in its order (pip's documentation, "Configuration"): global, user and site files,
    PIP_CONFIG_FILE, PIP_* variables. `prefix` is the Python installation with the site file, by default this one.

    Returns:
        `Uv.env` and `Uv.pip_arguments`, empty without settings.
    """
    if any(environ.get(name) for name in _UV_KEYS) or _uv_is_configured(environ):
        return _certificates(environ, {}), ()
    pip = _pip_settings(environ, prefix or Path(sys.prefix))
    settings = _certificates(environ, pip)
    for key, (name, separator) in _VARIABLES.items():
        if pip.get(key) and not environ.get(name):
            settings[name] = separator.join(pip[key].split())
    if "UV_INDEX" in settings and not environ.get("UV_INDEX_STRATEGY"):
        # pip takes the best version of all its indexes; uv stops at the first index that has the name.
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    arguments = ("--no-index",) if pip.get("no-index", "").lower() in _YES else ()
    return settings, arguments


def _certificates(environ: Mapping[str, str], pip: Mapping[str, str]) -> dict[str, str]:
    """Return the file of trusted certificates as SSL_CERT_FILE, the only variable that uv reads."""
    if environ.get("SSL_CERT_FILE"):
        return {}
    for path in (pip.get("cert"), environ.get("REQUESTS_CA_BUNDLE"), environ.get("CURL_CA_BUNDLE")):
        if path and Path(path).is_file():
            return {"SSL_CERT_FILE": path}
    return {}


def _pip_settings(environ: Mapping[str, str], prefix: Path) -> dict[str, str]:
    """Read pip's settings; a file's section [install] overrides its section [global]."""
    found: dict[str, str] = {}
    for path in _pip_files(environ, prefix):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue  # pip itself reports an invalid file
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({key: value for key, value in parser.items(section) if key in _KEYS})
    for key in _KEYS:
        value = environ.get(f"PIP_{key.upper().replace('-', '_')}")
        if value:
            found[key] = value
    return found


def _pip_files(environ: Mapping[str, str], prefix: Path) -> Iterator[Path]:
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return
    user, *shared = _config_folders(environ)
    for folder in reversed(shared):
        yield folder / "pip/pip.conf"
    yield _SYSTEM_FILE
    yield Path(environ.get("HOME", "/nonexistent"), ".pip/pip.conf")
    yield user / "pip/pip.conf"
    yield prefix / "pip.conf"
    if chosen:
        yield Path(chosen)


def _uv_is_configured(environ: Mapping[str, str]) -> bool:
    """Whether a configuration file of uv sets an index."""
    chosen = environ.get("UV_CONFIG_FILE")
    folders = [*_config_folders(environ), Path("/etc")]
    for path in [Path(chosen)] if chosen else [folder / "uv/uv.toml" for folder in folders]:
        with suppress(OSError, UnicodeDecodeError):
            if "index" in path.read_text(encoding="utf-8"):
                return True
    return False


def _config_folders(environ: Mapping[str, str]) -> list[Path]:
    """Return the XDG folders of settings, most important first: the user's, then those of all users."""
    user = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "/nonexistent"), ".config")
    return [Path(user), *map(Path, (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep))]


def explain_failure(output: str, subject: str = "this Python and machine") -> str:
    """Return the cause of a failure of uv; uv's own words if its output is unknown.

    `subject` is the target of the packages ("CPython 3.12 on x86_64").
    """
    text = _DECORATION.sub(" ", output)
    # uv writes markers into names: anyio{sys_platform != 'emscripten'}==4.16.0
    text = re.sub(r"\{[^}]*\}", "", text)
    for pattern, words in _EXPLANATIONS.items():
        if found := re.search(pattern, text, re.IGNORECASE):
            named = {name: value.rstrip(".,") for name, value in found.groupdict().items()}
            return words.format(subject=subject, **named)
    errors = re.findall(r"error: (.*?)(?= hint:| error:|$)", text)
    return errors[-1].strip() if errors else "uv failed"
