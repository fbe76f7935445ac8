"""One LoadGen run in this process, from the job to the session."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import to_line
from mlperf_home.contracts.runs.failures import ExitStatus, HarnessError
from mlperf_home.contracts.runs.job import audit_config, logs_outputs
from mlperf_home.contracts.runs.latencies import LATENCIES_FILE, kind_of
from mlperf_home.contracts.runs.progress import FinishedEvent, OpenedEvent, OpeningEvent, RunningEvent
from mlperf_home.contracts.runs.session import (
    Counts,
    DatasetFacts,
    EngineFacts,
    InputFile,
    JobEcho,
    LoadGenFacts,
    LogFile,
    RunGrid,
    Session,
    Times,
    Verdict,
    sha256_of,
)
from mlperf_home.datasets.base import DatasetError
from mlperf_home.engines.base import BackendError
from mlperf_home.engines.calibration.calibrate import promised_rate
from mlperf_home.engines.model_files import read_model_file
from mlperf_home.harness import loadgen as loadgen_module
from mlperf_home.harness.answer_order import check_answer_order, order_warning
from mlperf_home.harness.calibrations import LEAST_RUN_S, confirm, keep_calibration, reached_rate
from mlperf_home.harness.observation import MachineWatch, WatchedSut, peak_memory_bytes, read_machine_state
from mlperf_home.harness.preparation import choose_grid, installed_version, make_backend, open_samples
from mlperf_home.harness.queries.kept import KeptQueries, KeptTimes
from mlperf_home.harness.queries.parts import SutParts, TooLongError, buckets, grid_for
from mlperf_home.harness.queries.sut import make_sut
from mlperf_home.harness.queries.watchdog import Watchdog
from mlperf_home.loadgen_logs.run_log import LogError, read_run
from mlperf_home.loadgen_logs.verdict import explain_errors
from mlperf_home.machine.readings import judge, judge_loading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.contracts.container import ContainerFacts
    from mlperf_home.contracts.runs.grids import Calibration, Grid
    from mlperf_home.contracts.runs.job import Job
    from mlperf_home.contracts.runs.readings import Noise, Reading
    from mlperf_home.contracts.runs.session import HostState, ModelFile
    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.base import Backend, EngineDescription, EngineSetup
    from mlperf_home.harness.child import Progress
    from mlperf_home.harness.preparation import ChosenGrid
    from mlperf_home.loadgen_logs.run_log import LoadGenResult


@dataclass(frozen=True)
class RunControl:
    """The connection of a run to its process.

    Attributes:
        progress: the writer of progress lines.
        beat: called every second during the timed section.
        end_beats: called after the timed section.
        fail: ends the run with an exception; called from any thread, and does not return.
        deadline_s: the `time.monotonic()` at which the run's time limit ends, or None.
    """

    progress: Progress
    beat: Callable[[], object]
    end_beats: Callable[[], None]
    fail: Callable[[BaseException], None]
    deadline_s: float | None = None


@dataclass(frozen=True)
class _OpenEngine:
    backend: Backend
    description: EngineDescription
    samples: Samples
    grid: Grid
    chosen: ChosenGrid
    model: ModelFile
    open_s: float
    places: tuple[frozenset[int], ...]


@dataclass(frozen=True)
class _CompletedRun:
    counts: Counts
    watch: MachineWatch
    streams_as: str
    run_s: float


def run_session(job: Job, control: RunControl) -> Session:
    """Run a job and return its session; LoadGen writes its logs to `job.partial_dir`.

    Raises:
        HarnessError: the run gives no result.
    """
    started = datetime.now(timezone.utc)
    host = read_machine_state()
    loadgen = loadgen_module.import_loadgen()
    settings = loadgen_module.configure(loadgen, job)
    watch = MachineWatch()
    opened = _open(job, control.progress)
    loadgen_module.fit_settings(settings, job, opened.backend, opened.samples, opened.grid)
    with audit_config(job.rules, job.mode, job.out_dir) as audit_conf:
        ran = _run(job, control, opened, watch, (loadgen, settings, audit_conf))
    opened.backend.close()
    return _document(job, opened, ran, started_utc=started.isoformat(timespec="seconds"), host=host)


def _document(job: Job, opened: _OpenEngine, ran: _CompletedRun, *, started_utc: str, host: HostState) -> Session:
    """Return the session of a run; raise HarnessError if LoadGen's logs are unusable or have errors."""
    result, state = _read_logs(job), ran.watch.state()
    noise = judge(state) if state and job.mode != "accuracy" else None
    grid, engine, samples = opened.grid, opened.description, opened.samples
    return Session(
        job=_echo(job),
        sample=job.sample,
        sample_note=samples.sample_note,
        engine=EngineFacts(
            name=engine.engine, version=engine.version, details=dict(engine.details), warnings=engine.warnings
        ),
        model=opened.model,
        grid=RunGrid(
            lengths=grid.lengths,
            batch_sizes=grid.batch_sizes,
            streams=grid.streams,
            origin=opened.chosen.origin,
            streams_as=ran.streams_as,
        ),
        calibration=_tried(job, opened, ran, result, noise),
        dataset=DatasetFacts(
            name=samples.name,
            identity=dict(samples.identity),
            count=samples.count,
            performance_count=samples.performance_count,
            made=dict(getattr(samples, "record", {})),
        ),
        loadgen=LoadGenFacts(
            version=installed_version("mlcommons-loadgen"),
            logged_version=result.loadgen_version,
            settings=dict(result.settings),
            warnings=tuple(result.warnings),
        ),
        result=Verdict(validity=result.validity, reasons=tuple(result.reasons)),
        target=loadgen_module.measured_target(job, result),
        counts=ran.counts,
        times=Times(started_utc=started_utc, open_s=opened.open_s, run_s=ran.run_s),
        peak_memory_bytes=peak_memory_bytes(ran.watch),
        host=host,
        state=state,
        noise=noise,
        warnings=_warnings(job, opened, state, host.container),
        logs={
            path.name: LogFile(sha256=sha256_of(path), bytes=path.stat().st_size)
            for path in sorted(job.partial_dir.iterdir())
        },
        inputs=_input_files(engine.files),
    )


