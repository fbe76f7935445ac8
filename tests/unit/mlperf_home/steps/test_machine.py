"""The facts of a machine are those that were detected; all others are unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mlperf_home.measurements.measurement import MACHINE_FACTS, Value
from mlperf_home.steps.machine import machine_facts

if TYPE_CHECKING:
    from scriptgraph.api import Context


class Detected:
    """A fake context of a step."""

    def __init__(self, **env: int | str) -> None:
        self._env = env

    def text(self, key: str, default: str) -> str:
        return str(self._env.get(key, default))

    def whole(self, key: str) -> int | None:
        value = self._env.get(key)
        return None if value is None else int(value)


def test_detected_facts_are_copied_and_others_unknown() -> None:
    detected = Detected(CM_HOST_CPU_MODEL_NAME="A CPU", CM_HOST_CPU_SOCKETS=2)

    facts = machine_facts(cast("Context", detected), "box")

    assert facts.keys() == MACHINE_FACTS
    assert facts["sockets"] == Value(2, "copied", "detect-cpu")
    assert facts["host_processor_model_name"].value == "A CPU"
    assert facts["cores"].origin == facts["memory_total_bytes"].origin == "unknown"
