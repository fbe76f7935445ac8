"""Families of CPUs: those with the same kind of cores. Generic and mistaken names are corrected by the platform's."""

from __future__ import annotations

_BY_PLATFORM = {
    "odroid": "Odroid",
    "graviton_m7g": "Neoverse V1",
    "rpi3": "Cortex-A53",
    "rpi": "Cortex-A72",
    "raspberry": "Cortex-A72",
    "aws_a1": "Cortex-A72",
    "aws_t2": "Xeon v4",
    "orin": "Cortex-A78AE",
}
_BY_CPU = {
    "Carmel": "Carmel",
    "A78AE": "Cortex-A78AE",
    "RK3588": "RK3588",
    "Neoverse-N1": "Neoverse N1",
    "Neoverse-V1": "Neoverse V1",
    "A72": "Cortex-A72",
    "EPYC": "EPYC",
    "Ryzen": "Ryzen",
    "E5-2686 v4": "Xeon v4",
    "8259CL": "Xeon, second generation",
    "8275CL": "Xeon, second generation",
    "6240R": "Xeon, second generation",
    "8124M": "Xeon, first generation",
    "6140": "Xeon, first generation",
    "8380": "Xeon, third generation",
    "8481C": "Xeon, fourth generation",
    "w7-2495X": "Xeon, fourth generation",
    "i7-12800H": "Core, twelfth generation",
    "Apple M1": "Apple M1",
}


def family_of(cpu: str, platform: str) -> str:
    """Return the family of a CPU; its own name if it belongs to no listed family, and "" without a name."""
    name = platform.lower()
    for known, family in _BY_PLATFORM.items():
        if known in name:
            return family
    return next((family for known, family in _BY_CPU.items() if known in cpu), cpu)
