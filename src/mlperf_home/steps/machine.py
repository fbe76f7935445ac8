"""Facts about the machine that a run's own logs do not tell, for its measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.measurements.measurement import Value, unknown

if TYPE_CHECKING:
    from scriptgraph.api import Context

_SOURCE = "detect-cpu"
_COUNTS = {
    "sockets": "CM_HOST_CPU_SOCKETS",
    "cores": "CM_HOST_CPU_PHYSICAL_CORES_PER_SOCKET",
    "memory_total_bytes": "CM_HOST_MEMORY_BYTES",
}


def machine_facts(context: Context, name: str) -> dict[str, Value]:
    """Give the facts that detect-cpu exports; what it does not know is unknown.

    Args:
        context: of a script that reads CM_HOST_CPU_MODEL_NAME, and the keys above.
        name: what results go under.
    """
    facts = {"name": Value(name, "copied", "the name that results go under")}
    if processor := context.text("CM_HOST_CPU_MODEL_NAME", ""):
        facts["host_processor_model_name"] = Value(processor, "copied", _SOURCE)
    for fact, key in _COUNTS.items():
        number = context.whole(key)
        told = unknown(f"{_SOURCE} does not know it") if number is None else Value(number, "copied", _SOURCE)
        facts[fact] = told
    return facts
