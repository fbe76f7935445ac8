"""What is told of the machine is what was detected, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mlperf_home.measurements.measurement import MACHINE_FACTS, Value
from mlperf_home.steps.machine import machine_facts

if TYPE_CHECKING:
    from scriptgraph.api import Context


class Detected:
    """Stands for a step's context."""

    def __init__(self, **env: int | str) -> None:
        self._env = env

    def text(self, key: str, default: str) -> str:
        return str(self._env.get(key, default))

    def whole(self, key: str) -> int | None:
        found = self._env.get(key)
        return None if found is None else int(found)


def test_what_was_detected_is_copied_and_the_rest_unknown() -> None:
    detected = Detected(CM_HOST_CPU_MODEL_NAME="A CPU", CM_HOST_CPU_SOCKETS=2)

    facts = machine_facts(cast("Context", detected), "box")

    assert facts.keys() == MACHINE_FACTS
    assert facts["sockets"] == Value(2, "copied", "detect-cpu")
    assert facts["host_processor_model_name"].value == "A CPU"
    assert facts["cores"].origin == facts["memory_total_bytes"].origin == "unknown"
