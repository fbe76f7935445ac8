"""A small JSON object on disk that many processes read and change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scriptgraph.files import locks
from scriptgraph.files.atomic import replace_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class KeptJson:
    """A file with one JSON object; a reader sees the old one or the new one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Any]:
        """Return the object; an empty one where there is none, or none that can be read."""
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def update(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the object in place, one process at a time."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as handle:
            locks.acquire(handle, wait=True)
            document = self.read()
            change(document)
            replace_bytes(self.path, (json.dumps(document, indent=1, sort_keys=True) + "\n").encode())
