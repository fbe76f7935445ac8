"""The settings of a container, as arguments of `run`; each that an engine may refuse can be left out."""

from __future__ import annotations

import os
import platform
import resource
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.cli.container.engine import own_user
from scriptgraph.cli.container.network import CERTIFICATE_VARIABLES, CERTIFICATES
from scriptgraph.errors import RequestError
from scriptgraph.files.kernel_files import count_listed, is_listed, read_integer
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scriptgraph.cli.container.engine import ContainerEngine
    from scriptgraph.cli.container.refusals import Without

HOME = "/home/cm"
"""The home folder in a container."""
_LIMITS = (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC))
# Engines take -1 for no limit of their own; the largest number is one that all of them know.
_NO_LIMIT = 1 << 20
_OF_BUILDS = frozenset({"rlimits", "cgroup manager", "runtime", "network", "build isolation"})
DONE_WITHOUT = {
    "init": "--init",
    "rlimits": "raised limits of processes; it has those of this shell",
    "cgroup manager": "systemd's control groups",
    "runtime": "its usual program that starts containers; another is installed",
    "cgroups": "control groups of its own",
    "network": "a network of its own; it uses this machine's",
    "user namespace": "numbers of its own for users; you are root in it",
    "cpuset": "a control group for its CPUs; it is bound by its affinity",
    "labels": "SELinux's separation",
    "build isolation": "a container for each step of the build; its steps run in a changed root",
}
"""What a container does without, in words."""


def cpuset_of(typed: str, engine: ContainerEngine) -> str:
    """Return the CPUs of a container: those that were typed, otherwise those of this process if it has not all.

    An engine starts containers from a process of its own, so that `taskset` and a fleet's CPUs would be lost.

    Raises:
        RequestError: this process may not use one of the CPUs.
    """
    if engine.machine:
        return typed
    own = sorted(os.sched_getaffinity(0))
    if not typed:
        return "" if len(own) == os.cpu_count() else ",".join(map(str, own))
    if count_listed(typed) != sum(is_listed(cpu, typed) for cpu in own):
        usable = ",".join(map(str, own))
        raise RequestError(f"--docker_cpuset={typed}: has CPUs that may not be used here; name some of {usable}")
    return typed


def _other_runtime(engine: ContainerEngine) -> str | None:
    """Return an installed program that starts containers, other than the engine's own; None without one."""
    places = (name for name in ("runc", "crun") if name != engine.runtime)
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    return next((name for name in places if shutil.which(name, path=path)), None)


