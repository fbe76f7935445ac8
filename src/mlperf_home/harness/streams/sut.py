"""Offline with a process for each stream.

Threads share Python's lock. A small model's call takes tens of microseconds, and what Python does between two calls a
few: streams wait for each other, the longer the more of them there are. Processes do not (docs/decisions/0016).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mlperf_home.engines.cores import cores_cpus
from mlperf_home.harness.queries.parts import PreparingSut
from mlperf_home.harness.streams.pool import Streams

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mlperf_home.harness.queries.parts import Parts


class ProcessesSut(PreparingSut):
    """Offline where samples are inferred one by one: processes that live while samples are loaded."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._streams: Streams | None = None
        self._cpus = _cpus_of_streams(parts.grid.streams)
        self.streams_as = "processes" if None in self._cpus else "processes, a core each"

    def load(self, indices: Sequence[int]) -> None:
        """Bring samples into memory, arrange each, and fork: the processes find them where they are."""
        self.stop()
        super().load(indices)
        try:
            prepared = {index: infer for index, (infer, _) in self._prepared.items()}
            self._streams = Streams(self._parts, prepared, self._cpus)
            self._streams.wait_until_ready()
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            self._parts.fail(error)

    def unload(self, indices: Sequence[int]) -> None:
        """End the processes and release the samples."""
        self.stop()
        super().unload(indices)

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Hand the query's samples to the processes, in groups."""
        self._parts.watchdog.expect(len(ids))
        try:
            cast("Streams", self._streams).ask(ids, indices)
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            self._parts.fail(error)

    def stop(self) -> None:
        """End the processes, when nothing is outstanding."""
        if self._streams is not None:
            self._streams.stop()
            self._streams = None


def _cpus_of_streams(streams: int) -> Sequence[Collection[int] | None]:
    """Give each stream a physical core where there is one for each, else leave them where they are put.

    The parent wakes for every group; a stream that made way for it would move, and share the core of another.
    """
    cores = cores_cpus()
    return cores if len(cores) == streams else [None] * streams
