"""Copy files to and from a machine: by hash, resumed where a copy was cut off."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncssh

from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.fleet.controller.shell import MachineError
from mlperf_home.fleet.controller.ssh.connection import LOST, lost

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.contracts.fleet.job import CarriedFile
    from mlperf_home.fleet.controller.ssh.connection import Connection

_CHUNK_BYTES = 1 << 18


class MachineFiles:
    """The files of a machine, by SFTP."""

    def __init__(self, connection: Connection, sftp: asyncssh.SFTPClient) -> None:
        self.connection, self.sftp = connection, sftp
        self.name = connection.machine.name

    async def make_folders(self, *folders: str) -> None:
        """Make folders that are absent."""
        for folder in folders:
            await self.sftp.makedirs(folder, exist_ok=True)

    async def write(self, path: str, content: bytes) -> None:
        """Write a small file: the old one stays until the new one is complete."""
        async with self.sftp.open(f"{path}.making", "wb") as file:
            await file.write(content)
        await self.sftp.posix_rename(f"{path}.making", path)

    async def size(self, path: str) -> int:
        """Return the size of a file; -1 if it is absent."""
        with suppress(asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return (await self.sftp.stat(path)).size or 0
        return -1

    async def put(self, program: str, carried: CarriedFile, path: str) -> bool:
        """Copy a file to a path unless it is there; resume a copy; return whether anything was sent.

        Raises:
            MachineError: the hash of the copy differs, or there is no space.
        """
        if await self.size(path) == carried.size:
            return False
        partial = f"{path}.{carried.sha256[:16]}.partial"
        start = max(0, await self.size(partial))
        start = start if start <= carried.size else 0
        async with self.sftp.open(partial, "ab" if start else "wb") as target:
            with carried.path.open("rb") as source:
                source.seek(start)
                while chunk := source.read(_CHUNK_BYTES):
                    await target.write(chunk)
        answer = await self.connection.ask(program, "digest", partial)
        if answer.get("sha256") != carried.sha256:
            await self.sftp.remove(partial)
            raise MachineError(self.name, f"{carried.name} arrived with another hash", "run the fleet again")
        await self.sftp.posix_rename(partial, path)
        return True

    async def fetch(self, remote: str, local: Path, sha256: str, size: int) -> None:
        """Copy a file from the machine; resume a copy; it is on this disk when this returns.

        Raises:
            MachineError: the hash of the copy differs.
        """
        partial = local.with_name(f"{local.name}.{sha256[:16]}.partial")
        start = partial.stat().st_size if partial.exists() else 0
        async with self.sftp.open(remote, "rb") as source:
            with partial.open("ab" if 0 < start <= size else "wb") as target:
                await source.seek(target.tell())
                left = size - target.tell()
                while left > 0 and (chunk := await source.read(min(_CHUNK_BYTES, left))):
                    target.write(chunk)  # type: ignore[arg-type] # opened for bytes
                    left -= len(chunk)
                target.flush()
                os.fsync(target.fileno())
        if sha256_of(partial) != sha256:
            partial.unlink()
            raise MachineError(self.name, f"{remote} has another hash than its result says", "run the fleet again")
        partial.replace(local)


async def files_of(connection: Connection) -> MachineFiles:
    """Open a machine's files.

    Raises:
        MachineError: it has no SFTP.
    """
    try:
        return MachineFiles(connection, await connection.ssh.start_sftp_client())
    except asyncssh.SFTPError as error:
        advice = "add Subsystem sftp to its sshd_config"
        raise MachineError(connection.machine.name, f"has no SFTP ({error.reason})", advice) from None
    except asyncssh.ChannelOpenError as error:
        advice = "add Subsystem sftp to its sshd_config"
        raise MachineError(connection.machine.name, f"has no SFTP ({error.reason})", advice) from None


async def send_all(files: MachineFiles, program: str, carried: Mapping[str, CarriedFile]) -> int:
    """Copy files to their paths; return the number of those that were sent.

    Raises:
        MachineError: a copy failed, for instance because there is no space.
        MachineLostError: the connection broke.
    """
    sent, path = 0, ""
    try:
        for path, file in carried.items():
            sent += await files.put(program, file, path)
    except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection) as error:
        raise lost(files.connection.machine, error.reason) from None
    except asyncssh.SFTPError as error:
        advice = "free space there, or set `folder` to a place with more"
        raise MachineError(files.name, f"{path} cannot be written ({error.reason})", advice) from None
    except LOST as error:
        raise lost(files.connection.machine, error) from None
    return sent
