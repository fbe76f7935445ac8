"""The error of taking part in a board."""

from __future__ import annotations

from mlperf_home.errors import LocatedError


class ParticipationError(LocatedError):
    """A machine cannot take part in a board as requested."""
