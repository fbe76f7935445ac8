"""An entry has one maker or several users, and is removed only when it has neither."""

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
    with KeyLocks(locks.folder).exclusive(key) as free:
        return free


def test_an_unused_key_is_free(locks: KeyLocks) -> None:
    assert is_free(locks)
    assert is_free(locks)


def test_the_maker_of_an_entry_holds_its_key_alone(locks: KeyLocks) -> None:
    with locks.making(KEY):
        assert not is_free(locks)
        assert is_free(locks, "b" * 64)
    assert is_free(locks)


def test_the_last_of_several_users_frees_the_key(locks: KeyLocks) -> None:
    other = KeyLocks(locks.folder)
    for each in (locks, locks, other):
        each.hold(KEY)
    locks.release()
    assert not is_free(locks)
    other.release()

    assert is_free(locks)


def test_a_user_may_make_the_entry_beside_another_user(locks: KeyLocks) -> None:
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


def test_a_read_only_cache_is_used_without_locks(tmp_path: Path) -> None:
    locks = KeyLocks(tmp_path / "absent")

    locks.hold(KEY)
    locks.release()

    assert not (tmp_path / "absent").exists()
