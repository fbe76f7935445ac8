"""Locks on open files: alone or shared, inherited or this process's own."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

from scriptgraph.files import locks
from scriptgraph.process.programs import capture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "lock"
    path.touch()
    return path


def free_for_others(path: Path, words: str = "") -> bool:
    """Whether another process can take the lock."""
    code = (
        "import sys; from scriptgraph.files import locks;"
        f"print(locks.acquire(open(sys.argv[1], 'r+b'){words and ', ' + words}))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return capture([sys.executable, "-c", code, str(path)], env=env).strip() == "True"


@pytest.mark.parametrize(
    ("shared", "other_shared", "together"),
    [(False, False, False), (False, True, False), (True, False, False), (True, True, True)],
)
def test_only_shared_holders_coexist(path: Path, shared: bool, other_shared: bool, together: bool) -> None:
    with path.open("rb") as one, path.open("rb") as other:
        assert locks.acquire(one, shared=shared)

        assert locks.acquire(other, shared=other_shared) is together


def test_closing_unlocks(path: Path) -> None:
    with path.open("rb") as one:
        assert locks.acquire(one)

    with path.open("rb") as other:
        assert locks.acquire(other)


def test_the_holder_may_turn_its_lock_into_a_shared_one(path: Path) -> None:
    with path.open("rb") as one, path.open("rb") as other:
        assert locks.acquire(one)
        assert locks.acquire(one, shared=True)

        assert locks.acquire(other, shared=True)


def test_waiting_for_a_free_lock_takes_it(path: Path) -> None:
    with path.open("rb") as one, path.open("rb") as other:
        assert locks.acquire(one, wait=True)

        assert not locks.acquire(other)


def test_folders_and_descriptors_can_be_locked(tmp_path: Path) -> None:
    one, other = (os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY) for _ in range(2))
    try:
        assert locks.acquire(one)
        assert not locks.acquire(other, shared=True)
    finally:
        os.close(one)
        os.close(other)


@pytest.mark.parametrize("inherited", [True, False])
def test_other_processes_are_kept_out(path: Path, inherited: bool) -> None:
    with path.open("r+b") as file:
        assert locks.acquire(file, inherited=inherited)
        assert not free_for_others(path, f"inherited={inherited}")

    assert free_for_others(path, f"inherited={inherited}")


@pytest.mark.parametrize(("inherited", "held"), [(True, True), (False, False)])
def test_a_forked_child_holds_only_an_inherited_lock(path: Path, inherited: bool, held: bool) -> None:
    file = path.open("r+b")
    locks.acquire(file, inherited=inherited)
    # The child inherits the open file and lives until its input ends.
    reading, writing = os.pipe()
    os.set_inheritable(file.fileno(), True)
    child = os.posix_spawn(
        "/bin/cat",
        ["cat"],
        {},
        file_actions=[(os.POSIX_SPAWN_DUP2, reading, 0), (os.POSIX_SPAWN_CLOSE, writing)],
    )
    os.close(reading)
    file.close()
    try:
        assert free_for_others(path, f"inherited={inherited}") is not held
    finally:
        os.close(writing)
        os.waitpid(child, 0)


def test_own_locks_need_a_writable_file(path: Path) -> None:
    with path.open("rb") as file, pytest.raises(OSError, match="Bad file descriptor"):
        locks.acquire(file, inherited=False)


def test_a_file_system_without_locks_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> NoReturn:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)

    with path.open("rb") as file, pytest.raises(OSError, match="No locks available"):
        locks.acquire(file)


def test_a_file_that_was_moved_or_replaced_is_noticed(path: Path) -> None:
    with path.open("rb") as file:
        assert locks.is_at(file, path)
        assert locks.is_at(file.fileno(), path)

        path.rename(path.with_name("moved"))
        assert not locks.is_at(file, path)
        assert locks.is_at(file, path.with_name("moved"))

        path.touch()
        assert not locks.is_at(file, path)


def test_a_link_to_the_file_counts_as_the_file(path: Path) -> None:
    path.with_name("link").symlink_to(path)

    with path.open("rb") as file:
        assert locks.is_at(file, path.with_name("link"))
