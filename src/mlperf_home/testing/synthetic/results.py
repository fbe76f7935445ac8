"""The folder of a made-up result: logs, sessions, and the measurement that follows from them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.runs.readings import Noise, Reading
from mlperf_home.contracts.runs.session import (
    Counts,
    DatasetFacts,
    EngineFacts,
    HostState,
    JobEcho,
    LoadGenFacts,
    LogFile,
    ModelFile,
    RunGrid,
    Session,
    Times,
    Verdict,
    sha256_of,
)
from mlperf_home.loadgen_logs.run_log import read_run
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_TEXT, PERFORMANCE_DIR
from mlperf_home.measurements.measurement import Value, Weights, to_json, with_weights
from mlperf_home.rules import mlperf_conf
from mlperf_home.testing.synthetic.logs import BENCHMARK, LOADGEN_VERSION, RULES, SCENARIO, LogWriter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.published.classifiers import ClassifierRow
    from mlperf_home.testing.synthetic.machines import SyntheticMachine

NOTE = "TEST: made up from published rows; nobody measured this"
STARTED, RUN_S = "2026-11-01T00:00:04+00:00", 700.0
ENGINE_VERSION = "test"


def write_result(
    folder: Path, machine: SyntheticMachine, row: ClassifierRow, writer: LogWriter, facts: Mapping[str, Value]
) -> None:
    """Write the result of one model, as the harness leaves it; `facts` are those of the system."""
    latency_ms = machine.latencies_ms[row.model]
    writer.performance(folder / PERFORMANCE_DIR, latency_ms)
    writer.accuracy(folder / ACCURACY_DIR, latency_ms, machine.top1_percent[row.model])
    conf = f"{RULES.benchmarks[BENCHMARK].loadgen_model}.{SCENARIO}.target_latency = {latency_ms}\n"
    (folder / "user.conf").write_text(conf, encoding="utf-8")
    (folder / "mlperf.conf").write_text(mlperf_conf(RULES), encoding="utf-8")
    for mode, logs in (("performance", PERFORMANCE_DIR), ("accuracy", ACCURACY_DIR)):
        session = _session(folder / logs, mode, conf, machine, row)
        write_document(folder / f"{mode}-session.json", session)
    measured = with_weights(ingest(folder, facts, row.name), Weights(row.weights, "TEST: there is no model"))
    (folder / "measurement.json").write_text(to_json(measured), encoding="utf-8")


def _session(logs: Path, mode: str, conf: str, machine: SyntheticMachine, row: ClassifierRow) -> Session:
    logged = read_run(logs)
    images = logged.logged["qsl_reported_total_count"]
    queries = logged.query_count or images
    files = {path.name: path for path in sorted(logs.iterdir()) if path.name != ACCURACY_TEXT}
    timed = mode == "performance"
    return Session(
        job=JobEcho(
            round=RULES.name,
            benchmark=BENCHMARK,
            loadgen_model=RULES.benchmarks[BENCHMARK].loadgen_model,
            scenario=SCENARIO,
            mode=mode,
            backend="tflite",
            model_path=f"/test/{row.name}.tflite",
            options={},
            cores=None,
            lengths=None,
            batch_sizes=None,
            streams=None,
            dataset_kind="imagenet",
            dataset_path="/test/images",
            user_conf=conf,
            stall_timeout_s=300.0,
        ),
        sample=True,
        sample_note=NOTE,
        engine=EngineFacts(
            name=machine.runtime,
            version=ENGINE_VERSION,
            details={"cores": machine.cores, "streams": 1, "threads_per_stream": machine.cores},
            warnings=(),
        ),
        model=ModelFile(
            path=f"/test/{row.name}.tflite",
            sha256=hashlib.sha256(row.model.encode()).hexdigest(),
            reason=None,
            files={},
        ),
        grid=RunGrid(lengths=(), batch_sizes=(1,), streams=1, origin="given", streams_as="caller"),
        calibration=None,
        dataset=DatasetFacts(
            name="test-images",
            identity={},
            count=images,
            performance_count=logged.logged["qsl_reported_performance_count"],
            made={"recipe": "test"},
        ),
        loadgen=LoadGenFacts(
            version=LOADGEN_VERSION, logged_version=logged.loadgen_version, settings=logged.settings, warnings=()
        ),
        result=Verdict(validity=logged.validity, reasons=()),
        counts=Counts(queries=queries, samples_issued=queries, samples_completed=queries, batches=queries),
        times=Times(started_utc=STARTED, open_s=1.0, run_s=_run_s(machine, row) if timed else RUN_S),
        peak_memory_bytes=200_000_000,
        host=HostState(
            load_average_1min_before=0.0,
            affinity_cpus=tuple(range(machine.cores)),
            cgroup_cpu_quota=None,
            cgroup_cpu_quota_reason="no control group sets a limit",
        ),
        state={"governor": Reading("performance")} if timed else {},
        noise=Noise(noisy_because=(), disturbance=0.1) if timed else None,
        warnings=(),
        logs={name: LogFile(sha256=sha256_of(path), bytes=path.stat().st_size) for name, path in files.items()},
        inputs={},
    )


def _run_s(machine: SyntheticMachine, row: ClassifierRow) -> float:
    """Return a time that a run of 2,000 queries, or of ten minutes, fits into."""
    return max(RUN_S, 3 * machine.latencies_ms[row.model])
