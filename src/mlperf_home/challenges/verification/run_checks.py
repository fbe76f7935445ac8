"""Check the run, the records, and the system description of a bundle against the challenge and the machine."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.documents import SYSTEM_LIMITS
from mlperf_home.challenges.bundles.problems import caught
from mlperf_home.challenges.bundles.results import MEASUREMENTS, measurement_files
from mlperf_home.challenges.definition.manifest import stands_for
from mlperf_home.challenges.definition.run_folder import DONE, FAILED, INTERRUPTED
from mlperf_home.challenges.verification.contradictions import first_contradiction, value_text
from mlperf_home.contracts.challenges.records import RECORD_LIMITS, RunRecord
from mlperf_home.contracts.codec import decode, read_document
from mlperf_home.measurements.measurement import read_measurement
from mlperf_home.submission.system.file import KEYS, SystemDescriptionError, check_values
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.challenges.bundles.problems import Problem
    from mlperf_home.challenges.definition.manifest import Call, Workflow
    from mlperf_home.challenges.verification.derivation import BundleDocuments
    from mlperf_home.contracts.challenges.run import WorkflowEnding

_SECOND = timedelta(seconds=1)


def run_problems(documents: BundleDocuments) -> Iterator[Problem]:
    """Yield endings that are impossible, of unknown workflows, or without a record; and results without an ending."""
    present = {path.relative_to(documents.root).as_posix() for path in documents.root.glob(MEASUREMENTS)}
    listed = {path for ending in documents.run.workflows.values() for path in ending.results}
    for path in sorted(present ^ listed):
        yield path, "is not listed in run.json" if path in present else "is missing, but run.json lists it"
    known = {workflow.name for workflow in documents.challenge.workflows}
    for name, ending in documents.run.workflows.items():
        place = f"/workflows/{name}"
        if name not in known:
            yield "run.json", f"{place} is no workflow of the challenge"
        for problem in _ending_problems(ending):
            yield "run.json", f"{place}{problem}"
        record = documents.root / "records" / f"{name}.json"
        if ending.status == DONE and not record.is_file():
            yield f"records/{name}.json", "is missing, but run.json calls the workflow done"
    for option in sorted(documents.run.asked.options.keys() - documents.challenge.options.keys()):
        yield "run.json", f"/asked/options/{option} is no option of the challenge"


def _ending_problems(ending: WorkflowEnding) -> Iterator[str]:
    if ending.status not in {DONE, FAILED, INTERRUPTED}:
        yield f"/status is {value_text(ending.status)}, no ending of a workflow"
    elif (ending.status == DONE) != (ending.error == ""):
        yield f"/error is {value_text(ending.error)}, but the workflow is {ending.status}"
    if _time(ending.started_utc) > _time(ending.ended_utc):
        yield f"/started_utc is {value_text(ending.started_utc)}, after the end"


def _time(text: str) -> datetime:
    """Return a time in UTC. Raise ValueError if the text is none."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} is a time without a zone")
    return time.astimezone(timezone.utc)


def record_problems(documents: BundleDocuments) -> Iterator[Problem]:
    """Yield records that do not belong to their workflow, and records that a replay could not compare."""
    workflows = {workflow.name: workflow for workflow in documents.challenge.workflows}
    for path in sorted(documents.root.glob("records/*")):
        name, workflow = f"records/{path.name}", workflows.get(path.name.removesuffix(".json"))
        if workflow is None or workflow.name not in documents.run.workflows:
            yield name, "belongs to no workflow of the run"
        else:
            found = ((name, problem) for problem in _record_problems(documents, workflow, path))
            yield from caught(found, name, documents.root)


