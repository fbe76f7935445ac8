"""The operating system: distribution, kernel, C library.

This module imports little, because the step `detect,os` runs in every short command.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from scriptgraph.files.kernel_files import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RELEASE_FILES = ("etc/os-release", "usr/lib/os-release")


class OperatingSystem(NamedTuple):
    """A running operating system; `missing` maps the name of each None value to the reason."""

    name: str | None  # of the distribution: "Debian GNU/Linux 12 (bookworm)"
    distribution: str | None  # its identifier: "debian"
    distribution_version: str | None  # "12"
    kernel: str  # the release: "6.1.0-18-amd64"
    machine: str  # the instruction set: "x86_64", "aarch64"
    libc: str | None  # "glibc 2.36"
    missing: Mapping[str, str] = MappingProxyType({})


def read_os(
    root: Path = Path("/"),
    *,
    uname: Callable[[], os.uname_result] = os.uname,
    confstr: Callable[[str], str | None] = os.confstr,
) -> OperatingSystem:
    """Read os-release (os-release(5)) below `root`, uname, and the C library's version from confstr."""
    missing: dict[str, str] = {}
    release = _release(root)
    version = release.get("VERSION_ID")
    if not release:
        absent = f"neither {' nor '.join(str(root / name) for name in _RELEASE_FILES)} can be read"
        missing = dict.fromkeys(("name", "distribution", "distribution_version"), absent)
    elif version is None:
        missing["distribution_version"] = "os-release has no VERSION_ID (a rolling release)"
    try:
        libc = confstr("CS_GNU_LIBC_VERSION") or None
    except (ValueError, OSError):
        libc = None
    if libc is None:
        missing["libc"] = "the C library does not report its version (musl does not)"
    system = uname()
    return OperatingSystem(
        name=(release.get("PRETTY_NAME") or release.get("NAME", "Linux")) if release else None,
        # os-release(5): the default identifier is "linux".
        distribution=release.get("ID", "linux") if release else None,
        distribution_version=version,
        kernel=system.release,
        machine=system.machine,
        libc=libc,
        missing=missing,
    )


def _release(root: Path) -> dict[str, str]:
    """Read the first os-release; its values have shell quoting."""
    text = next((text for name in _RELEASE_FILES if (text := read_text(root / name)) is not None), "")
    values: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            try:
                values[key.strip()] = " ".join(shlex.split(value))
            except ValueError:
                values[key.strip()] = value.strip().strip("\"'")
    return {key: value for key, value in values.items() if value}
