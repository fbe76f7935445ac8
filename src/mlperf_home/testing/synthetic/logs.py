"""LoadGen's logs of made-up runs, in the form that LoadGen writes."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import to_line
from mlperf_home.contracts.runs.latencies import LATENCIES_FILE
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE, DETAIL_FILE, SUMMARY_FILE
from mlperf_home.measurements.layout import ACCURACY_TEXT
from mlperf_home.rules import DEFAULT_ROUND, load_round
from mlperf_home.testing.synthetic.times import SyntheticTimes, answers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BEGAN, SCENARIO, BENCHMARK = "2026-11-01T00:00:05", "SingleStream", "resnet"
RULES = load_round(DEFAULT_ROUND)
LOADGEN_VERSION = "6.0.17"
_LOADED = 1024
_TAIL = '"namespace": "mlperf::logging", "event_type": "POINT_IN_TIME", "metadata"'


@dataclass(frozen=True)
class LogWriter:
    """Writes the logs of the runs of one model; those of two processes are never equal."""

    images: int
    process: int

    def performance(self, folder: Path, p90_ms: float) -> None:
        """Write the logs of a performance run."""
        times = SyntheticTimes(int(p90_ms * 1e6), self.process)
        self._run(folder, "PerformanceOnly", p90_ms, times.logged())
        (folder / ACCURACY_FILE).write_text("[\n]\n", encoding="utf-8")
        (folder / LATENCIES_FILE).write_text(to_line(times.kept), encoding="utf-8")

    def accuracy(self, folder: Path, p90_ms: float, top1_percent: float) -> None:
        """Write the logs of an accuracy run, and accuracy.txt."""
        self._run(folder, "AccuracyOnly", p90_ms, {})
        found = answers(self.images, top1_percent, self.process)
        lines = [
            f'{{ "seq_id" : {number}, "qsl_idx" : {image}, "data" : "{struct.pack("<f", answer).hex().upper()}" }}'
            for number, (image, answer) in enumerate(found)
        ]
        log = "[\n" + ",\n".join(lines) + "\n]\n"
        (folder / ACCURACY_FILE).write_text(log, encoding="utf-8")
        good = sum(image % 1000 == answer for image, answer in found)
        scores = f"accuracy={100 * good / self.images:.3f}%, good={good}, total={self.images}"
        digest = hashlib.sha256(log.encode()).hexdigest()
        (folder / ACCURACY_TEXT).write_text(f"{scores}\nhash={digest}\n", encoding="utf-8")

    def _run(self, folder: Path, mode: str, p90_ms: float, results: Mapping[str, object]) -> None:
        folder.mkdir(parents=True)
        values = {
            "loadgen_version": f"{LOADGEN_VERSION} @ test",
            "test_datetime": f"{BEGAN}Z",
            "sut_name": "PyFastSUT",
            "qsl_name": "PyQSL",
            "qsl_reported_total_count": self.images,
            "qsl_reported_performance_count": _LOADED,
            **{f"effective_{name}": value for name, value in self._settings(mode, p90_ms).items()},
            "loaded_qsl_set": list(range(_LOADED)),
            "power_begin": "11-01-2026 00:00:05.000",
            "power_end": "11-01-2026 00:10:05.000",
            **results,
        }
        lines = [self._line(number, key, value) for number, (key, value) in enumerate(values.items())]
        (folder / DETAIL_FILE).write_text("".join(lines), encoding="utf-8")
        shown = "".join(f"{key} : {value}\n" for key, value in results.items())
        summary = f"MLPerf Results Summary\nScenario : {SCENARIO}\nMode : {mode}\n{shown}\n"
        (folder / SUMMARY_FILE).write_text(f"{summary}No errors encountered during test.\n", encoding="utf-8")

    def _line(self, number: int, key: str, value: object) -> str:
        source = {"is_error": False, "is_warning": False, "file": "test.cc", "line_no": number, "pid": self.process,
                  "tid": self.process}  # fmt: skip
        entry = f'"key": "{key}", "value": {json.dumps(value)}, "time_ms": {number / 64:.6f}'
        return f":::MLLOG {{{entry}, {_TAIL}: {json.dumps(source)}}}\n"

    def _settings(self, mode: str, p90_ms: float) -> dict[str, object]:
        rules = RULES.scenarios[SCENARIO]
        return {
            "scenario": SCENARIO,
            "test_mode": mode,
            "samples_per_query": 1,
            "target_qps": 1000 / p90_ms,
            "target_latency_ns": 0,
            "target_latency_percentile": 0.9,
            "min_duration_ms": rules.min_duration_ms,
            "max_duration_ms": 0,
            "min_query_count": rules.min_query_count,
            "max_query_count": 0,
            **asdict(RULES.seeds),
            "accuracy_log_rng_seed": 0,
            "performance_issue_same": False,
            "performance_sample_count": _LOADED,
            "accuracy_sample_count": self.images,
        }
