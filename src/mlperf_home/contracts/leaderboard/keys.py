"""Keys that belong to one contributor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def first_keys(successors: Mapping[str, str]) -> dict[str, str]:
    """Return the first key of a contributor by each later one; a circle of keys is cut where it closes."""
    before = {later: earlier for earlier, later in successors.items()}
    first = {}
    for key in before:
        seen = [key]
        while (earlier := before.get(seen[-1])) is not None and earlier not in seen:
            seen.append(earlier)
        first[key] = seen[-1]
    return first
