"""The error of a board's store."""

from __future__ import annotations

from mlperf_home.errors import LocatedError


class BoardError(LocatedError):
    """A board cannot be used as requested."""
