"""A connection to a machine: programs there, and files to and from it."""

from __future__ import annotations

import asyncio
import shlex
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import asyncssh

from mlperf_home.fleet.controller.shell import LONGEST_ANSWER, MachineError, MachineLostError, Shell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mlperf_home.contracts.fleet.job import SshOptions
    from mlperf_home.contracts.fleet.machines import FleetMachine

LOST = (asyncssh.ConnectionLost, asyncssh.DisconnectError, asyncssh.ChannelOpenError, asyncssh.SFTPError, OSError)
"""The faults of a connection that a new one may not have."""
_PROBES = 3


class Connection(Shell):
    """An open connection; it is silent unless it is used, so that it disturbs no measurement."""

    def __init__(self, machine: FleetMachine, ssh: asyncssh.SSHClientConnection) -> None:
        super().__init__(machine)
        self.ssh = ssh

    async def shell(self, *words: str, timeout_s: float | None = None) -> tuple[int | None, str, str]:
        """Run a program; return its exit status and outputs.

        Raises:
            MachineLostError: the connection broke.
        """
        try:
            return await asyncio.wait_for(self._run(words), timeout_s)
        except asyncio.TimeoutError:
            raise MachineLostError(self.machine.name, f"{words[0]} gave no answer", "look at the machine") from None
        except LOST as error:
            raise lost(self.machine, error) from None

    async def _run(self, words: tuple[str, ...]) -> tuple[int | None, str, str]:
        async with self.ssh.create_process(shlex.join(words), stdin=asyncssh.DEVNULL, encoding=None) as process:
            output, errors = await asyncio.gather(_bounded(process.stdout), _bounded(process.stderr))
            if len(output) > LONGEST_ANSWER or len(errors) > LONGEST_ANSWER:
                problem = f"{words[0]} answers with more than {LONGEST_ANSWER:,} bytes"
                raise MachineError(self.machine.name, problem, "look at the account's start-up files there")
            await process.wait_closed()
        if process.exit_status is None and process.exit_signal is None:
            raise lost(self.machine, "the connection ended")
        return process.exit_status, output.decode(errors="replace"), errors.decode(errors="replace")

    def close(self) -> None:
        """Close the connection at once."""
        self.ssh.abort()


async def connect(machine: FleetMachine, options: SshOptions) -> Connection:
    """Connect to a machine; only keys and agents are used, and its host key has to be known.

    Raises:
        MachineError: SSH refuses, or the host key is unknown or has changed.
        MachineLostError: nothing answers.
    """
    settings: dict[str, Any] = {
        "known_hosts": str(options.known_hosts) if options.known_hosts else (),
        "config": [str(options.config)] if options.config else (),
        "client_keys": [str(options.key)] if options.key else (),
        "username": machine.user or (),
        "port": machine.port or (),
        "password_auth": False,
        "kbdint_auth": False,
        "gss_auth": False,
        "keepalive_interval": 0,
        "connect_timeout": options.connect_s,
        "login_timeout": options.connect_s,
    }
    host = machine.reached_at.strip("[]")
    try:
        ssh = await asyncssh.connect(host, **settings)
    except asyncssh.HostKeyNotVerifiable:
        raise _host_key_error(machine, options) from None
    except asyncssh.PermissionDenied as error:
        advice = "add your public key to its ~/.ssh/authorized_keys, or name another user or key"
        raise MachineError(machine.name, f"SSH refuses this account ({error.reason})", advice) from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, asyncssh.ConfigParseError, ValueError) as error:
        raise MachineError(machine.name, f"SSH cannot be set up ({error})", "correct the key or the file") from None
    except (OSError, asyncssh.Error, asyncio.TimeoutError) as error:
        raise lost(machine, error) from None
    _watch_silence(ssh, options.silent_s)
    return Connection(machine, ssh)


@asynccontextmanager
async def connected(machine: FleetMachine, options: SshOptions) -> AsyncIterator[Connection]:
    """Connect to a machine for a while."""
    connection = await connect(machine, options)
    try:
        yield connection
    finally:
        connection.close()


def lost(machine: FleetMachine, error: object) -> MachineLostError:
    """Return the error of a machine that does not answer."""
    place = f"{machine.reached_at}{f':{machine.port}' if machine.port else ''}"
    reason = str(error) or type(error).__name__
    return MachineLostError(machine.name, f"{place} does not answer ({reason})", "look at the machine and its network")


async def _bounded(reader: asyncssh.SSHReader[bytes]) -> bytes:
    """Read an output to its end, or to one byte more than an answer may have."""
    content = b""
    while len(content) <= LONGEST_ANSWER and (chunk := await reader.read(LONGEST_ANSWER + 1 - len(content))):
        content += chunk
    return content


def _host_key_error(machine: FleetMachine, options: SshOptions) -> MachineError:
    host, port = machine.reached_at.strip("[]"), machine.port or 22
    name = host if port == 22 else f"[{host}]:{port}"  # noqa: PLR2004 - SSH's own port
    with suppress(OSError, ValueError):
        file = options.known_hosts or _default_known_hosts()
        keys, certificates, *_ = asyncssh.match_known_hosts(str(file), host, "", port)
        if keys or certificates:
            problem = "its host key is not the one in known_hosts: the machine was made anew, or another answers"
            advice = f"find out which, then remove the old key by ssh-keygen -R '{name}' -f {file}"
            return MachineError(machine.name, problem, advice)
    advice = f"compare its fingerprint while you connect once by ssh: {shlex.join(_ssh_words(machine))}"
    return MachineError(machine.name, "its host key is not in known_hosts", advice)


def _default_known_hosts() -> str:
    from pathlib import Path  # noqa: PLC0415 - only after an error

    return str(Path("~/.ssh/known_hosts").expanduser())


def _ssh_words(machine: FleetMachine) -> list[str]:
    port = ["-p", str(machine.port)] if machine.port else []
    return ["ssh", *port, f"{machine.user}@{machine.reached_at}" if machine.user else machine.reached_at]


def _watch_silence(ssh: asyncssh.SSHClientConnection, silent_s: float) -> None:
    """Let the kernels find out that the machine is gone: no process there wakes up to answer."""
    opened = ssh.get_extra_info("socket")
    if opened is None:  # a connection through another machine; that one's end is noticed
        return
    each = max(1, int(silent_s / (_PROBES + 1)))
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, each)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, each)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(silent_s * 1000))
