"""`machine.json`: the machine that a challenge ran on."""

from __future__ import annotations

from mlperf_home.contracts.codec import Document
from mlperf_home.contracts.container import ContainerFacts
from scriptgraph.files.json_reader import Limits

MACHINE_LIMITS = Limits(size=1 << 20, depth=2, values=5_000)
"""A CPU has some hundred features."""


class Machine(Document, omit_defaults=True):
    """The facts of a machine that matter to a challenge; None where unknown.

    `system` is "linux"; `memory_bytes` is the memory that a process may use. `container` is None, and left out of the
    file, outside of containers.
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
    container: ContainerFacts | None = None

    @property
    def confined(self) -> str:
        """The hypervisor and the container that its programs run in, "" if none is known."""
        container = self.container.kind if self.container else ""
        return ", ".join(filter(None, (self.hypervisor, container)))
