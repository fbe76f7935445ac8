"""The answer of an exploration as JSON, with a test's changes."""

from __future__ import annotations

from typing import Any


def standing(point: str, latency_ms: float | None = 1.0, **changes: Any) -> dict[str, Any]:
    values = {} if latency_ms is None else {"latency_ms": latency_ms, "top1_percent": 90.0}
    intervals = {name: [0.9 * value, 1.1 * value] for name, value in values.items()}
    return {
        "point": point, "model": point, "values": values, "intervals": intervals, "accuracy_source": "checked",
        "against": [], "official": {}, "likely": True, "failed": "", **changes,
    }  # fmt: skip


def answer(front: Any = (), dropped: Any = (), **changes: Any) -> dict[str, Any]:
    metrics = [{"name": "latency_ms", "direction": "min"}, {"name": "top1_percent", "direction": "max"}]
    work = {"spent_s": {"probe": 5.0}, "exhaustive_s": 50.0, "left_s": 0.0, "share": 0.1, "share_without_official": 0.1}
    return {
        "schema": 1, "name": "small", "system": "vm", "sample": True, "metrics": metrics, "confidence": 0.95,
        "front": list(front), "undecided": [], "dropped": list(dropped), "work": work, "warnings": [], **changes,
    }  # fmt: skip
