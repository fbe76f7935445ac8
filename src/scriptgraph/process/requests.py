"""Requests of a running program to this process: lines over a pipe, each answered by a line over another.

The program finds the numbers of both descriptors in the variable SCRIPTGRAPH_REQUESTS, as "WRITE,READ".
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import IO

Serve = Callable[[str], str]
VARIABLE = "SCRIPTGRAPH_REQUESTS"


class Requests:
    """The two pipes, and the function that answers.

    Attributes:
        sinks: set when the program is being ended; then nothing is answered any more.
        passed: the descriptors that the program gets.
    """

    def __init__(self, serve: Serve) -> None:
        self._serve, self._rest = serve, b""
        self.sinks: object = None
        reading, writing = os.pipe()
        self._incoming: IO[bytes] = os.fdopen(reading, "rb", buffering=0)
        replies, self._outgoing = os.pipe()
        self.passed: tuple[int, ...] = (writing, replies)

    @property
    def environment(self) -> dict[str, str]:
        """The variable that tells the program its descriptors."""
        return {VARIABLE: ",".join(map(str, self.passed))}

    def started(self) -> IO[bytes]:
        """Close the program's descriptors in this process, and return the pipe to watch."""
        self._close_passed()
        os.set_blocking(self._incoming.fileno(), False)
        return self._incoming

    def feed(self, chunk: bytes) -> None:
        """Answer the requests that a chunk completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if self.sinks is not None:
                return
            reply = self._serve(line.decode(errors="surrogateescape")).encode(errors="surrogateescape") + b"\n"
            with suppress(BrokenPipeError):
                while reply:
                    reply = reply[os.write(self._outgoing, reply) :]

    def close(self) -> None:
        """Close all descriptors."""
        self._close_passed()
        self._incoming.close()
        if self._outgoing >= 0:
            os.close(self._outgoing)
            self._outgoing = -1

    def _close_passed(self) -> None:
        for each in self.passed:
            os.close(each)
        self.passed = ()
