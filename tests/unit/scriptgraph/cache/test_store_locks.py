"""A key is made by one, used by many, and alone with who removes it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from scriptgraph.cache.store import KeyLocks

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a" * 64


@pytest.fixture
def locks(tmp_path: Path) -> KeyLocks:
    return KeyLocks(tmp_path)


def is_free(locks: KeyLocks, key: str = KEY) -> bool:
    with KeyLocks(locks.folder).alone(key) as free:
        return free


def test_a_key_that_nobody_uses_is_free(locks: KeyLocks) -> None:
    assert is_free(locks)
    assert is_free(locks)


def test_who_makes_it_has_it_alone(locks: KeyLocks) -> None:
    with locks.making(KEY):
        assert not is_free(locks)
        assert is_free(locks, "b" * 64)
    assert is_free(locks)


def test_many_use_it_and_the_last_one_frees_it(locks: KeyLocks) -> None:
    other = KeyLocks(locks.folder)
    for each in (locks, locks, other):
        each.hold(KEY)
    locks.release()
    assert not is_free(locks)
    other.release()

    assert is_free(locks)


def test_who_uses_it_may_make_it_too_beside_another_user(locks: KeyLocks) -> None:
    KeyLocks(locks.folder).hold(KEY)
    locks.hold(KEY)

    with locks.making(KEY):
        assert not is_free(locks)


def test_the_end_of_the_last_use_is_known(locks: KeyLocks, tmp_path: Path) -> None:
    assert locks.used_ns(KEY) is None
    locks.hold(KEY)
    os.utime(tmp_path / f"{KEY}.use", (1, 1))
    assert locks.used_ns(KEY) == 10**9

    locks.release()

    assert (locks.used_ns(KEY) or 0) > 10**9


def test_what_is_there_only_to_read_is_used_without_a_lock(tmp_path: Path) -> None:
    locks = KeyLocks(tmp_path / "absent")

    locks.hold(KEY)
    locks.release()

    assert not (tmp_path / "absent").exists()
