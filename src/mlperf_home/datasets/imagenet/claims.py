"""Whose a folder of unfinished work is; and taking over what another run has left."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mlperf_home.datasets.base import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CLAIM_FILE = "claim"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep a folder of unfinished work to this process; the claim ends with the process, however that ends.

    Raises:
        DatasetError: another process has it.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        # A lock of this kind is not inherited by the workers.
        with (folder / _CLAIM_FILE).open("a") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                advice = "wait until it is done and run this again, which will use its images; or give another --out"
                raise DatasetError(folder, "is in use: another process makes the same images", advice) from None
            # Whoever had it may have finished and removed it, or taken it over, in between.
            if _is_at(file.fileno(), folder / _CLAIM_FILE):
                yield
                return


def take_over(folder: Path, left: Path, of_use: Callable[[Path], bool]) -> None:
    """Move what an earlier run has left to `folder`, where nothing is there yet.

    Args:
        folder: where the work goes on.
        left: the folder in which such runs have theirs, as `<any>/<name of folder>`.
        of_use: says whether this work helps.
    """
    if folder.exists():
        return
    for other in sorted(left.glob(f"*/{folder.name}")):
        # A folder that is in use, or that goes away meanwhile, is passed over.
        with suppress(DatasetError, OSError), claimed(other):
            if of_use(other):
                folder.parent.mkdir(parents=True, exist_ok=True)
                other.rename(folder)
                with suppress(OSError):  # where nothing else is in it, it has served
                    other.parent.rmdir()
                return


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
