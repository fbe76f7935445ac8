"""Locks of a machine: one measurement at a time on each of its CPUs, whoever starts it."""

from __future__ import annotations

import fcntl
import os
import pwd
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = "mlperf-home-fleet"


def open_lock(path: Path) -> int:
    """Open a lock file, which every account may lock; create it if it is absent.

    A file of another account in a folder like /tmp is not opened for writing, which the kernel would refuse.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(FileExistsError, FileNotFoundError):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
            os.fchmod(descriptor, 0o644)  # whatever the umask
            return descriptor
    return os.open(path, flags)


def lock(descriptor: int, *, shared: bool = False, wait: bool = False) -> bool:
    """Lock an open file; without `wait`, return False if another holds it.

    The lock lasts until the last copy of the open file is closed.
    """
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    try:
        fcntl.flock(descriptor, kind)
    except BlockingIOError:
        return False
    return True


def _machine_locks(lock_dir: str, cpus: Sequence[int]) -> list[tuple[Path, bool]]:
    """Return the lock files of some CPUs with whether each is shared: all CPUs, or the machine's and one for each."""
    folder = Path(lock_dir)
    machine = folder / f"{_NAME}.lock"
    if not cpus:
        return [(machine, False)]
    return [(machine, True), *((folder / f"{_NAME}-cpu{cpu}.lock", False) for cpu in sorted(set(cpus)))]


def hold_machine(lock_dir: str, cpus: Sequence[int], *, wait: bool = False) -> list[int]:
    """Lock the CPUs of a machine, all of them without `cpus`; return the open files, or none if one is in use."""
    held: list[int] = []
    for path, shared in _machine_locks(lock_dir, cpus):
        held.append(open_lock(path))
        if not lock(held[-1], shared=shared, wait=wait):
            release(held)
            return []
    return held


def release(held: Sequence[int]) -> None:
    """Close lock files."""
    for descriptor in held:
        os.close(descriptor)


def holder(folder: Path, lock_dir: str, cpus: Sequence[int]) -> str:
    """Describe who holds a lock of these CPUs; "" if nobody does."""
    held = hold_machine(lock_dir, cpus)
    if held:
        release(held)
        return ""
    own = ""
    with suppress(OSError):
        own = (folder / "running").read_text(encoding="utf-8")[:200]
    files = {path.stat().st_ino for path, _ in _machine_locks(lock_dir, cpus) if path.exists()}
    accounts = {account for line in _kernel_locks() if (account := _account(line, files))}
    me = pwd.getpwuid(os.getuid()).pw_name if _has_account(os.getuid()) else str(os.getuid())
    others = sorted(accounts - {me})
    return f"a measurement of the account {others[0]}" if others else own or "another fleet of this account"


def _kernel_locks() -> list[list[str]]:
    with suppress(OSError):
        return [line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()]
    return []


def _account(line: list[str], inodes: set[int]) -> str:
    """Return the account of the process of a line of /proc/locks, if its file is one of these."""
    with suppress(ValueError, IndexError, OSError):
        start = line.index("FLOCK")
        pid, inode = int(line[start + 3]), int(line[start + 4].rpartition(":")[2])
        if inode in inodes and pid > 0:
            uid = Path(f"/proc/{pid}").stat().st_uid
            return pwd.getpwuid(uid).pw_name if _has_account(uid) else str(uid)
    return ""


def _has_account(uid: int) -> bool:
    with suppress(KeyError):
        return bool(pwd.getpwuid(uid))
    return False
