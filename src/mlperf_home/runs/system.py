"""The system under test: its name, and the targets that were measured on it."""

from __future__ import annotations

import fcntl
import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlperf_home.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
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
        self.path = path

    def known(self, model: str, scenario: str) -> dict[str, float]:
        """Give {"target_qps": ...} or {"target_latency_ms": ...}; empty where nothing was measured."""
        entry = self._read().get(model, {}).get(scenario, {})
        return {key: float(value) for key, value in entry.items()}

    def store(self, model: str, scenario: str, target: dict[str, float]) -> None:
        """Keep what a find-performance run has measured."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock():
            document = self._read()
            document.setdefault(model, {})[scenario] = target
            replace_text(self.path, json.dumps(document, indent=1, sort_keys=True) + "\n")

    def _read(self) -> dict[str, Any]:
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with self.path.with_suffix(".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
