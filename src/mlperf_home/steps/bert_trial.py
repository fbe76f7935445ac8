"""The trial of engines for BERT: its entries, its plan, and its kept outcomes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import encode, read_document, to_line, write_document
from mlperf_home.contracts.runs.progress import OpeningEvent, parse_event
from mlperf_home.contracts.runs.selection import EngineSelection, TrialEntry, TrialPlan, TriedEngine
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.engines.calibration.budgets import default_budget_s
from mlperf_home.machine.cpu.cpu import read_cpu
from mlperf_home.measurements.measurement import with_trial
from mlperf_home.rules import load_round
from mlperf_home.samples import bert
from mlperf_home.steps.launch import run_module
from mlperf_home.steps.run_request import request_began_utc, run_options, run_prefix
from scriptgraph.api import Context, StepFailed
from scriptgraph.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.measurements.measurement import Measurement

_CHECK_SHARE = 0.1
"""The check of one F1 may take this share of the trial's time."""
_LEAST_TRIAL_S = 10.0


def describe_entry(context: Context) -> TrialEntry:
    """Return the description of an engine with a model, as its step has brought them."""
    path = context.existing("CM_ML_MODEL_FILE_WITH_PATH")
    percent, source = _known_f1(context, path)
    return TrialEntry(
        backend=context.text("CM_MLPERF_BACKEND"),
        version=context.text("CM_MLPERF_BACKEND_VERSION", ""),
        python=(*run_prefix(context), context.text("CM_MLPERF_LOADGEN_PYTHON")),
        model=context.text("CM_ML_MODEL_FULL_NAME"),
        variation=context.text("CM_BERT_ENTRY_VARIATION", ""),
        model_path=path,
        options=run_options(context),
        f1_percent=percent,
        f1_source=source,
    )


def _known_f1(context: Context, path: Path) -> tuple[float | None, str]:
    """Return the F1 of this very file on the dataset of the run, and its source; None if it is unknown."""
    if context.text("CM_DATASET_PATH", ""):
        return None, ""
    if context.text("CM_ML_MODEL_SAMPLE", ""):
        facts = bert.provenance()
        digest = sha256_of(path)
        names = [name for name, file in facts["files"].items() if file["sha256"] == digest]
        return (facts["scores"][names[0]]["f1"], "the sample's own sample.json") if names else (None, "")
    # The download of a model with a published F1 is checked by its hash.
    percent = context.number("CM_ML_MODEL_PUBLISHED_F1")
    return (percent, "published with this file") if percent is not None else (None, "")


def gate_percent(context: Context) -> float:
    """Return the least F1; 0 for a user's own questions, for which there is no reference."""
    if context.text("CM_DATASET_PATH", ""):
        return 0.0
    benchmark = load_round(context.text("CM_MLPERF_ROUND")).benchmarks["bert-99"]
    sample = context.flag("CM_DATASET_SAMPLE")
    reference = bert.provenance()["scores"]["dense.onnx"]["f1"] if sample else benchmark.reference_accuracy
    return float(benchmark.accuracy_fraction) * float(reference)


def run_trial(context: Context) -> tuple[EngineSelection, Path]:
    """Return the outcome of a trial, kept or new, and its file.

    Raises:
        StepFailed: no engine is left, with the reason of each.
    """
    failed = list(_failed(context))
    entries = tuple(read_document(Path(line), TrialEntry) for line in context.text("CM_BERT_ENTRIES", "").splitlines())
    if not entries:
        raise StepFailed(f"no engine is left: {'; '.join(each.left_out for each in failed)}; name one with --backend")
    plan = _plan(context, entries)
    path = context.folders.state / "selections" / f"{_key(plan)}.json"
    kept = _kept(path)
    if kept is None or _is_stale(context, kept):
        kept = _run(context, plan, path, failed)
    else:
        context.say(f"the trial of {kept.made_utc} is used; --recalibrate makes it again")
    return kept, path


