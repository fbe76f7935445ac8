"""What every accuracy computation shares."""

from __future__ import annotations

from mlperf_home.errors import LocatedError


class AccuracyError(LocatedError):
    """An accuracy cannot be computed from what was given."""
