"""Whether packages are there without a network: what uv says of it, by a program in its place."""

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
def test_uv_is_asked_and_changes_nothing(tmp_path: Path, answer: str, there: bool) -> None:
    program, asked = tmp_path / "uv", tmp_path / "asked"
    program.write_text(f'#!/bin/sh\necho "$UV_INDEX $*" > {asked}\n{answer}\n')
    program.chmod(0o700)
    lock = tmp_path / "lock.txt"
    lock.write_text("")

    uv = Uv(program, {"UV_INDEX": "https://mirror.example"})
    assert installable_offline(uv, Path(sys.executable), lock) is there

    words = asked.read_text().split()
    assert words[0] == "https://mirror.example"
    assert {"--dry-run", "--offline", "--require-hashes", str(lock)} <= set(words)


def test_a_uv_that_is_gone_has_nothing(tmp_path: Path) -> None:
    assert not installable_offline(Uv(tmp_path / "absent"), Path(sys.executable), tmp_path / "lock.txt")


def test_the_real_uv_tells_a_store_that_has_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"nothing-of-this-name==1 --hash=sha256:{'0' * 64}\n")
    uv = Uv(find_uv().path, {"UV_CACHE_DIR": str(tmp_path / "store")})

    assert not installable_offline(uv, Path(sys.executable), lock)
