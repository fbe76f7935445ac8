"""The results of a bundle, as rows of a board."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.challenges.bundles.answers import bundle_answers
from mlperf_home.challenges.bundles.results import measurement_files
from mlperf_home.challenges.replays.comparison import arithmetic
from mlperf_home.contracts.challenges.machine import MACHINE_LIMITS, Machine
from mlperf_home.contracts.challenges.run import RUN_LIMITS, ChallengeRun
from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.layouts import read_layout
from mlperf_home.contracts.leaderboard.results import AnswerFacts, BoardResult, MachineClass
from mlperf_home.contracts.leaderboard.wanted_list import MOST_HOURS
from mlperf_home.contracts.runs.session import read_session
from mlperf_home.leaderboard.judge.answers import sketch_of
from mlperf_home.loadgen_logs.accuracy_log import kept_hash
from mlperf_home.measurements.imports.naming import with_one_name
from mlperf_home.measurements.latency_only import ACCURACIES, copied_values
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_SESSION, ACCURACY_TEXT
from mlperf_home.measurements.measurement import DATASET, read_measurement
from mlperf_home.published.places import RUNTIMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.contracts.challenges.run import WorkflowEnding
    from mlperf_home.contracts.leaderboard.events import Receipt
    from mlperf_home.contracts.leaderboard.results import Kind
    from mlperf_home.loadgen_logs.answers import AnswerColumn
    from mlperf_home.measurements.measurement import Measurement, Value

_ID_LETTERS = 16
_HOUR_S = 3600
_DETAIL = "mlperf_log_detail.txt"  # the other logs of equal runs may be equal
_DATASET_COUNT = re.compile(r", (\d{1,12}) samples$")


def bundle_rows(root: Path, receipt: Receipt) -> list[BoardResult]:
    """Return the results of a verified, unpacked bundle.

    Raises:
        DocumentError, MeasurementError: a document is damaged.
    """
    machine = read_document(root / "machine.json", Machine, MACHINE_LIMITS)
    run = read_layout(root / "run.json", ChallengeRun, RUN_LIMITS)
    columns = bundle_answers(root)
    attempts = {name: ending.attempts for name, ending in run.workflows.items()}
    rows = []
    for path in measurement_files(root):
        place = path.relative_to(root).as_posix()
        measurement = with_one_name(read_measurement(path, place))
        runs = attempts.get(place.split("/")[1], max(attempts.values(), default=1))
        answers = _answers(path.parent, measurement, machine, columns)
        # Without a dataset, the images are the sample's; the models are not.
        sample = run.asked.sample or (measurement.sample and not copied_values(measurement))
        ending = run.workflows.get(place.split("/")[1])
        row = _row(measurement, place, machine, receipt, runs)
        rows.append(
            msgspec.structs.replace(row, answers=answers, sample=sample, hours=_hours(ending) if ending else None)
        )
    return rows


def _answers(
    folder: Path, measurement: Measurement, machine: Machine, columns: Mapping[str, AnswerColumn]
) -> AnswerFacts | None:
    """Return what tells whether other accuracy runs gave the answers of a result's; None if it kept none."""
    column = columns.get(kept_hash(folder / ACCURACY_DIR / ACCURACY_TEXT) or "")
    if column is None:
        return None
    identity = read_session(folder / ACCURACY_SESSION).dataset.identity
    facts = arithmetic(measurement, machine)
    known = json.dumps([facts, dict(identity)], sort_keys=True).encode()
    return AnswerFacts(
        dataset=identity.get("labels_sha256") or identity.get("dataset_sha256", ""),
        kind=column.kind,
        count=column.count,
        sha256=column.sha256,
        sketch=sketch_of(column),
        arithmetic="" if facts is None else hashlib.sha256(known).hexdigest(),
    )


