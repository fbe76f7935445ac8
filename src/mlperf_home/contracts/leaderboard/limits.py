"""The limits of what a board takes."""

from __future__ import annotations

MOST_BYTES = 256 << 20
"""A bundle of 81 models has some 20 MB; a larger file is refused before it is read."""
