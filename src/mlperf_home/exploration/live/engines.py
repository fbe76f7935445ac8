"""The processes that run jobs: one for each engine's environment, started when it is first needed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import mlperf_home
from mlperf_home.contracts.failures import ExitStatus
from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.exploration.live.plan import Engine

BOOTSTRAP = Path(mlperf_home.__file__).with_name("bootstrap.py")
# Imported once, before runs are forked: these make no threads. What makes some is imported by each run.
_IMPORTS = {"litert": "ai_edge_litert.interpreter", "tflite": "tflite_runtime.interpreter"}


class EngineError(LocatedError):
    """An engine's environment cannot be started at all."""


class Engines:
    """Runs jobs; use it as a context, which ends its processes."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        """Take the environments; nothing is started yet."""
        self._engines = engines
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Engines:  # noqa: PYI034 - typing has no Self in Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started.values():
            assert process.stdin is not None  # noqa: S101 - it was asked for
            process.stdin.close()
        for process in self._started.values():
            process.wait()

    def run(self, backend: str, job: Path, *, new_interpreter: bool) -> tuple[ExitStatus, str]:
        """Run a job to its end; give its status and, after a failure, what was wrong.

        Raises:
            EngineError: the environment's Python cannot be started.
        """
        process = self._process(backend)
        assert process.stdin is not None  # noqa: S101 - both were asked for
        assert process.stdout is not None  # noqa: S101
        asked = json.dumps({"job": str(job), "new_interpreter": new_interpreter})
        try:
            process.stdin.write(asked.encode() + b"\n")
            process.stdin.flush()
            for line in process.stdout:
                told = json.loads(line)
                if told["event"] == "ended":
                    return ExitStatus(told["status"]), str(told["message"])
        except BrokenPipeError:
            pass
        del self._started[backend]
        code = process.wait()
        how = f"by signal {-code}" if code < 0 else f"with status {code}"
        return ExitStatus.KILLED, f"the process that starts runs ended {how}: the machine ran out of memory?"

    def _process(self, backend: str) -> subprocess.Popen[bytes]:
        if backend not in self._started:
            engine = self._engines[backend]
            words = [*engine.prefix, engine.python, str(BOOTSTRAP), "mlperf_home.harness.many"]
            words += ["--import", _IMPORTS[backend]] if backend in _IMPORTS else []
            try:
                self._started[backend] = subprocess.Popen(  # noqa: S603 - our own module, in the engine's environment
                    words, stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            except OSError as error:
                raise EngineError(
                    words[0], f"cannot be started ({error.strerror})", "make the environment again"
                ) from None
        return self._started[backend]
