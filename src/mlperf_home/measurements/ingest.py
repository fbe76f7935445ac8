"""Ingest: make a measurement from a result's folder.

The folder holds one of these runs, or both:

    performance/run_1/{mlperf_log_summary.txt,mlperf_log_detail.txt}   performance-session.json
    accuracy/{mlperf_log_*, accuracy.txt}                              accuracy-session.json
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.runs.grids import calibration_words
from mlperf_home.contracts.runs.session import IngestError, check_logs, check_same_setup, dataset_text, read_session
from mlperf_home.loadgen_logs.accuracy_log import AccuracyText, AccuracyTextError, kept_hash, read_accuracy_text
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE, DETAIL_FILE, LoadGenResult, LogError, read_run
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_TEXT, PERFORMANCE_DIR
from mlperf_home.measurements.measurement import DATASET, NOISY, Measurement, Value, unknown
from mlperf_home.measurements.prices import cost_values
from mlperf_home.measurements.run_times import run_times
from mlperf_home.rules import load_round

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlperf_home.contracts.container import ContainerFacts
    from mlperf_home.contracts.runs.session import Session
    from mlperf_home.rules import Round

MODES = ("performance", "accuracy")
"""The runs that a result may have."""


class _Run(NamedTuple):
    folder: str
    session: Session
    result: LoadGenResult


def ingest(
    result_dir: Path,
    system: Mapping[str, Value] | None = None,
    model_name: str | None = None,
    price: Value | None = None,
    modes: Sequence[str] = MODES,
) -> Measurement:
    """Return the measurement of a result's folder.

    Args:
        result_dir: the folder described above, with at least one of the two runs.
        system: facts about the machine that the session does not have.
        model_name: the model's name, or None if it is unknown.
        price: the machine's price per hour, with its source; None: no cost is computed.
        modes: the runs to read; others in the folder are ignored.

    Raises:
        IngestError: a run is incomplete, its logs belong to another run, or the set-ups of the two runs differ.
    """
    performance = _read(result_dir, "performance", PERFORMANCE_DIR) if "performance" in modes else None
    accuracy = _read(result_dir, "accuracy", ACCURACY_DIR) if "accuracy" in modes else None
    runs = [run for run in (performance, accuracy) if run]
    if not runs:
        raise IngestError(result_dir, "holds neither a performance nor an accuracy run", "run the benchmark first")
    if performance and accuracy:
        check_same_setup(performance.session, accuracy.session, result_dir)
    session, result = runs[0].session, performance.result if performance else None
    rules = load_round(session.job.round)
    text = _read_accuracy(result_dir, accuracy) if accuracy else None
    values = _values(session, rules, result, text)
    noise = session.noise.noisy_because if performance and session.noise else ()
    if performance:
        times = run_times(result_dir, session, values)
        noise = (*noise, *times.noisy_because)
        values |= times.values
        values |= _noise_values(session, noise)
    if price is not None:
        values |= cost_values(values, session.job.scenario, rules, price)
    warnings = (warning for run in runs for warning in run.session.warnings)
    return Measurement(
        round=rules.name,
        benchmark=session.job.benchmark,
        scenario=session.job.scenario,
        sample=session.sample,
        sample_note=session.sample_note,
        validity=result.validity if result else None,
        reasons=result.reasons if result else (),
        unofficial_because=tuple(_obstacles(rules, session, result, text)),
        engine=_engine(session),
        model=_model(session, model_name),
        system=_machine(session) | dict(system or {}),
        values=values,
        logs={f"{run.folder}/{name}": encode(log) for run in runs for name, log in run.session.logs.items()},
        warnings=tuple(dict.fromkeys((*(f"{NOISY}{each}" for each in noise), *warnings))),
    )


def _values(
    session: Session, rules: Round, result: LoadGenResult | None, text: AccuracyText | None
) -> dict[str, Value]:
    values = _performance_values(result, rules) if result else {"result": unknown("no performance run in this result")}
    source = f"{ACCURACY_DIR}/{ACCURACY_TEXT}"
    accuracies = {key: Value(value, "measured", source) for key, value in text.values.items()} if text else {}
    values |= accuracies or {"accuracy": unknown("no accuracy run in this result")}
    values[DATASET] = Value(dataset_text(session.dataset.name, session.dataset.count), "copied", "session: dataset")
    values["peak_memory_bytes"] = Value(session.peak_memory_bytes, "measured", "session: peak_memory_bytes")
    for key in ("open_s", "run_s"):
        values[key] = Value(getattr(session.times, key), "measured", f"session: times.{key}")
    if result is None:
        return values
    return values | _machine_values(session) | _calibration_values(session)


def _noise_values(session: Session, because: Sequence[str]) -> dict[str, Value]:
    """Return whether a performance run was noisy, by its session and its own latencies."""
    if session.noise is None:
        return {}
    values = {"noisy": Value("yes" if because else "no", "measured", "session: noise")}
    if because:
        values["noisy_because"] = Value("; ".join(because), "measured", "session: noise")
    elif session.noise.reason:
        values["noisy"] = unknown(session.noise.reason)
    if session.attempts:
        values["noise_attempts"] = Value(len(session.attempts), "measured", "session: attempts")
    return values


def _read(result_dir: Path, mode: str, log_dir: str) -> _Run | None:
    path, folder = result_dir / f"{mode}-session.json", result_dir / log_dir
    if not path.exists() and not folder.exists():
        return None
    session = read_session(path)
    if session.job.mode != mode:
        raise IngestError(path, f"is the session of a {session.job.mode} run", f"run the {mode} mode")
    check_logs(session, folder, kept_hash(folder / ACCURACY_TEXT))
    try:
        result = read_run(folder)
    except LogError as error:
        raise IngestError(error.where, error.problem, error.advice) from None
    if result.errors:
        raise IngestError(folder / DETAIL_FILE, f"LoadGen reports an error: {result.errors[0]}", "run it again")
    if result.scenario != session.job.scenario:
        raise IngestError(
            folder, f"the log is of {result.scenario}, its session of {session.job.scenario}", "run it again"
        )
    return _Run(log_dir, session, result)


def _read_accuracy(result_dir: Path, accuracy: _Run) -> AccuracyText:
    candidates = [result_dir / ACCURACY_DIR / ACCURACY_TEXT, result_dir / ACCURACY_TEXT]
    path = next((each for each in candidates if each.exists()), candidates[0])
    try:
        text = read_accuracy_text(path)
    except AccuracyTextError as error:
        raise IngestError(error.where, error.problem, error.advice) from None
    expected = accuracy.session.logs[ACCURACY_FILE].sha256
    if text.log_sha256 not in (None, expected):
        raise IngestError(
            path, "was computed from the log of another run (the hashes differ)", "compute the accuracy again"
        )
    return text


def _performance_values(result: LoadGenResult, rules: Round) -> dict[str, Value]:
    metric = rules.metrics[result.scenario]
    source = f"{PERFORMANCE_DIR}/{DETAIL_FILE}"

    def logged(key: str, divisor: float = 1) -> Value:
        value = result.values.get(key)
        if value is None:
            return unknown(f"the log has no {key}")
        return Value(value / divisor if divisor != 1 else value, "measured", f"{source}: {key}")

    values = {metric.unit: logged(metric.key, metric.divisor)}
    # LoadGen logs 0 if it could not estimate the value.
    if values[metric.unit].value == 0:
        queries = result.values.get("result_query_count")
        few = f" from {queries:.0f} queries: more are needed" if queries else ""
        values[metric.unit] = unknown(f"{metric.key} is 0: LoadGen could not estimate it{few}")
    if result.mean_latency_ms is not None:
        values["mean_latency_ms"] = Value(result.mean_latency_ms, "measured", f"{source}: mean latency")
    for percentile, latency_ns in result.percentiles_ns.items():
        place = f"{source}: {percentile} percentile latency"
        values[f"latency_p{percentile}_ms"] = Value(latency_ns / 1e6, "measured", place)
    values["query_count"] = logged("result_query_count")
    for name in ("target_qps", "min_duration_ms"):
        values[name] = Value(result.settings[name], "copied", f"{source}: effective_{name}")
    return values | _inferred(result, rules)


def _inferred(result: LoadGenResult, rules: Round) -> dict[str, Value]:
    """Return the values that the official preprocess step infers for other scenarios."""
    if result.scenario != "SingleStream":
        return {}
    inferred = {}
    if rate := result.values.get("result_qps_without_loadgen_overhead"):
        reason = "SingleStream's result_qps_without_loadgen_overhead"
        inferred["offline_samples_per_second"] = Value(rate, "inferred", reason=reason)
    latency_ns = result.values.get("early_stopping_latency_ms")
    samples = rules.scenarios["MultiStream"].samples_per_query
    if latency_ns and samples:
        reason = f"{samples} times SingleStream's early_stopping_latency_ms"
        inferred["multi_stream_latency_ms"] = Value(latency_ns * samples / 1e6, "inferred", reason=reason)
    return inferred


def _machine_values(session: Session) -> dict[str, Value]:
    """Return the values of a performance run's `state`; sessions of older versions have none."""
    values = {
        name: unknown(reading.reason or "the session does not say why")
        if reading.value is None
        else Value(reading.value, "measured", f"session: state.{name}")
        for name, reading in session.state.items()
        if name != "load_average_1min_before"  # it is one of the facts about the machine
    }
    if "energy_j" in values:
        energy, samples = values["energy_j"], session.counts.samples_completed
        if energy.value is None or not samples:
            values["energy_per_sample_j"] = unknown(energy.reason or "no sample was completed")
        else:
            reason = f"energy_j divided by {samples} completed samples"
            values["energy_per_sample_j"] = Value(float(energy.value) / samples, "inferred", reason=reason)
    return values


