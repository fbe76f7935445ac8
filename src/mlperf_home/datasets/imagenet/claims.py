"""Whose a folder of unfinished work is; and taking over what another run has left."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mlperf_home.datasets.base import DatasetError
from scriptgraph.files import locks

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
        # The workers, which are forked, do not hold it.
        with (folder / _CLAIM_FILE).open("a") as file:
            if not locks.acquire(file, inherited=False):
                advice = "wait until it is done and run this again, which will use its images; or give another --out"
                raise DatasetError(folder, "is in use: another process makes the same images", advice)
            # Whoever had it may have finished and removed it, or taken it over, in between.
            if locks.is_at(file, folder / _CLAIM_FILE):
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
