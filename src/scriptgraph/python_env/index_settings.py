"""Let uv use the package index that the user configured for pip.

uv does not read pip's settings. Where the user has said nothing to uv itself, the ones
that decide from where packages come are translated. Files and their order are as in
pip's documentation (Configuration): global, user, site, PIP_CONFIG_FILE, PIP_* variables.
"""

from __future__ import annotations

import configparser
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KEYS = ("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "cert")
_UV_KEYS = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_SYSTEM_FILE = Path("/etc/pip.conf")
_YES = frozenset({"1", "true", "yes", "on", "y", "t"})


@dataclass(frozen=True)
class IndexSettings:
    """How uv is told of the user's package index; empty where there is nothing to tell.

    Attributes:
        env: variables to add to uv's environment.
        arguments: arguments of `uv pip`, for what has no variable.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


def index_settings(environ: Mapping[str, str], prefix: Path | None = None) -> IndexSettings:
    """Translate pip's settings for uv, unless the user has configured uv's index.

    The pip.conf of the Python installation at `prefix` counts; None stands for ours.
    """
    if any(environ.get(name) for name in _UV_KEYS) or _uv_is_configured(environ):
        return IndexSettings(_certificates(environ, {}))
    pip = _pip_settings(environ, prefix or Path(sys.prefix))
    settings = _certificates(environ, pip)
    if pip.get("index-url"):
        settings["UV_DEFAULT_INDEX"] = pip["index-url"].strip()
    if pip.get("extra-index-url"):
        settings["UV_INDEX"] = " ".join(pip["extra-index-url"].split())
        # pip takes the best version of all its indexes; uv stops at the first that knows the name.
        if not environ.get("UV_INDEX_STRATEGY"):
            settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if pip.get("find-links"):
        settings["UV_FIND_LINKS"] = ",".join(pip["find-links"].split())
    if pip.get("trusted-host") and not environ.get("UV_INSECURE_HOST"):
        settings["UV_INSECURE_HOST"] = " ".join(pip["trusted-host"].split())
    arguments = ("--no-index",) if pip.get("no-index", "").lower() in _YES else ()
    return IndexSettings(settings, arguments)


def _certificates(environ: Mapping[str, str], pip: Mapping[str, str]) -> dict[str, str]:
    """Pass on which certificates are trusted: uv knows SSL_CERT_FILE only."""
    if environ.get("SSL_CERT_FILE"):
        return {}
    for path in (pip.get("cert"), environ.get("REQUESTS_CA_BUNDLE"), environ.get("CURL_CA_BUNDLE")):
        if path and Path(path).is_file():
            return {"SSL_CERT_FILE": path}
    return {}


def _pip_settings(environ: Mapping[str, str], prefix: Path) -> dict[str, str]:
    """Read pip's settings; those of `pip install` win over the global ones of the same file."""
    found: dict[str, str] = {}
    for path in _pip_files(environ, prefix):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue  # pip itself says what is wrong with it
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
    for folder in reversed(_system_folders(environ)):
        yield folder / "pip/pip.conf"
    yield _SYSTEM_FILE
    yield Path(environ.get("HOME", "/nonexistent"), ".pip/pip.conf")
    yield _user_folder(environ) / "pip/pip.conf"
    yield prefix / "pip.conf"
    if chosen:
        yield Path(chosen)


def _uv_is_configured(environ: Mapping[str, str]) -> bool:
    """Whether a configuration file of uv speaks of an index."""
    folders = [*_system_folders(environ), _user_folder(environ), Path("/etc")]
    chosen = environ.get("UV_CONFIG_FILE")
    for path in [Path(chosen)] if chosen else [folder / "uv/uv.toml" for folder in folders]:
        with suppress(OSError, UnicodeDecodeError):
            if "index" in path.read_text(encoding="utf-8"):
                return True
    return False


def _system_folders(environ: Mapping[str, str]) -> list[Path]:
    """List the XDG folders with settings of all users, most important first."""
    return [Path(folder) for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)]


def _user_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "/nonexistent"), ".config"))