def _tried(
    job: Job, opened: _OpenEngine, ran: _CompletedRun, result: LoadGenResult, noise: Noise | None
) -> Calibration | None:
    """Return the run's calibration; the first quiet performance run confirms it, or has it made anew."""
    chosen, lengths = opened.chosen, opened.samples.lengths
    calibration, quiet = chosen.calibration, noise is not None and not noise.noisy_because
    if calibration is None or calibration.confirmation is not None or not quiet or ran.run_s < LEAST_RUN_S:
        return calibration
    promised = promised_rate(calibration, () if lengths is None else lengths.tolist())
    reached = reached_rate(job, result)
    if promised is None or reached is None:
        return calibration
    calibration = confirm(calibration, promised, reached)
    if job.calibration_path is not None and chosen.key is not None:
        keep_calibration(job.calibration_path, chosen.key, calibration)
    return calibration


def _input_files(paths: Sequence[Path]) -> dict[str, InputFile]:
    """Return files by name; by path, where several have the same name."""
    names = [path.name for path in paths]
    return {
        path.name if names.count(path.name) == 1 else str(path): InputFile(path=str(path), sha256=sha256_of(path))
        for path in paths
    }


def _open(job: Job, progress: Progress) -> _OpenEngine:
    start_s = time.monotonic()
    samples = open_samples(job)
    progress.write(OpeningEvent(backend=job.backend.name))
    try:
        model = read_model_file(job.backend.model_path, job.backend.name)
    except BackendError as error:
        raise HarnessError(ExitStatus.BACKEND_REFUSED, str(error)) from None
    has_lengths = samples.lengths is not None
    chosen = choose_grid(job, has_lengths=has_lengths, model_sha256=model.content_sha256, progress=progress)
    grid = grid_for(job.scenario, chosen.grid)
    if samples.lengths is not None:
        try:
            buckets(samples.lengths, grid)
        except TooLongError as error:
            problem = f"{job.dataset.path}: {error}; add a longer sequence length"
            raise HarnessError(ExitStatus.BAD_DATASET, problem) from None
    setup = chosen.setup(job, grid)
    backend, description = _open_backend(job, samples, setup)
    progress.write(OpenedEvent(engine=description.engine, version=description.version, grid=grid))
    return _OpenEngine(backend, description, samples, grid, chosen, model, time.monotonic() - start_s, setup.places)


def _open_backend(job: Job, samples: Samples, setup: EngineSetup) -> tuple[Backend, EngineDescription]:
    """Open the engine and fit the samples to its model; raise HarnessError if they do not go together."""
    backend = make_backend(job.backend.name)
    try:
        description = backend.open(setup)
        samples.adapt(description.details)
        order = order_warning(description)
        if job.mode == "accuracy":
            order = check_answer_order(backend, description, samples, setup.grid, job.backend.model_path)
        if order:
            description = replace(description, warnings=(*description.warnings, order))
    except BackendError as error:
        raise HarnessError(ExitStatus.BACKEND_REFUSED, str(error)) from None
    except DatasetError as error:
        backend.close()
        raise HarnessError(ExitStatus.BAD_DATASET, str(error)) from None
    return backend, description


