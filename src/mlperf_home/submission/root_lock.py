"""One process at a time makes, shortens, restores or packs a submission."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from scriptgraph.files import locks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class BusyError(LocatedError):
    """Another process works on the submission."""


@contextmanager
def held(root: Path, refusal: type[LocatedError] = BusyError) -> Iterator[None]:
    """Keep others away from a submission; the lock is the folder's, so nothing is left in it.

    Raises:
        BusyError: another process holds it; or the caller's `refusal`.
        OSError: it cannot be opened.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not locks.acquire(descriptor):
            problem = "another process is making a submission here, or packing it"
            raise refusal(root, problem, "wait for it, or give another --submission_dir")
        yield
    finally:
        os.close(descriptor)
