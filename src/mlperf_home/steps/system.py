"""The system under test: its name, and the targets that were measured on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scriptgraph.files.json_store import KeptJson

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_UNFRIENDLY = re.compile(r"[^A-Za-z0-9._-]+")


def system_name(hardware: str, parts: Sequence[str]) -> str:
    """Join the parts of a system's name as 2023 did: hardware-implementation-device-backend-vVersion-config.

    Characters that the submission's tree does not take become underscores.
    """
    return "-".join(_UNFRIENDLY.sub("_", part) for part in (hardware, *parts) if part)


class Targets:
    """Measured targets by model and scenario, in one JSON file for each system."""

    def __init__(self, path: Path) -> None:
        self._kept = KeptJson(path)

    def known(self, model: str, scenario: str) -> dict[str, float]:
        """Give {"target_qps": ...} or {"target_latency_ms": ...}; empty where nothing was measured."""
        entry = self._kept.read().get(model, {}).get(scenario, {})
        return {key: float(value) for key, value in entry.items()}

    def store(self, model: str, scenario: str, target: dict[str, float]) -> None:
        """Keep what a find-performance run has measured."""

        def put(document: dict[str, Any]) -> None:
            document.setdefault(model, {})[scenario] = target

        self._kept.update(put)
