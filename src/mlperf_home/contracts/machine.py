"""`machine.json`: the machine that a challenge ran on, as far as it tells."""

from __future__ import annotations

from mlperf_home.contracts.codec import Document
from scriptgraph.files.json_reader import Limits

MACHINE_LIMITS = Limits(size=1 << 20, depth=2, values=5_000)
"""A CPU has some hundred features."""


class Machine(Document):
    """What decides whether and how a challenge runs; None where the machine does not tell.

    `system` is "linux"; `memory_bytes` is what a process may use.
    """

    system: str
    os_name: str | None
    kernel: str
    libc: str | None
    architecture: str | None
    cpu_model: str | None
    cpu_features: tuple[str, ...]
    sockets: int | None
    cores_per_socket: int | None
    usable_cpus: int
    hypervisor: str | None
    memory_bytes: int | None
    python: str