def with_kept_trial(context: Context, measurement: Measurement) -> Measurement:
    """Add the trial that chose the engine to a measurement, if there was one."""
    path = context.path("CM_MLPERF_SELECTION_PATH")
    if path is None:
        return measurement
    selection = read_document(path, EngineSelection)
    return with_trial(measurement, selection.certainty, selection.losers)


def _plan(context: Context, entries: tuple[TrialEntry, ...]) -> TrialPlan:
    scenario = context.text("CM_MLPERF_LOADGEN_SCENARIO")
    style, sample = context.text("CM_MLPERF_EXECUTION_MODE"), context.flag("CM_DATASET_SAMPLE")
    budget_s = context.number("CM_MLPERF_CALIBRATION_SECONDS") or default_budget_s(style, sample=sample)
    budget_s = max(_LEAST_TRIAL_S, budget_s)
    return TrialPlan(
        entries=entries,
        # One engine serves all scenarios of a request, and Offline is in every category.
        scenario="Offline" if scenario == "all" else scenario,  # type: ignore[arg-type] # checked by the option
        gate_percent=gate_percent(context),
        features=context.existing("CM_DATASET_SQUAD_FEATURES_PATH"),
        questions=context.existing("CM_DATASET_SQUAD_VAL_PATH"),
        work_dir=context.folders.state / "engine-graphs",
        cores=context.whole("CM_MLPERF_NUM_THREADS"),
        budget_s=budget_s,
        check_s=_CHECK_SHARE * budget_s,
    )


def _key(plan: TrialPlan) -> str:
    """Return the name of a kept trial: a hash of what it depends on, without its times."""
    values: dict[str, Any] = encode(plan)
    for name in ("budget_s", "check_s"):
        del values[name]
    hashes = [sha256_of(entry.model_path) for entry in plan.entries]
    return hashlib.sha256(to_line([values, hashes, _machine()]).encode()).hexdigest()[:32]


def _machine() -> list[Any]:
    cpu = read_cpu(None)
    return [cpu.model_name, cpu.features, cpu.affinity_cpus, cpu.cgroup_cpus]


def _kept(path: Path) -> EngineSelection | None:
    try:
        return read_document(path, EngineSelection)
    except DocumentError:
        return None


def _is_stale(context: Context, kept: EngineSelection) -> bool:
    return context.flag("CM_MLPERF_RECALIBRATE") and kept.made_utc < request_began_utc(context)


def _run(context: Context, plan: TrialPlan, path: Path, failed: list[TriedEngine]) -> EngineSelection:
    order, out = context.output / "trial.json", context.output / "selection.json"
    write_document(order, plan)
    count = len(plan.entries)
    context.say(f"trying {count} engines with their models, about {plan.budget_s:g} s; kept for later runs")
    run_module(
        context.command,
        plan.entries[0].python,
        ["mlperf_home.selection", "--plan", order, "--out", out],
        on_line=lambda line: _narrate(context, line),
    )
    made = read_document(out, EngineSelection)
    selection = EngineSelection(**{**_fields(made), "tried": (*made.tried, *failed)})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_document(path, selection)
    return selection


def _fields(selection: EngineSelection) -> dict[str, Any]:
    return {name: getattr(selection, name) for name in selection.__struct_fields__}


def _narrate(context: Context, line: str) -> None:
    event = parse_event(line)
    if isinstance(event, OpeningEvent):
        context.say(f"opening {event.backend}")


def _failed(context: Context) -> Iterator[TriedEngine]:
    """Yield the engines that cannot be installed here, and those whose model cannot be had."""
    for line in context.text("CM_BERT_ENGINES_LEFT_OUT", "").splitlines():
        name = line.partition(" ")[0]
        yield TriedEngine(name=name, backend=name, version="", model="", variation="", left_out=line)
    for failure in context.failures("CM_BERT_FAILED"):
        backend, variation = (
            str(failure.values.get(key, "")) for key in ("CM_MLPERF_BACKEND", "CM_BERT_ENTRY_VARIATION")
        )
        name = f"{backend} with {variation}" if variation else backend
        yield TriedEngine(
            name=name, backend=backend, version="", model="", variation=variation, left_out=f"{name}: {failure.error}"
        )
