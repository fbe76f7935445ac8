"""The addresses of pages, relative to the site; an address never changes, and each names one thing only."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

_LONGEST = 48
_HASHED = 8


@lru_cache(maxsize=1 << 14)
def page_of(kind: str, name: str, ending: str = "html") -> str:
    """Return the address of the page of a CPU, machine, model, contributor, group, challenge or result.

    Args:
        kind: the folder, such as "cpu".
        name: its whole name, from outside; different names have different addresses.
        ending: the ending of the file's name.
    """
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST].strip("-")
    mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_HASHED]
    return f"{kind}/{words}-{mark}.{ending}" if words else f"{kind}/{mark}.{ending}"


def part_of(address: str, number: int) -> str:
    """Return the address of a part of a page that is too long; part 1 is the page itself."""
    stem, _, ending = address.rpartition(".")
    return address if number == 1 else f"{stem}.{number}.{ending}"
