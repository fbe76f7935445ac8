"""Run a challenge's workflows, one after another, and estimate by short runs before it how long they will take."""

from __future__ import annotations

import json
import shlex
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.definition.manifest import stands_for
from mlperf_home.challenges.definition.work import DONE, FAILED, INTERRUPTED, Ending, now_utc, places_of
from mlperf_home.product import ENGINE
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
        with suppress(OSError, ValueError, KeyError, TypeError):
            if str(json.loads(path.read_text(encoding="utf-8"))["request"]["tags"]) == call.tags:
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
        work.ended(workflow.name, Ending(status, error, started, now_utc(), work.measurements(workflow.name)))
    return error


@dataclass(frozen=True)
class Estimate:
    """The time that a workflow will take, as far as it is known.

    Attributes:
        hours: estimated; None: not known.
        sample_ms: measured by the probe, one sample; None: not measured.
        how: in words: what was measured, what was assumed, or why nothing is known.
    """

    workflow: str
    hours: float | None
    sample_ms: float | None
    how: str

    def __str__(self) -> str:
        hours = "not known" if self.hours is None else f"about {self.hours:.2f} h (estimated)"
        measured = "" if self.sample_ms is None else f"; measured: {self.sample_ms:.4g} ms a sample"
        return f"{hours}{measured}; {self.how}"


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
        with suppress(OSError, ValueError, AttributeError, TypeError):  # another tool's, or half-written
            document = json.loads(path.read_text(encoding="utf-8"))
            done, target = (document.get(key) or {} for key in ("done", "target"))
            if ended and (samples := done.get("samples")):
                took_s = done["seconds"]
                how = f"the probe was ended at its limit of {LIMIT_S} s: {samples:.0f} samples in {took_s:.0f} s"
                return took_s / samples, how
            if not ended and (qps := target.get("target_qps")):
                return 1 / float(qps), "from the probe's sample"
            if not ended and (latency := target.get("target_latency_ms")):
                return float(latency) / 1000, "from the probe's sample"
    return None