def _calibration_values(session: Session) -> dict[str, Value]:
    """Return the choice of a performance run's calibration, its margin and its doubt.

    Nothing without a calibration; those of version 0.1 do not tell them.
    """
    calibration, source = session.calibration, "session: calibration"
    if calibration is None or calibration.doubt is None:
        return {}
    doubt, confirmation = calibration.doubt, calibration.confirmation
    margin, chance = doubt.margin_percent, doubt.probability
    values = {
        "calibration": Value(calibration_words(calibration), "measured", source),
        "calibration_margin_percent": unknown("nothing else was measured")
        if margin is None
        else Value(margin, "measured", f"{source}.doubt"),
        "calibration_probability": unknown("there was one round only")
        if chance is None
        else Value(chance, "measured", f"{source}.doubt"),
        "calibration_date": Value(calibration.made_utc, "copied", source),
    }
    if confirmation is not None:
        reached = confirmation.reached_per_second / confirmation.promised_per_second
        values["calibration_reached_share"] = Value(round(reached, 4), "measured", f"{source}.confirmation")
    return values


def _engine(session: Session) -> dict[str, Value]:
    engine = session.engine
    facts = {"name": engine.name, "version": engine.version, **engine.details}
    facts |= {f"grid_{key}": value for key, value in encode(session.grid).items()}
    facts["loadgen_version"] = session.loadgen.logged_version
    given = {name: file.sha256 for name, file in (session.inputs or {}).items()}
    return {key: _copied(value, "session") for key, value in facts.items()} | _files(given, "inputs")


