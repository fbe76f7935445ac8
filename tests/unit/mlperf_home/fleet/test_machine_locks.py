"""Locks of a machine: whole machines and sets of CPUs exclude each other where they overlap."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mlperf_home.fleet.machine_side.locks import hold_machine, holder, release

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("first", "second", "free"),
    [([], [], False), ([], [1], False), ([1], [], False), ([0, 1], [1, 2], False), ([0, 1], [2, 3], True)],
)
def test_measurements_that_share_a_cpu_exclude_each_other(
    tmp_path: Path, first: list[int], second: list[int], *, free: bool
) -> None:
    held = hold_machine(str(tmp_path), first)

    other = hold_machine(str(tmp_path), second)

    assert bool(held)
    assert bool(other) == free
    release([*held, *other])
    assert holder(tmp_path, str(tmp_path), second) == ""


def test_who_measures_is_named(tmp_path: Path) -> None:
    held = hold_machine(str(tmp_path), [])
    (tmp_path / "running").write_text("the fleet tonight: run script", encoding="utf-8")

    assert holder(tmp_path, str(tmp_path), [3]) == "the fleet tonight: run script"
    release(held)


def test_a_lock_may_be_taken_by_every_account(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        release(hold_machine(str(tmp_path), []))
    finally:
        os.umask(mask)

    assert [oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == ["0o644"]
