"""How long steps took on this machine, for what a plan tells beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.files.json_store import KeptJson

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scriptgraph.execution.record import StepRecord

# What is shorter is nothing to wait for, and writing it down would take longer than it tells.
LEAST_S = 1.0


class Durations:
    """Seconds by a step's title, the last time that it did its work, in one JSON file below `state`."""

    def __init__(self, state: Path) -> None:
        self._kept = KeptJson(state / "durations.json")

    def known(self) -> Mapping[str, float]:
        """Give the seconds by title."""
        return {title: each for title, each in self._kept.read().items() if isinstance(each, (int, float))}

    def note(self, steps: list[StepRecord]) -> None:
        """Keep the durations of those steps that did something for a second or more."""
        took = {each.title: (each.end_ns - each.start_ns) / 1e9 for each in steps if each.status == "done"}
        long = {title: round(seconds, 3) for title, seconds in took.items() if seconds >= LEAST_S}

        def put(document: dict[str, Any]) -> None:
            document.update(long)

        if long:
            self._kept.update(put)
