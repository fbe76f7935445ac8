"""The container that a result was made in, as far as its engine and its files tell."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mlperf_home.contracts.codec import OpenDocument

_Word = Annotated[str, Meta(max_length=200)]


class ContainerFacts(OpenDocument):
    """The facts of a container; None is unknown, and "" or 0 means none.

    Attributes:
        engine: "docker", "podman" or another's name.
        version: the engine's version.
        image_digest: the engine's identifier of the image, a digest that depends on all its layers ("sha256:...").
        cpuset: the CPUs that the container was bound to ("0-3,8").
        memory_limit_bytes: the most memory that it was allowed.
        rootless: whether the engine ran without root's rights.
        virtual_machine: the virtual machine that the engine runs in, such as Docker Desktop's.
    """

    engine: _Word | None = None
    version: _Word | None = None
    image_digest: Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None
    cpuset: _Word | None = None
    memory_limit_bytes: Annotated[int, Meta(ge=0)] | None = None
    rootless: bool | None = None
    virtual_machine: _Word | None = None

    @property
    def kind(self) -> str:
        """What sets its results apart: "podman container", with the virtual machine if there is one."""
        inside = f" in {self.virtual_machine}" if self.virtual_machine else ""
        return f"{self.engine or 'unknown'} container{inside}"

    def in_words(self) -> str:
        """Return all that is known: "podman 4.3.1, rootless, CPUs 0-3, at most 2.0 GiB"."""
        name = " ".join(filter(None, (self.engine or "unknown engine", self.version)))
        rights = {True: "rootless", False: "as root", None: ""}[self.rootless]
        cpus = f"CPUs {self.cpuset}" if self.cpuset else ""
        memory = f"at most {self.memory_limit_bytes / 2**30:.1f} GiB" if self.memory_limit_bytes else ""
        machine = f"in {self.virtual_machine}" if self.virtual_machine else ""
        return ", ".join(filter(None, (name, rights, cpus, memory, machine)))
