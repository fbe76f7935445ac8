"""A dry run of uv tells whether packages can be installed without a network."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scriptgraph.python_env.environments import installable_offline
from scriptgraph.python_env.uv import Uv, find_uv


@pytest.mark.parametrize(
    ("answer", "there"),
    [
        ("echo 'Would install 1 package'", True),
        ("echo 'Would download 1 package'; echo 'Would install 1 package'", False),
        ("echo 'error: no network' >&2; exit 2", False),
        ("kill -9 $$", False),
    ],
)
def test_a_dry_run_of_uv_decides(tmp_path: Path, answer: str, there: bool) -> None:
    program, call = tmp_path / "uv", tmp_path / "call"
    program.write_text(f'#!/bin/sh\necho "$UV_INDEX $*" > {call}\n{answer}\n')
    program.chmod(0o700)
    lock = tmp_path / "lock.txt"
    lock.write_text("")

    uv = Uv(program, {"UV_INDEX": "https://mirror.example"})
    assert installable_offline(uv, Path(sys.executable), lock) is there

    words = call.read_text().split()
    assert words[0] == "https://mirror.example"
    assert {"--dry-run", "--offline", "--require-hashes", str(lock)} <= set(words)


def test_an_absent_uv_has_no_packages(tmp_path: Path) -> None:
    assert not installable_offline(Uv(tmp_path / "absent"), Path(sys.executable), tmp_path / "lock.txt")


def test_the_real_uv_reports_an_empty_cache(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"nothing-of-this-name==1 --hash=sha256:{'0' * 64}\n")
    uv = Uv(find_uv().path, {"UV_CACHE_DIR": str(tmp_path / "store")})

    assert not installable_offline(uv, Path(sys.executable), lock)
