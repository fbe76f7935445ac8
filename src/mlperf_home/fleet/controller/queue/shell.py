"""Programs of this machine: the nodes of a queue share its file system."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mlperf_home.fleet.controller.shell import MachineLostError, Shell

_NOT_FOUND = 127


class LocalShell(Shell):
    """Runs programs here, in the home folder, as SSH does."""

    async def shell(self, *words: str, timeout_s: float | None = None) -> tuple[int | None, str, str]:
        """Run a program; return its exit status and outputs.

        Raises:
            MachineLostError: it gave no answer in time.
        """
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *words, cwd=Path.home(), stdin=null, stdout=pipe, stderr=pipe
            )
        except OSError as error:
            return _NOT_FOUND, "", f"{words[0]}: {error.strerror}"
        try:
            output, errors = await asyncio.wait_for(process.communicate(), timeout_s)
        except asyncio.TimeoutError:
            raise MachineLostError(self.machine.name, f"{words[0]} gave no answer", "run it in a terminal") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode, output.decode(errors="replace"), errors.decode(errors="replace")