def _record_problems(documents: BundleDocuments, workflow: Workflow, path: Path) -> Iterator[str]:
    record = read_document(path, RunRecord, RECORD_LIMITS)
    call = workflow.mode(sample=documents.run.asked.sample).call
    if record.request.tags != call.tags:
        yield f"records {record.request.tags}; the workflow runs {call.tags}"
    elif not documents.report.extra_options:
        yield from _request_problems(documents, record, call)
    ending = documents.run.workflows[workflow.name]
    if ending.status != DONE:  # an earlier attempt may have left it
        return
    if not record.plan:
        yield "has no plan, but run.json calls the workflow done"
    if record.status != DONE:
        yield f"has the status {value_text(record.status)}, but run.json calls the workflow done"
    started, ended = _time(ending.started_utc), _time(ending.ended_utc) + _SECOND
    first, last = (datetime.fromtimestamp(ns / 1e9, timezone.utc) for ns in (record.start_ns, record.end_ns))
    if not started <= first <= last <= ended:
        yield "has other times than run.json gives for the workflow"


def _request_problems(documents: BundleDocuments, record: RunRecord, call: Call) -> Iterator[str]:
    """Yield inputs other than those of the workflow's command.

    The options of CM_SCRIPT_EXTRA_CMD would be among them, and the report names none.
    """
    request = record.request
    for part, block, recorded in (("inputs", call.options, request.inputs), ("env", call.env, request.env)):
        for name in sorted(recorded.keys() - block.keys()):
            yield f"/request/{part}/{name} is no option of the workflow, and the report names no added options"
        for name, value in block.items():
            if not _may_be(recorded.get(name), value, documents):
                yield f"/request/{part}/{name} is {value_text(recorded.get(name))}, which run and challenge do not set"


def _may_be(recorded: object, value: object, documents: BundleDocuments) -> bool:
    """Whether an option with this value in the challenge can have been recorded so: as a value, or as its word."""
    placeholder, asked = stands_for(value), documents.run.asked
    if placeholder == "hw_name":
        return recorded == asked.hw_name
    if placeholder is not None and placeholder in documents.challenge.options:  # a path is recorded in full
        return (recorded is None) == (not asked.options.get(placeholder))
    if placeholder is not None:
        return isinstance(recorded, str) and bool(recorded)
    word = ("no", "yes")[value] if isinstance(value, bool) else str(value)
    return recorded == value or str(recorded) == word


def machine_problems(documents: BundleDocuments) -> Iterator[Problem]:
    """Yield facts of the machine that a measurement and machine.json both know, and tell differently."""
    machine, root = documents.machine, documents.root
    facts = {
        "host_processor_model_name": machine.cpu_model,
        "sockets": machine.sockets,
        "cores": machine.cores_per_socket,
    }
    for path in measurement_files(root):
        name = path.relative_to(root).as_posix()
        system = read_measurement(path, name).system
        stated = {key: system[key].value for key in facts if key in system and system[key].value is not None}
        if difference := first_contradiction(stated, {key: facts[key] or value for key, value in stated.items()}):
            yield name, f"/system{difference}"


def _value_problems(system: Mapping[str, str]) -> Iterator[str]:
    try:
        check_values(system, "it")
    except SystemDescriptionError as error:
        yield error.problem


def system_problems(documents: BundleDocuments) -> Iterator[Problem]:
    """Yield facts of the system description that differ from run and machine."""
    path, machine = documents.root / "system.json", documents.machine
    system: Mapping[str, str] = decode(read_json(path, SYSTEM_LIMITS), dict[str, str], path)
    if lacking := sorted(set(KEYS) ^ system.keys()):
        yield path.name, f"lacks or adds keys of MLPerf's system descriptions: {', '.join(lacking)}"
    yield from ((path.name, problem) for problem in _value_problems(system))
    facts = {
        "system_name": documents.run.asked.hw_name,
        "host_processor_model_name": machine.cpu_model,
        "host_processors_per_node": machine.sockets,
        "host_processor_core_count": machine.cores_per_socket,
    }
    if machine.os_name and machine.libc:
        facts["operating_system"] = f"{machine.os_name}, Linux {machine.kernel}, {machine.libc}"
    derived = {**system, **{key: str(value) for key, value in facts.items() if value is not None}}
    if difference := first_contradiction(system, derived):
        yield path.name, str(difference)
