"""The operating system, from os-release and uname."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mlperf_home.machine.operating_system import OperatingSystem, read_os

if TYPE_CHECKING:
    from pathlib import Path

UNAME = os.uname_result(("Linux", "node", "6.1.0-18-amd64", "#1 SMP", "x86_64"))


def read(root: Path, release: str | None, place: str = "etc/os-release") -> OperatingSystem:
    if release is not None:
        path = root / place
        path.parent.mkdir(parents=True)
        path.write_text(release, encoding="utf-8")
    return read_os(root, uname=lambda: UNAME, confstr=lambda _name: "glibc 2.36")


def test_debian_release(tmp_path: Path) -> None:
    system = read(
        tmp_path,
        'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\n# comment=1\n'
        'VERSION_ID="12"\nID=debian\n',
    )

    assert system == OperatingSystem(
        "Debian GNU/Linux 12 (bookworm)", "debian", "12", "6.1.0-18-amd64", "x86_64", "glibc 2.36"
    )


def test_a_rolling_release_has_no_version(tmp_path: Path) -> None:
    system = read(tmp_path, "NAME='Arch Linux'\nID=arch\n", "usr/lib/os-release")

    assert (system.name, system.distribution, system.distribution_version) == ("Arch Linux", "arch", None)
    assert "rolling release" in system.missing["distribution_version"]


def test_missing_os_release_leaves_reasons(tmp_path: Path) -> None:
    system = read(tmp_path, None)

    assert (system.name, system.distribution, system.distribution_version) == (None, None, None)
    assert set(system.missing) == {"name", "distribution", "distribution_version"}
    assert "can be read" in system.missing["name"]


@pytest.mark.parametrize("failure", [ValueError("unrecognized configuration name"), None])
def test_musl_has_no_version(tmp_path: Path, failure: ValueError | None) -> None:
    def confstr(_name: str) -> str | None:
        if failure:
            raise failure
        return None

    system = read_os(tmp_path, uname=lambda: UNAME, confstr=confstr)

    assert system.libc is None
    assert "musl" in system.missing["libc"]


def test_broken_quoting_is_read_literally(tmp_path: Path) -> None:
    assert read(tmp_path, 'NAME="Broken\nID=broken\n').name == "Broken"


def test_this_machine() -> None:
    system = read_os()

    assert system.kernel == os.uname().release
    assert system.machine == os.uname().machine
    assert all(getattr(system, name) is None for name in system.missing)
