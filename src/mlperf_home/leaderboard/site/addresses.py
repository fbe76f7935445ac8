"""The addresses of pages, relative to the site; an address never changes, and each names one thing only."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 48
_HASHED = 8


def page_of(kind: str, name: str) -> str:
    """Return the address of the page of a CPU, machine, model, contributor, group or result.

    Args:
        kind: the folder, such as "cpu".
        name: its whole name, from outside; different names have different addresses.
    """
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST].strip("-")
    mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_HASHED]
    return f"{kind}/{words}-{mark}.html" if words else f"{kind}/{mark}.html"
