"""The requests of a foreign script's process to the run: a line of JSON each way."""

from __future__ import annotations

import json
import os
import sys
from typing import IO, Any

_VARIABLE = "SCRIPTGRAPH_REQUESTS"


class Channel:
    """The two pipes to the run."""

    def __init__(self, requests: IO[str], replies: IO[str]) -> None:
        self._requests, self._replies = requests, replies

    @classmethod
    def opened(cls) -> Channel:
        """Open the descriptors that the run has passed; the script's own programs do not get them."""
        writing, reading = map(int, os.environ.pop(_VARIABLE).split(","))
        for each in (writing, reading):
            os.set_inheritable(each, False)
        requests = os.fdopen(writing, "w", encoding="utf-8", errors="surrogateescape")
        return cls(requests, os.fdopen(reading, encoding="utf-8", errors="surrogateescape"))

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request, and wait for its reply."""
        sys.stdout.flush()
        sys.stderr.flush()
        self._requests.write(json.dumps(request, default=str) + "\n")
        self._requests.flush()
        reply = self._replies.readline()
        if not reply:
            sys.exit(1)  # the run has ended
        answer: dict[str, Any] = json.loads(reply)
        return answer
