"""Compare the session of a run with LoadGen's logs, and a result's folder with its measurement."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from mlperf_home.challenges.verification.contradictions import first_contradiction, value_text
from mlperf_home.challenges.verification.latency_checks import latency_problems
from mlperf_home.loadgen_logs.accuracy_log import is_truncated
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE, read_run
from mlperf_home.rules import load_round

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path, PurePath

    from mlperf_home.contracts.runs.session import Session
    from mlperf_home.loadgen_logs.run_log import LoadGenResult
    from mlperf_home.measurements.measurement import Measurement

_STEP = timedelta(seconds=2)  # both clocks have whole seconds


def session_problems(session: Session, logs: Path) -> Iterator[str]:
    """Yield facts of a session that differ from the logs in a folder. Raise LogError if a log cannot be read."""
    logged = read_run(logs)
    stated, derived = _stated(session), _derived(session, logged)
    if difference := first_contradiction(stated, {**stated, **derived}):
        yield str(difference)
    sizes = {
        name: (logs / name).stat().st_size
        for name in session.logs
        if name != ACCURACY_FILE or not is_truncated(logs / name)
    }
    for name, size in sizes.items():
        if session.logs[name].bytes != size:
            yield f"/logs/{name}/bytes is {session.logs[name].bytes}, but the log has {size}"
    if not _within(session, logged):
        began = logged.logged["test_datetime"]
        yield f"/times/started_utc is {session.times.started_utc}, but the log began at {began}"
    yield from latency_problems(session, logs, logged)


def _stated(session: Session) -> dict[str, object]:
    return {
        "job/loadgen_model": session.job.loadgen_model,
        "loadgen/logged_version": session.loadgen.logged_version,
        "loadgen/settings": dict(session.loadgen.settings),
        "result/validity": session.result.validity,
        "dataset/performance_count": session.dataset.performance_count,
        "dataset/count": session.dataset.count,
        "counts/queries": session.counts.queries,
        "counts/samples_issued": session.counts.samples_issued,
        "counts/samples_completed": session.counts.samples_completed,
    }


def _derived(session: Session, logged: LoadGenResult) -> dict[str, object]:
    """Return the same facts from the log, as far as it has them."""
    settings, log = logged.settings, logged.logged
    benchmark = load_round(session.job.round).benchmarks[session.job.benchmark]
    count: int | None = settings.get("accuracy_sample_count", log.get("qsl_reported_total_count"))
    issued = count
    facts: dict[str, object] = {
        "job/loadgen_model": benchmark.loadgen_model,
        "loadgen/logged_version": logged.loadgen_version,
        "loadgen/settings": settings,
        "result/validity": logged.validity,
        "dataset/count": count,
        "dataset/performance_count": log.get("qsl_reported_performance_count"),
    }
    if logged.mode == "PerformanceOnly" and logged.scenario != "Server":
        queries, samples = logged.query_count, settings.get("samples_per_query")
        issued = queries * samples if queries is not None and samples is not None else None
        facts["counts/queries"] = queries
    facts |= (
        {"counts/samples_issued": issued, "counts/samples_completed": issued} if logged.scenario != "Server" else {}
    )
    return {key: value for key, value in facts.items() if value is not None or key == "result/validity"}


def _within(session: Session, logged: LoadGenResult) -> bool:
    """Whether LoadGen began between the start of the session and its end."""
    started = datetime.fromisoformat(session.times.started_utc)
    began = datetime.fromisoformat(str(logged.logged["test_datetime"]).replace("Z", "+00:00"))
    took = timedelta(seconds=session.times.open_s + session.times.run_s)
    began = began if began.tzinfo else began.replace(tzinfo=timezone.utc)
    return started - _STEP <= began <= started + took + _STEP


def pair_problems(first: Session, second: Session) -> Iterator[str]:
    """Yield facts in which the sessions of the two runs of one result differ, beyond those that ingest refuses."""
    for pointer, read in _SHARED.items():
        if read(first) != read(second):
            yield f"{pointer} is {value_text(read(second))}, but the {first.job.mode} run has {value_text(read(first))}"


_SHARED: Mapping[str, Callable[[Session], object]] = {
    "/engine/name": lambda session: session.engine.name,
    "/engine/details/input": lambda session: session.engine.details.get("input"),
    "/model/path": lambda session: session.model.path,
    "/model/reason": lambda session: session.model.reason,
    "/sample_note": lambda session: session.sample_note,
    "/job/model_path": lambda session: session.job.model_path,
    "/job/dataset_kind": lambda session: session.job.dataset_kind,
}


def place_problems(place: PurePath, measurement: Measurement) -> Iterator[str]:
    """Yield names in the path of a result's folder that its measurement contradicts."""
    system, model, scenario = place.parts[-3:]
    facts = {
        "system": (system, _text(measurement, "system")),
        "model": (model, _text(measurement, "model")),
        "scenario": (scenario, measurement.scenario.lower()),
    }
    for name, (folder, stated) in facts.items():
        if stated is not None and folder != stated and not (name == "system" and folder.startswith(f"{stated}-")):
            yield f"is of the {name} {stated!r}, but lies in the folder of {folder!r}"


def _text(measurement: Measurement, group: str) -> str | None:
    value = getattr(measurement, group).get("name")
    return None if value is None or value.value is None else str(value.value)