def result_ids(root: Path, receipt: Receipt) -> list[str]:
    """Return the names of the results of an unpacked bundle, in the order of its rows."""
    places = (path.relative_to(root).as_posix() for path in measurement_files(root))
    return [result_id(receipt.bundle, place) for place in places]


def _hours(ending: WorkflowEnding) -> float | None:
    """Return how long the last attempt of a workflow took; None if its times are no times."""
    try:
        took = datetime.fromisoformat(ending.ended_utc) - datetime.fromisoformat(ending.started_utc)
    except (ValueError, TypeError, OverflowError):
        return None
    hours = took.total_seconds() / _HOUR_S
    return round(hours, 4) if 0 <= hours <= MOST_HOURS else None


def result_id(bundle: str, path: str) -> str:
    """Return the name of a result on a board: it depends on the bundle and its place in it alone."""
    return hashlib.sha256(f"{bundle}\n{path}".encode()).hexdigest()[:_ID_LETTERS]


def _row(measurement: Measurement, path: str, machine: Machine, receipt: Receipt, runs: int) -> BoardResult:
    metrics = dict(_metrics(measurement))
    return BoardResult(
        id=result_id(receipt.bundle, path),
        kind=_kind(measurement),
        bundle=receipt.bundle,
        receipt=receipt.number,
        batch=receipt.batch,
        path=path,
        key=receipt.key,
        contributor=receipt.contributor,
        system=_text(measurement.system.get("name")),
        machine=_fingerprint(machine),
        architecture=machine.architecture or "",
        features=machine.cpu_features,
        of=_class(measurement, machine),
        round=measurement.round,
        benchmark=measurement.benchmark,
        scenario=measurement.scenario,
        model=_text(measurement.model.get("name")),
        sample=measurement.sample,
        validity=measurement.validity or "",
        official=not measurement.unofficial_because,
        noisy=_text(measurement.values.get("noisy")) == "yes",
        made_utc=receipt.made_utc,
        metrics=metrics,
        origins={name: value.origin for name, value in measurement.values.items() if name in metrics},
        logs=tuple(sorted(str(log["sha256"]) for name, log in measurement.logs.items() if name.endswith(_DETAIL))),
        repeats=receipt.repeats,
        runs=runs,
    )


def _kind(measurement: Measurement) -> Kind:
    """Return whether the accuracy of a result was measured: otherwise only its latency was."""
    accuracies = (measurement.values.get(name) for name in ACCURACIES)
    return "measured" if any(each and each.origin == "measured" for each in accuracies) else "latency only"


def _metrics(measurement: Measurement) -> Iterator[tuple[str, float]]:
    for name, value in measurement.values.items():
        if value.number is not None:
            yield name, value.number
    count = _DATASET_COUNT.search(_text(measurement.values.get(DATASET)))
    if count:
        yield "dataset_samples", float(count[1])


def _class(measurement: Measurement, machine: Machine) -> MachineClass:
    engine, values = measurement.engine, measurement.values
    name = _text(engine.get("name"))
    cores = _number(engine.get("cores")) or _number(measurement.system.get("affinity_cpu_count"))
    return MachineClass(
        cpu=machine.cpu_model or "",
        cores=cores or machine.usable_cpus,
        runtime=RUNTIMES.get(name, name),
        version=_text(engine.get("version")),
        threads=_number(engine.get("threads_per_stream")),
        governor=_text(values.get("governor")),
        confined=machine.confined,
    )


def _fingerprint(machine: Machine) -> str:
    facts = (
        *(machine.cpu_model, machine.architecture, machine.sockets, machine.cores_per_socket, machine.usable_cpus),
        *(machine.memory_bytes, machine.hypervisor, *machine.cpu_features),
    )
    return hashlib.sha256("\n".join(map(str, facts)).encode()).hexdigest()[:_ID_LETTERS]


def _text(value: Value | None) -> str:
    return "" if value is None or value.value is None else str(value.value)


def _number(value: Value | None) -> int | None:
    number = None if value is None else value.number
    return None if number is None else int(number)