def _model(session: Session, name: str | None) -> dict[str, Value]:
    model, preprocessing = session.model, session.dataset.made
    return {
        "name": unknown("no name was given") if name is None else Value(name, "copied"),
        "path": Value(model.path, "copied", "session: model.path"),
        "sha256": unknown(model.reason or "the session does not say why")
        if model.sha256 is None
        else Value(model.sha256, "measured", "session: model.sha256"),
        **_files(session.model.files or {}, "model.files"),
        **{f"input_{key}": _copied(value, f"session: dataset.made.{key}") for key, value in preprocessing.items()},
    }


def _files(files: Mapping[str, str], place: str) -> dict[str, Value]:
    """Return one value with the names and hashes of files; nothing where there are none."""
    text = "; ".join(f"{name} {digest}" for name, digest in sorted(files.items()))
    return {"files": Value(text, "measured", f"session: {place}")} if text else {}


def _machine(session: Session) -> dict[str, Value]:
    machine = session.host
    quota, reason = machine.cgroup_cpu_quota, machine.cgroup_cpu_quota_reason or "the session does not say why"
    limit = unknown(reason) if quota is None else Value(quota, "measured", "session: host")
    return {
        "load_average_1min_before": Value(machine.load_average_1min_before, "measured", "session: host"),
        "affinity_cpu_count": Value(len(machine.affinity_cpus), "measured", "session: host.affinity_cpus"),
        "cgroup_cpu_quota": limit,
        **_container(machine.container),
        **(
            {"core_kinds": Value(_kinds(machine.core_kinds), "measured", "session: host")} if machine.core_kinds else {}
        ),
    }


def _container(container: ContainerFacts | None) -> dict[str, Value]:
    """Return the container that a result was made in, and its image; nothing outside of one."""
    if container is None:
        return {}
    digest, place = container.image_digest, "session: host.container"
    return {
        "container": Value(container.in_words(), "copied", place),
        "container_image": unknown("the container does not tell its image")
        if digest is None
        else Value(digest, "copied", place),
    }


def _kinds(counts: Mapping[str, int]) -> str:
    """Return the cores of a hybrid processor: "8 performance, 16 efficiency"."""
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _copied(value: Any, source: str) -> Value:
    if value is None:
        return unknown("the engine does not tell")
    plain = value if isinstance(value, (str, int, float)) and not isinstance(value, bool) else str(value)
    return Value(plain, "copied", source)


def _obstacles(
    rules: Round, session: Session, result: LoadGenResult | None, accuracy: AccuracyText | None
) -> Iterator[str]:
    """Yield the rules of the round that keep a result from being submitted to the open division."""
    benchmark = rules.benchmarks[session.job.benchmark]
    count, total = session.dataset.count, benchmark.dataset_sample_count
    if session.sample:
        yield "it was made with sample data"
    elif count != total:
        yield f"its dataset has {count} samples; {rules.name} asks all {total}"
    if accuracy is None:
        yield "it has no accuracy run"
    if result is None:
        yield "it has no performance run"
        return
    if result.validity != "VALID":
        yield "LoadGen calls the performance run INVALID"
    if dict(result.seeds) != asdict(rules.seeds):
        yield f"its seeds are not those of {rules.name}"
    required, settings = rules.scenarios[result.scenario], result.settings
    duration_s, required_s = settings["min_duration_ms"] / 1000, required.min_duration_ms / 1000
    if duration_s < required_s:
        yield f"it was asked to last {duration_s:g} s; {rules.name} asks {required_s:g} s"
    loaded, needed = settings["performance_sample_count"], benchmark.performance_sample_count
    if loaded < needed:
        yield f"{loaded} samples were loaded; {rules.name} asks {needed}"
    samples = rules.min_query_count(result.scenario, session.job.benchmark)
    if result.scenario == "Offline" and settings["samples_per_query"] < samples:
        yield f"{settings['samples_per_query']} samples were issued; {rules.name} asks {samples}"
