"""Run a challenge's workflows in order, and estimate their times by short runs before."""

from __future__ import annotations

import shlex
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.definition.manifest import stands_for
from mlperf_home.challenges.definition.run_folder import DONE, FAILED, INTERRUPTED, now_utc, places_of
from mlperf_home.contracts.challenges.records import RECORD_LIMITS, RunRecord
from mlperf_home.contracts.challenges.run import Estimate, WorkflowEnding
from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.runs.failures import Failure
from mlperf_home.contracts.runs.session import IngestError, read_session
from mlperf_home.product import ENGINE
from scriptgraph.embed import requests_from
from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Call, Workflow
    from mlperf_home.challenges.definition.run_folder import RunFolder
    from mlperf_home.challenges.runs.arguments import RunContext

_INTERRUPTED_CODE = 130
LIMIT_S = 120
"""Limit of a probe's opening, calibration, and LoadGen run; downloads and installations do not count."""
LIMIT_KEY = "CM_MLPERF_TIME_LIMIT_S"
SKIPPED = "the probe was skipped"


def command(context: RunContext, call: Call, places: Mapping[str, str]) -> dict[str, Any]:
    """Return a command as cmind passes it; a placeholder without a value leaves its option out."""
    known = {**context.options.own, **places}
    blocks = []
    for block in (call.options, call.env):
        filled = {name: known.get(key) if (key := stands_for(value)) else value for name, value in block.items()}
        blocks.append({name: value for name, value in filled.items() if value not in {None, ""}})
    options, env = blocks
    words = [f"--tags={call.tags}", *_words("--", options), *_words("--env.", env)]
    arguments: dict[str, Any] = {
        "tags": call.tags,
        "out": "con",
        "cmd": words,
        **options,
        **context.options.for_scripts,
    }
    return {**arguments, "env": env} if env else arguments


def command_text(context: RunContext, call: Call, places: Mapping[str, str]) -> str:
    """Return a command as text for a shell."""
    return shlex.join(["cm", "run", "script", *command(context, call, places)["cmd"]])


def _words(prefix: str, values: Mapping[str, Any]) -> list[str]:
    spelled = {True: "yes", False: "no"}
    return [f"{prefix}{name}={spelled[value] if isinstance(value, bool) else value}" for name, value in values.items()]


def _run(context: RunContext, call: Call, places: Mapping[str, str]) -> tuple[str, Path | None]:
    """Run a command; return its error ("" on success) and its record. Raise KeyboardInterrupt after Ctrl-C."""
    records = context.options.home / "records"
    before = set(records.glob("*/record.json"))
    with requests_from(context.challenge.scripts):
        answer = ENGINE.run_script(command(context, call, places))
    if answer.get("return") == _INTERRUPTED_CODE:
        raise KeyboardInterrupt
    new = []
    for path in sorted({*records.glob("*/record.json")} - before):
        with suppress(DocumentError):  # another run may be writing it
            if read_document(path, RunRecord, RECORD_LIMITS).request.tags == call.tags:
                new.append(path)
    error = str(answer.get("error") or "") or (f"ended with {answer['return']}" if answer.get("return") else "")
    return error, new[-1] if new else None


def run_workflows(context: RunContext, run_folder: RunFolder, workflows: Sequence[Workflow]) -> dict[str, str]:
    """Run the workflows that are not done; return the errors of failed ones by name.

    Raise KeyboardInterrupt after Ctrl-C; earlier workflows stay done.
    """
    failed: dict[str, str] = {}
    for number, workflow in enumerate(workflows, 1):
        title = f"workflow {number} of {len(workflows)}, {workflow.name}"
        if run_folder.is_done(workflow.name):
            context.say(f"{title}: already done")
            continue
        context.say(f"{title}: {workflow.title}")
        if error := _run_workflow(context, run_folder, workflow):
            failed[workflow.name] = error
            context.say(f"{title}: FAILED: {error}; the others continue; repeat the command to retry")
    return failed


def _run_workflow(context: RunContext, run_folder: RunFolder, workflow: Workflow) -> str:
    started = now_utc()
    error, record, status = "interrupted", None, INTERRUPTED
    places = places_of(run_folder.root, workflow.name, run_folder.identity.hw_name)
    try:
        error, record = _run(context, workflow.mode(sample=run_folder.identity.sample).call, places)
        status = FAILED if error else DONE
    finally:
        if record is not None:
            kept = run_folder.record(workflow.name)
            kept.parent.mkdir(exist_ok=True)
            replace_text(kept, record.read_text(encoding="utf-8"))
        results = run_folder.measurements(workflow.name)
        ending = WorkflowEnding(
            status=status,
            error=error,
            started_utc=started,
            ended_utc=now_utc(),
            results=results,
            attempts=1 + run_folder.attempts(workflow.name),
        )
        run_folder.ended(workflow.name, ending)
    return error


def estimate(context: RunContext, run_folder: RunFolder, workflow: Workflow) -> Estimate:
    """Return the estimated time of a workflow, from its probe; a failed probe leaves the time unknown."""
    name, probe = workflow.name, workflow.mode(sample=run_folder.identity.sample).probe
    if run_folder.is_done(name):
        return Estimate(name, 0.0, None, "already done")
    if probe is None:
        return Estimate(name, None, None, "no probe defined")
    context.say(f"probing {name}, at most {LIMIT_S} s after its preparation")
    folder = run_folder.root / "probe" / name
    shutil.rmtree(folder, ignore_errors=True)
    limited = replace(probe.call, env={**probe.call.env, LIMIT_KEY: LIMIT_S})
    error, _ = _run(context, limited, {"results_dir": str(folder), "hw_name": run_folder.identity.hw_name})
    measured = _measured(folder, ended=bool(error))
    if measured is None:
        return Estimate(name, None, None, f"the probe failed: {error}" if error else "the probe wrote no target")
    sample_s, how = measured
    return Estimate(name, probe.hours(sample_s), 1000 * sample_s, f"{how}{probe.assumptions}")


def _measured(folder: Path, *, ended: bool) -> tuple[float, str] | None:
    """Return the seconds per sample from a find-performance run, and their origin as text.

    A run that ended early (`ended`) counts with the samples done so far.
    """
    for path in sorted(folder.glob(f"*_results/*/*/*/find-performance-session{'.error' if ended else ''}.json")):
        with suppress(DocumentError, IngestError):  # another tool's file, or half-written
            if measured := _from_done_samples(path) if ended else _from_target(path):
                return measured
    return None


def _from_done_samples(path: Path) -> tuple[float, str] | None:
    done = read_document(path, Failure).done
    samples, seconds = done.get("samples", 0.0), done.get("seconds", 0.0)
    if not samples:
        return None
    return (
        seconds / samples,
        f"the probe stopped at its limit of {LIMIT_S} s: {samples:.0f} samples in {seconds:.0f} s",
    )


def _from_target(path: Path) -> tuple[float, str] | None:
    target = read_session(path).target or {}
    if qps := target.get("target_qps"):
        return 1 / qps, "from the probe's sample"
    if latency_ms := target.get("target_latency_ms"):
        return latency_ms / 1000, "from the probe's sample"
    return None
