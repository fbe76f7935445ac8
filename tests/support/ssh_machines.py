"""Machines for fleets: a real sshd each, on a high port of the loopback or in a network namespace of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlperf_home.contracts.fleet.job import SshOptions
from mlperf_home.contracts.fleet.machines import FleetMachine

if TYPE_CHECKING:
    from collections.abc import Iterator

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
needs_sshd = pytest.mark.skipif(SSHD is None, reason="no sshd here; install openssh-server to test fleets")
needs_namespaces = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("ip") is None, reason="network namespaces need root and iproute2"
)


@dataclass
class SshMachine:
    """An sshd with its folder, and the entry of machines.yaml that reaches it."""

    name: str
    folder: Path
    address: str
    port: int
    prefix: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    def entry(self, **more: object) -> FleetMachine:
        """Return the machine as in machines.yaml, with a folder and locks of its own."""
        places = {"folder": str(self.folder / "fleet"), "lock_dir": str(self.folder / "locks")}
        user = getpass.getuser()
        both = {"address": self.address, "port": self.port, "user": user, "python": _python(), **places, **more}
        return FleetMachine(name=self.name, **both)  # type: ignore[arg-type]

    def start(self) -> None:
        """Start sshd, and return when it listens."""
        assert SSHD is not None
        argv = [*self.prefix, SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        self.process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, start_new_session=True)
        assert self.process.stderr is not None
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if "Server listening" in line:
                return
        raise AssertionError(f"sshd did not start: {lines}")

    def stop(self) -> None:
        """End sshd and all its connections."""
        if self.process is None:
            return
        for each in [*_children(self.process.pid), self.process.pid]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.process = None


@dataclass
class Bench:
    """A folder of machines with one client key, and its known_hosts."""

    root: Path
    machines: dict[str, SshMachine] = field(default_factory=dict)

    @property
    def key(self) -> Path:
        """The client's private key."""
        return self.root / "client"

    @property
    def known_hosts(self) -> Path:
        """The file of host keys."""
        return self.root / "known_hosts"

    @property
    def ssh(self) -> SshOptions:
        """The options that reach the machines."""
        empty = self.root / "ssh_config"
        empty.touch()
        return SshOptions(config=empty, known_hosts=self.known_hosts, key=self.key, connect_s=20.0, lost_s=5.0)

    def add(self, name: str, address: str = "127.0.0.1", prefix: tuple[str, ...] = ()) -> SshMachine:
        """Start a machine, and trust its key."""
        folder = self.root / name
        folder.mkdir()
        machine = SshMachine(name, folder, address, _free_port(), list(prefix))
        _make_key(folder / "host")
        (folder / "sshd_config").write_text(_config(machine, self.key), encoding="utf-8")
        public = (folder / "host.pub").read_text(encoding="utf-8").split()
        with self.known_hosts.open("a", encoding="utf-8") as file:
            file.write(f"[{address}]:{machine.port} {public[0]} {public[1]}\n")
        machine.start()
        self.machines[name] = machine
        return machine


@contextmanager
def ssh_bench(root: Path) -> Iterator[Bench]:
    """Yield an empty bench; end all its machines afterwards."""
    bench = Bench(root)
    root.mkdir(parents=True, exist_ok=True)
    _make_key(bench.key)
    Path("/run/sshd").mkdir(exist_ok=True)
    with ExitStack() as stack:
        stack.callback(lambda: [each.stop() for each in bench.machines.values()])
        yield bench


@contextmanager
def namespace(name: str, subnet: int) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield the address, the command prefix and the link of a network namespace; remove it afterwards."""
    link = f"{name}0"
    here, there = f"10.231.{subnet}.1", f"10.231.{subnet}.2"

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    ip("netns", "add", name)
    try:
        ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", f"{here}/24", "dev", link)
        ip("link", "set", link, "up")
        ip("-n", name, "addr", "add", f"{there}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        yield there, ("ip", "netns", "exec", name), link
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)
        subprocess.run(["ip", "link", "del", link], check=False, stderr=subprocess.DEVNULL)


def _python() -> str:
    """Return a Python outside the tests' environment, as a machine has one."""
    return os.path.realpath(f"{os.path.realpath(shutil.which('python3') or '/usr/bin/python3')}")


def _config(machine: SshMachine, client: Path) -> str:
    lines = {
        "Port": machine.port,
        "ListenAddress": machine.address,
        "HostKey": machine.folder / "host",
        "AuthorizedKeysFile": f"{client}.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "yes",
        "UsePAM": "no",
        "LogLevel": "INFO",
        "MaxStartups": "200",
        "Subsystem": "sftp internal-sftp",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _make_key(path: Path) -> None:
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fleet test", "-f", str(path)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def _children(process: int) -> list[int]:
    """Return all descendants of a process that are sshd's own."""
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            name = (folder / "comm").read_text(encoding="utf-8").strip()
            if int(fields[1]) == process and name.startswith("sshd"):
                found += [*_children(int(folder.name)), int(folder.name)]
    return found
