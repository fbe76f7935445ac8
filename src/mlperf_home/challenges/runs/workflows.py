"""Run a challenge's workflows, one after another, and estimate by short runs before it how long they will take."""

from __future__ import annotations

import shlex
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.definition.manifest import stands_for
from mlperf_home.challenges.definition.work import DONE, FAILED, INTERRUPTED, now_utc, places_of
from mlperf_home.contracts.challenge_run import Estimate, WorkflowEnding
from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.failures import Failure
from mlperf_home.contracts.records import RECORD_LIMITS, RunRecord
from mlperf_home.contracts.session import IngestError, read_session
from mlperf_home.product import ENGINE
from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Call, Workflow
    from mlperf_home.challenges.definition.work import Work
    from mlperf_home.challenges.runs.arguments import Setting

_INTERRUPTED_CODE = 130
_HOUR_S = 3600
LIMIT_S = 120
"""The longest time of a probe once model, dataset and environment are there: opening, calibrating, LoadGen."""
LIMIT_KEY = "CM_MLPERF_TIME_LIMIT_S"


def command(setting: Setting, call: Call, places: Mapping[str, str]) -> dict[str, Any]:
    """Return a command as cmind hands it over; an option whose placeholder was not given is left out."""
    known = {**setting.options.own, **places}
    blocks = []
    for block in (call.options, call.env):
        filled = {name: known.get(place) if (place := stands_for(value)) else value for name, value in block.items()}
        blocks.append({name: value for name, value in filled.items() if value not in {None, ""}})
    options, env = blocks
    words = [f"--tags={call.tags}", *_words("--", options), *_words("--env.", env)]
    given: dict[str, Any] = {"tags": call.tags, "out": "con", "cmd": words, **options, **setting.options.for_scripts}
    return {**given, "env": env} if env else given


def shown(setting: Setting, call: Call, places: Mapping[str, str]) -> str:
    """Write a command as it is typed."""
    return shlex.join(["cm", "run", "script", *command(setting, call, places)["cmd"]])


def _words(before: str, values: Mapping[str, Any]) -> list[str]:
    spelled = {True: "yes", False: "no"}
    return [f"{before}{name}={spelled[value] if isinstance(value, bool) else value}" for name, value in values.items()]


def _run(setting: Setting, call: Call, places: Mapping[str, str]) -> tuple[str, Path | None]:
    """Run a command; return what went wrong ("" if nothing), and its record. Raise KeyboardInterrupt after Ctrl-C."""
    records = setting.options.home / "records"
    before = set(records.glob("*/record.json"))
    told = ENGINE.run_script(command(setting, call, places))
    if told.get("return") == _INTERRUPTED_CODE:
        raise KeyboardInterrupt
    new = []
    for path in sorted({*records.glob("*/record.json")} - before):
        with suppress(DocumentError):  # another run is writing it
            if read_document(path, RunRecord, RECORD_LIMITS).request.tags == call.tags:
                new.append(path)
    error = str(told.get("error") or "") or (f"ended with {told['return']}" if told.get("return") else "")
    return error, new[-1] if new else None


def run_workflows(setting: Setting, work: Work, workflows: Sequence[Workflow]) -> dict[str, str]:
    """Run those that are not done; return those that failed, by name, with what went wrong.

    Raise KeyboardInterrupt if one was interrupted; those before it are kept.
    """
    failed: dict[str, str] = {}
    for number, workflow in enumerate(workflows, 1):
        title = f"workflow {number} of {len(workflows)}, {workflow.name}"
        if work.is_done(workflow.name):
            setting.say(f"{title}: done already")
            continue
        setting.say(f"{title}: {workflow.title}")
        if error := _run_workflow(setting, work, workflow):
            failed[workflow.name] = error
            setting.say(f"{title}: FAILED: {error}; the others go on, and the same command tries it again")
    return failed


def _run_workflow(setting: Setting, work: Work, workflow: Workflow) -> str:
    started = now_utc()
    error, record, status = "interrupted", None, INTERRUPTED
    places = places_of(work.root, workflow.name, work.asked.hw_name)
    try:
        error, record = _run(setting, workflow.mode(sample=work.asked.sample).call, places)
        status = FAILED if error else DONE
    finally:
        if record is not None:
            kept = work.record(workflow.name)
            kept.parent.mkdir(exist_ok=True)
            replace_text(kept, record.read_text(encoding="utf-8"))
        results = work.measurements(workflow.name)
        ending = WorkflowEnding(status=status, error=error, started_utc=started, ended_utc=now_utc(), results=results)
        work.ended(workflow.name, ending)
    return error


def estimate(setting: Setting, work: Work, workflow: Workflow) -> Estimate:
    """Run the probe of a workflow that has one and is not done; a probe that fails leaves the time unknown."""
    name, probe = workflow.name, workflow.mode(sample=work.asked.sample).probe
    if work.is_done(name):
        return Estimate(name, 0.0, None, "done already")
    if probe is None:
        return Estimate(name, None, None, "it has no probe")
    setting.say(f"probing {name}, at most {LIMIT_S} s once what it needs is here")
    folder = work.root / "probe" / name
    shutil.rmtree(folder, ignore_errors=True)
    limited = replace(probe.call, env={**probe.call.env, LIMIT_KEY: LIMIT_S})
    error, _ = _run(setting, limited, {"results_dir": str(folder), "hw_name": work.asked.hw_name})
    found = _measured(folder, ended=bool(error))
    if found is None:
        return Estimate(name, None, None, f"the probe failed: {error}" if error else "the probe left no target")
    sample_s, how = found
    cost_s = sample_s * probe.relative_cost
    performance_s = max(probe.least_s, probe.performance_samples * cost_s)
    hours = (probe.fixed_s + performance_s + probe.accuracy_samples * cost_s) / _HOUR_S
    return Estimate(name, hours, 1000 * sample_s, f"{how}; assumed: {probe.source}")


def _measured(folder: Path, *, ended: bool) -> tuple[float, str] | None:
    """Return the seconds of a sample that a find-performance run has measured, and how.

    Where its time was over (`ended`), what was done until then counts.
    """
    for path in sorted(folder.glob(f"*_results/*/*/*/find-performance-session{'.error' if ended else ''}.json")):
        with suppress(DocumentError, IngestError):  # another tool's, or half-written
            if found := _until_its_limit(path) if ended else _of_its_target(path):
                return found
    return None


def _until_its_limit(path: Path) -> tuple[float, str] | None:
    done = read_document(path, Failure).done
    samples, seconds = done.get("samples", 0.0), done.get("seconds", 0.0)
    if not samples:
        return None
    return (
        seconds / samples,
        f"the probe was ended at its limit of {LIMIT_S} s: {samples:.0f} samples in {seconds:.0f} s",
    )


def _of_its_target(path: Path) -> tuple[float, str] | None:
    target = read_session(path).target or {}
    if qps := target.get("target_qps"):
        return 1 / qps, "from the probe's sample"
    if latency_ms := target.get("target_latency_ms"):
        return latency_ms / 1000, "from the probe's sample"
    return None
