"""The operating system: distribution, kernel, C library.

A module of its own, for the step that reads nothing else: `detect,os` is what a short command costs.
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
    """One running system; `missing` has reasons, by the name of the value that is None."""

    name: str | None  # of the distribution, as it calls itself: "Debian GNU/Linux 12 (bookworm)"
    distribution: str | None  # its identifier: "debian"
    distribution_version: str | None  # "12"
    kernel: str  # its release: "6.1.0-18-amd64"
    machine: str  # the instruction set that programs are built for: "x86_64", "aarch64"
    libc: str | None  # "glibc 2.36"
    missing: Mapping[str, str] = MappingProxyType({})


def read_os(
    root: Path = Path("/"),
    *,
    uname: Callable[[], os.uname_result] = os.uname,
    confstr: Callable[[str], str | None] = os.confstr,
) -> OperatingSystem:
    """Read os-release (its man page, os-release(5)) below `root`, uname and, by confstr, the C library's version."""
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
        missing["libc"] = "this C library does not tell its version (musl does not)"
    system = uname()
    return OperatingSystem(
        name=(release.get("PRETTY_NAME") or release.get("NAME", "Linux")) if release else None,
        # os-release(5): the identifier is "linux" where it is not set.
        distribution=release.get("ID", "linux") if release else None,
        distribution_version=version,
        kernel=system.release,
        machine=system.machine,
        libc=libc,
        missing=missing,
    )


def _release(root: Path) -> dict[str, str]:
    """Read the first os-release that there is; its values are quoted as for a shell."""
    text = next((text for name in _RELEASE_FILES if (text := read_text(root / name)) is not None), "")
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            try:
                found[key.strip()] = " ".join(shlex.split(value))
            except ValueError:
                found[key.strip()] = value.strip().strip("\"'")
    return {key: value for key, value in found.items() if value}
