"""Report the faults that stay in a file once, not at each start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.files.atomic import LockedJson
from scriptgraph.files.sha256 import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_KEY_DIGITS = 16


def not_yet_reported(path: Path, sentences: Iterable[str]) -> list[str]:
    """Return the sentences about a file that no earlier call has returned; a file beside it remembers them.

    In a folder that cannot be written, all are returned each time.
    """
    by_key = {sha256(each.encode("utf-8", "replace")).hexdigest()[:_KEY_DIGITS]: each for each in sentences}
    if not by_key:
        return []
    fresh: dict[str, str] = {}

    def remember(reported: dict[str, Any]) -> None:
        fresh.update({key: each for key, each in by_key.items() if key not in reported})
        reported.update(dict.fromkeys(by_key, 1))

    try:
        LockedJson(path.with_name(f".{path.name}.reported.json")).update(remember)
    except OSError:
        return list(by_key.values())
    return list(fresh.values())
