"""Run the harness under LoadGen in this process, so that the engine stays open between the rounds."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from work_folder import work_folder

from mlperf_home.contracts.runs.job import decode_job
from mlperf_home.harness import loadgen as loadgen_module
from mlperf_home.harness.queries.parts import SutParts
from mlperf_home.harness.queries.sut import make_sut
from mlperf_home.harness.queries.watchdog import Watchdog
from mlperf_home.harness.user_conf import user_conf
from mlperf_home.loadgen_logs.run_log import read_run
from mlperf_home.rules import load_round, mlperf_conf

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.contracts.runs.grids import Grid
    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.base import Backend
    from mlperf_home.loadgen_logs.run_log import LoadGenResult

_STALL_S = 120.0


class ThroughLoadGen:
    """Runs of a scenario with an open backend.

    Attributes:
        indices: the samples of the last remembered run, in the order of LoadGen's queries.
    """

    def __init__(
        self, scenario: str, backend: Backend, samples: Samples, grid: Grid, count: int, benchmark: str = "bert-99"
    ) -> None:
        self._backend, self._samples, self._grid = backend, samples, grid
        self._count, self._benchmark = count, benchmark
        self._folder = work_folder()
        self._loadgen = loadgen_module.import_loadgen()
        self._job = self._make_job(scenario)
        self.indices: list[int] = []

    def run(
        self,
        *,
        remember: bool = False,
        after: Callable[[int], None] | None = None,
        make: Callable[[str, SutParts], Any] = make_sut,
    ) -> LoadGenResult:
        """Run LoadGen once.

        Args:
            remember: record the samples' order in `indices`, which takes a little time.
            after: called with each query's first sample after the harness has completed the query. In SingleStream,
                LoadGen waits for it before the next query but does not count it as latency.
            make: makes the system under test.
        """
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        settings = loadgen_module.configure(self._loadgen, self._job)
        settings.performance_sample_count_override = self._samples.performance_count
        watchdog = Watchdog(_STALL_S, on_stall=_end, on_beat=lambda: None)
        respond = loadgen_module.responder(self._loadgen, "performance")
        sut = make(
            self._job.scenario,
            SutParts(self._backend, self._samples, self._grid, respond, watchdog, _fail, outputs=False),
        )
        if remember:
            self.indices = []
            sut.issue = _RecordedIssue(sut.issue, self.indices)
        if after is not None:
            sut.issue = _InterleavedIssue(sut.issue, after)
        watchdog.start()
        self.start(sut, settings, folder)
        watchdog.stop()
        sut.stop()
        return read_run(folder)

    def start(self, sut: Any, settings: Any, folder: Path) -> None:
        """Run LoadGen once, with its logs in a folder."""
        loadgen_module.run(self._loadgen, settings, (sut, self._samples), folder, folder / "audit.config")

    def _make_job(self, scenario: str) -> Any:
        rules, conf = self._folder / "mlperf.conf", self._folder / "user.conf"
        rules.write_text(mlperf_conf(load_round("v3.1")), encoding="utf-8")
        values = {"min_duration": 0, "min_query_count": self._count, "max_query_count": self._count}
        target = {"target_qps": 1} if scenario == "Offline" else {"target_latency": 1}
        if scenario == "Offline":
            # LoadGen issues one query of min_query_count samples.
            del values["max_query_count"]
        model = load_round("v3.1").benchmarks[self._benchmark].loadgen_model
        conf.write_text(user_conf(model, scenario, {**values, **target}), encoding="utf-8")
        document = {
            "round": "v3.1", "benchmark": self._benchmark, "loadgen_model": model, "scenario": scenario,
            "mode": "performance",
            "backend": {
                "name": "deepsparse", "model_path": "-", "options": {},
                "lengths": None, "batch_sizes": None, "streams": None, "cores": None,
            },
            "dataset": {"kind": "squad", "path": "-"},
            "user_conf": str(conf), "mlperf_conf": str(rules), "work_dir": str(self._folder),
            "out_dir": str(self._folder / "out"), "session_path": str(self._folder / "session.json"),
            "stall_timeout_s": _STALL_S, "sample": True, "calibration_path": None,
        }  # fmt: skip
        return decode_job(document)


class _RecordedIssue:
    """A wrapper of `issue` that records the samples of each query."""

    def __init__(self, issue: Any, indices: list[int]) -> None:
        self._issue = issue
        self._indices = indices

    def __call__(self, ids: list[int], indices: list[int]) -> None:
        self._indices += indices
        self._issue(ids, indices)


class _InterleavedIssue:
    """A wrapper of `issue` that calls a function after each query."""

    def __init__(self, issue: Any, after: Callable[[int], None]) -> None:
        self._issue = issue
        self._after = after

    def __call__(self, ids: list[int], indices: list[int]) -> None:
        self._issue(ids, indices)
        self._after(indices[0])


def _fail(error: BaseException) -> NoReturn:
    _end(f"the run failed: {error!r}")


def _end(text: str) -> NoReturn:
    # End the process from any thread: LoadGen would wait forever, and its threads crash in an ordinary exit.
    print(text, file=sys.stderr, flush=True)
    os._exit(1)
