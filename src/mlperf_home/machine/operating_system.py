"""The operating system: distribution, kernel, machine, C library."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RELEASE_FILES = ("etc/os-release", "usr/lib/os-release")


class OperatingSystem(NamedTuple):
    """One running system.

    Attributes:
        name: the distribution as it calls itself ("Debian GNU/Linux 12 (bookworm)").
        distribution: its identifier ("debian").
        distribution_version: its version ("12").
        kernel: the kernel's release ("6.1.0-18-amd64").
        machine: the instruction set that programs are built for ("x86_64", "aarch64").
        libc: the C library and its version ("glibc 2.36").
        missing: reasons, by the name of the value that is None.
    """

    name: str | None
    distribution: str | None
    distribution_version: str | None
    kernel: str
    machine: str
    libc: str | None
    missing: Mapping[str, str] = MappingProxyType({})


def read_os(
    root: Path = Path("/"),
    *,
    uname: Callable[[], os.uname_result] = os.uname,
    confstr: Callable[[str], str | None] = os.confstr,
) -> OperatingSystem:
    """Read os-release (its man page, os-release(5)), uname and the C library's version.

    Args:
        root: where the system's files are.
        uname: gives kernel and machine.
        confstr: gives the C library's version.
    """
    missing: dict[str, str] = {}
    release = _release(root)
    version = release.get("VERSION_ID")
    if not release:
        absent = f"neither {' nor '.join(str(root / name) for name in _RELEASE_FILES)} can be read"
        missing = dict.fromkeys(("name", "distribution", "distribution_version"), absent)
    elif version is None:
        missing["distribution_version"] = "os-release has no VERSION_ID (a rolling release)"
    libc = _libc(confstr)
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
    for name in _RELEASE_FILES:
        try:
            lines = (root / name).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
        found = {key.strip(): _unquoted(value) for key, _, value in pairs}
        return {key: value for key, value in found.items() if value}
    return {}


def _unquoted(value: str) -> str:
    """Read a value quoted as for a shell."""
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value.strip().strip("\"'")


def _libc(confstr: Callable[[str], str | None]) -> str | None:
    try:
        return confstr("CS_GNU_LIBC_VERSION") or None
    except (ValueError, OSError):
        return None