class ContainerSettings(Immutable):
    """How containers are run.

    Attributes:
        engine: the engine.
        mounts: folders and files that have the same path in the container.
        home: the folder that becomes the container's home.
        variables: names of variables of the engine's environment, which are passed on.
        cpuset: the CPUs to use; "" for all.
        memory_bytes: the most memory; 0 for no limit.
        without: what the engine refused and the container does without.
        certificates: a file of trusted certificates for the container; None for those of the image.
        values: variables with values for the command line, because the engine's program would heed them itself.
    """

    engine: ContainerEngine
    mounts: tuple[Path, ...]
    home: Path
    variables: tuple[str, ...] = ()
    cpuset: str = ""
    memory_bytes: int = 0
    without: frozenset[Without] = frozenset()
    certificates: Path | None = None
    values: Mapping[str, str] = NOTHING

    def can_do_without(self, what: Without, *, building: bool = False) -> bool:
        """Whether another try without a setting differs from the last, for a run or for a build."""
        relevant = what in _OF_BUILDS if building else what != "build isolation"
        if what in self.without or not relevant:
            return False
        needed = {
            "cgroup manager": self.engine.kind == "podman",
            "runtime": self.engine.kind == "podman" and _other_runtime(self.engine) is not None,
            "cgroups": self.engine.kind == "podman" and not self._needs_groups,
            "user namespace": self._keeps_id,
            "cpuset": bool(self.cpuset),
            "labels": self.engine.selinux,
            "build isolation": self.engine.kind == "podman",
        }
        return needed.get(what, True)

    @property
    def user(self) -> str:
        """The user and group in the container."""
        return f"{os.getuid()}:{os.getgid()}" if self._keeps_id else own_user(self.engine)

    @property
    def _needs_groups(self) -> bool:
        return bool(self.memory_bytes or (self.cpuset and "cpuset" not in self.without))

    @property
    def _keeps_id(self) -> bool:
        engine = self.engine
        return engine.kind == "podman" and engine.rootless and "user namespace" not in self.without

    def engine_words(self) -> list[str]:
        """Return the engine's program with its own options, which stand before the command."""
        manager = ["--cgroup-manager=cgroupfs"] if "cgroup manager" in self.without else []
        runtime = [f"--runtime={_other_runtime(self.engine)}"] if "runtime" in self.without else []
        return [self.engine.program, *manager, *runtime]

    def build_words(self) -> list[str]:
        """Return the options of a build that depend on the engine."""
        isolation = ["--isolation=chroot"] if "build isolation" in self.without else []
        return [*self._network(), *isolation, *self._shell_limits()]

    def run_argv(self, image: str, command: list[str], *, terminal: bool = False) -> list[str]:
        """Return the argv that runs a command in a container; an empty one starts a shell."""
        bound = ["taskset", "--cpu-list", self.cpuset] if self.cpuset and "cpuset" in self.without else []
        return [
            *self.engine_words(), "run", "--rm", *(["--interactive", "--tty"] if terminal else []),
            *self._options(), image, *bound, *(command or ["bash"]),
        ]  # fmt: skip

    def _options(self) -> Iterator[str]:
        yield from self._isolation()
        yield from self._limits()
        for name in self.variables:
            yield from ("--env", name)
        for name, value in self.values.items():
            yield from ("--env", f"{name}={value}")
        if self.certificates is not None:
            yield from ("--mount", f"type=bind,source={self.certificates},target={CERTIFICATES},readonly")
            yield from (word for name in CERTIFICATE_VARIABLES for word in ("--env", f"{name}={CERTIFICATES}"))
        yield from ("--mount", f"type=bind,source={self.home},target={HOME}")
        for each in self.mounts:
            yield from ("--mount", f"type=bind,source={each},target={each}")

    def _isolation(self) -> Iterator[str]:
        if "init" not in self.without:
            yield "--init"
        if self._keeps_id:
            yield "--userns=keep-id"
        if "cgroups" in self.without:
            yield "--cgroups=disabled"
        # The user owns the written files. The machine's name lets the next container continue the results.
        yield from ("--user", self.user, "--hostname", platform.node() or "localhost")
        yield from self._network()
        if "labels" in self.without:
            yield "--security-opt=label=disable"

    def _network(self) -> list[str]:
        return ["--network=host"] if "network" in self.without else []

    def _shell_limits(self) -> list[str]:
        """Return the options that keep the limits of this process, which need no right."""
        if "rlimits" not in self.without:
            return []
        # podman lowers its own limit of processes to their largest number.
        most = {"nproc": read_integer(Path("/proc/sys/kernel/pid_max")) or _NO_LIMIT}
        found = {name: (most.get(name, _NO_LIMIT), resource.getrlimit(number)) for name, number in _LIMITS}
        return [
            f"--ulimit={name}={':'.join(str(top if each < 0 else min(top, each)) for each in pair)}"
            for name, (top, pair) in found.items()
        ]

    def _limits(self) -> Iterator[str]:
        yield from self._shell_limits()
        if self.cpuset and "cpuset" not in self.without:
            yield f"--cpuset-cpus={self.cpuset}"
        if self.memory_bytes:
            # As much swap as memory would let it exceed the limit.
            yield from (f"--memory={self.memory_bytes}", f"--memory-swap={self.memory_bytes}")
