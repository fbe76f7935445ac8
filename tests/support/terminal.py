"""A stream in memory that says it is a terminal."""

from __future__ import annotations

import io


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Whether it is one."""
        return True