def _run(
    job: Job, control: RunControl, opened: _OpenEngine, watch: MachineWatch, loadgen_with: tuple[Any, Any, Path]
) -> _CompletedRun:
    loadgen, settings, audit_conf = loadgen_with
    watchdog = Watchdog(
        job.stall_timeout_s,
        on_stall=lambda text: control.fail(HarnessError(ExitStatus.STALLED, text)),
        on_beat=control.beat,
    )
    if control.deadline_s is not None:
        watchdog.end_at(control.deadline_s, lambda done: control.fail(_over_time(job, done)))
    respond = loadgen_module.responder(loadgen, job.mode)
    outputs = logs_outputs(job.mode)
    min_duration_s = settings.min_duration_ms / 1000 if job.mode != "accuracy" else 0
    times = KeptTimes(min_duration_s, kind_of(job.scenario, has_lengths=opened.samples.lengths is not None))
    queries = None if times.kind == "periods" else KeptQueries(job.scenario, times)
    respond = queries.responding(respond) if queries else respond
    parts = SutParts(
        opened.backend, opened.samples, opened.grid, respond, watchdog, control.fail, outputs, times, opened.places
    )
    made = make_sut(job.scenario, parts)
    sut = WatchedSut(made, watch, queries.issuing(made.issue) if queries else None)
    control.progress.write(RunningEvent(scenario=job.scenario, mode=job.mode, min_duration_s=min_duration_s))
    # No garbage collection may fall into the timed section.
    gc.collect()
    gc.freeze()
    gc.disable()
    start_s = time.monotonic()
    watchdog.start()
    loadgen_module.run(loadgen, settings, (sut, opened.samples), job.partial_dir, audit_conf)
    run_s = time.monotonic() - start_s
    watchdog.stop()
    gc.enable()
    sut.stop()
    control.end_beats()
    if job.mode == "performance" and (kept := times.document()) is not None:
        (job.partial_dir / LATENCIES_FILE).write_text(f"{to_line(kept)}\n", encoding="ascii")
    control.progress.write(FinishedEvent(run_s=round(run_s, 3)))
    counts = Counts(
        queries=watchdog.queries,
        samples_issued=watchdog.issued,
        samples_completed=watchdog.completed,
        batches=watchdog.batches,
    )
    return _CompletedRun(counts, watch, sut.streams_as, run_s)


def _over_time(job: Job, done: Mapping[str, float]) -> HarnessError:
    message = (
        f"the run was ended at its time limit of {job.time_limit_s:g} s: LoadGen had completed {done['samples']:.0f} of"
        f" {done['issued']:.0f} samples after {done['seconds']:.1f} s; raise --time_limit"
    )
    return HarnessError(ExitStatus.OVER_TIME, message, done)


def _read_logs(job: Job) -> LoadGenResult:
    try:
        result = read_run(job.partial_dir)
    except LogError as error:
        raise HarnessError(ExitStatus.LOADGEN_ERROR, str(error)) from None
    if result.errors:
        explanation = explain_errors(job.scenario, result.errors, result.values)
        raise HarnessError(ExitStatus.LOADGEN_ERROR, f"{explanation} (the logs are kept in {job.rejected_dir})")
    trace = job.partial_dir / "mlperf_log_trace.json"
    if trace.exists() and not trace.stat().st_size:
        # LoadGen creates this file even if the trace is off.
        trace.unlink()
    return result


def _warnings(
    job: Job, opened: _OpenEngine, state: Mapping[str, Reading], container: ContainerFacts | None
) -> tuple[str, ...]:
    warnings = list(opened.description.warnings)
    if container is not None and container.virtual_machine:
        warnings.append(
            f"made in {container.virtual_machine}: its CPUs and memory are those that the desktop gives it, and other "
            "programs of the desktop are not seen; compare it only with results made the same way"
        )
    if job.mode != "accuracy" and (disturbed := judge_loading(state)):
        warnings.append(disturbed)
    warnings += getattr(opened.samples, "notes", ())
    required = job.rules.benchmarks[job.benchmark].performance_sample_count
    count = opened.samples.performance_count
    if count < required:
        warnings.append(
            f"the performance set has {count} samples, but {job.rules.name} requires {required}: the submission "
            "checker will refuse the result"
        )
    return tuple(dict.fromkeys(warnings))


def _echo(job: Job) -> JobEcho:
    backend = job.backend
    return JobEcho(
        round=job.round,
        benchmark=job.benchmark,
        loadgen_model=job.loadgen_model,
        scenario=job.scenario,
        mode=job.mode,
        backend=backend.name,
        model_path=str(backend.model_path),
        options=backend.options,
        cores=backend.cores,
        lengths=backend.lengths,
        batch_sizes=backend.batch_sizes,
        streams=backend.streams,
        dataset_kind=job.dataset.kind,
        dataset_path=str(job.dataset.path),
        user_conf=job.user_conf.read_text("utf-8"),
        stall_timeout_s=job.stall_timeout_s,
    )
