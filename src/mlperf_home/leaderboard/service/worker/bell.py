"""The standard input of a worker: a line tells that something waits, its end that the service has ended."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Bell:
    """Waits for a ring, or for the end."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._rung, self.ended = threading.Event(), False
        threading.Thread(target=self._listen, args=(lines,), daemon=True).start()

    def wait(self, seconds: float) -> None:
        """Wait for a ring or the end, but not longer than some seconds."""
        self._rung.wait(seconds)
        self._rung.clear()

    def _listen(self, lines: Iterable[bytes]) -> None:
        for _ in lines:
            self._rung.set()
        self.ended = True
        self._rung.set()
