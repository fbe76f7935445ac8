"""The obstacles to a submission, and the rules of its division, that are known before a run."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, scan_detail
from mlperf_home.measurements.layout import PERFORMANCE_DIR
from mlperf_home.rules import round_of_seed
from mlperf_home.rules.layouts import RESULTS
from mlperf_home.rules.rounds import SCENARIOS
from mlperf_home.submission.assemble.collect import SHORT_STYLES
from mlperf_home.submission.check.official import OfficialCheckError, checker_script
from mlperf_home.submission.check.structure import MappingError, parse_mapping
from mlperf_home.submission.git import GitUrlError, checked_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules import Round

# BERT's complete accuracy log has 67 MB; it is kept beside the truncated one.
_NEEDED_BYTES = 300 * 2**20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
# The reference's weights: BERT-large as MLPerf distributes it, in two precisions.
_REFERENCE_MODELS = ("onnx-fp32", "onnx-int8")


@dataclass(frozen=True)
class PlannedSubmission:
    """The options of a run for a submission.

    Attributes:
        submission_dir, results_dir: the folders of the two; they need not exist yet.
        submitter: the submitter's name, or "".
        model_name: the user's name for the model, or "".
        style: the length of the run: "valid", "test", "fast" or "sample".
        sample: whether the run uses the embedded sample.
        allow_sample: whether to generate a submission of samples, for tests.
        rules: the round's rules.
        checker: the official checker to run, or None.
        mapping: models with their benchmarks, in the form of the option.
        tar_file: the archive to write, or None for one beside the tree.
        push: whether to push the submission.
        fork: the address to push to.
        benchmark, scenario, category: the names for the run; "" or "all" if undetermined.
        dataset_size: the user's number of samples, None for all.
    """

    submission_dir: Path
    results_dir: Path
    submitter: str
    model_name: str
    style: str
    sample: bool
    allow_sample: bool
    rules: Round
    checker: Path | None = None
    mapping: str = ""
    tar_file: Path | None = None
    push: bool = False
    fork: str = ""
    benchmark: str = "bert-99"
    scenario: str = ""
    category: str = ""
    dataset_size: int | None = None


def obstacles(planned: PlannedSubmission) -> list[str]:
    """Return the known obstacles, each with advice."""
    return [*_names_and_places(planned), *_of_the_round(planned), *_run_and_after(planned)]


def nested(results_dir: Path, submission_dir: Path) -> bool:
    """Whether the two folders are equal, or one lies in the other."""
    results, tree = results_dir.resolve(), submission_dir.resolve()
    return results.is_relative_to(tree) or tree.is_relative_to(results)


def other_round(submitter: Path, rules: Round) -> str | None:
    """Return the round whose seeds the results in a submitter's folder have, None if it is this round or unknown."""
    log = next(submitter.glob(f"{RESULTS}/*/*/*/{PERFORMANCE_DIR}/{DETAIL_FILE}"), None)
    seed = scan_detail(log).settings.get("qsl_rng_seed") if log else None
    return None if seed in {None, rules.seeds.qsl_rng_seed} else round_of_seed(seed)


def _names_and_places(planned: PlannedSubmission) -> Iterator[str]:
    """Yield the obstacles in the names, the style of the run, and the folders."""
    if not planned.submitter:
        yield "no submitter is named: add --submitter"
    yield from (
        f"--{option}={name!r} cannot name a folder: use letters, digits and . _ + -"
        for option, name in (("submitter", planned.submitter), ("model_name", planned.model_name))
        if name and not _NAME.fullmatch(name)
    )
    if planned.style in SHORT_STYLES:
        yield f"{planned.style} runs are too short for a submission: use --execution_mode=valid"
    if planned.sample and not planned.allow_sample:
        yield "samples are not MLPerf results: measure with the real dataset, or test with --allow_sample"
    if nested(planned.results_dir, planned.submission_dir):
        yield f"{planned.results_dir} and {planned.submission_dir} overlap: use two folders beside each other"
    for folder in (planned.results_dir, planned.submission_dir):
        existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        if not existing.is_dir():
            yield f"{existing} is a file, not a folder: use another folder"
        elif not os.access(existing, os.W_OK | os.X_OK):
            yield f"{existing} cannot be written: use a folder that you can write to"
        elif (free := shutil.disk_usage(existing).free) < _NEEDED_BYTES:
            yield f"{existing} has {free / 2**20:.0f} MB free and needs {_NEEDED_BYTES / 2**20:.0f} MB: make room"


def _of_the_round(planned: PlannedSubmission) -> Iterator[str]:
    """Yield the obstacles in the scenario, the dataset, the model's name, and a tree of another round."""
    rules = planned.rules
    benchmark = rules.benchmarks.get(planned.benchmark)
    if benchmark is not None and planned.scenario in SCENARIOS:
        category = planned.category or "edge"
        scenarios = rules.required_scenarios(planned.benchmark, category)
        if planned.scenario not in scenarios:
            remedy = f"use {', '.join(scenarios)}" if scenarios else "use another category"
            yield f"{planned.scenario} is not a scenario of {planned.benchmark} in {category}: {remedy}"
    if benchmark is not None and not planned.sample and planned.dataset_size is not None:
        whole = benchmark.dataset_sample_count
        if planned.dataset_size < whole:
            yield (
                f"--dataset_size={planned.dataset_size}: {rules.name} requires all {whole} samples "
                f"of {planned.benchmark}: leave the option out"
            )
    if benchmark is not None and planned.model_name:
        # The round's own names and aliases come before any mapping.
        named = rules.submission.model_names.get(planned.model_name)
        named = planned.model_name if planned.model_name in rules.submitted_benchmarks else named
        if named not in {None, planned.benchmark}:
            yield (
                f"--model_name={planned.model_name} names {named} in {rules.name}, "
                f"and this is a run of {planned.benchmark}: use another name"
            )
    if planned.submitter:
        for division in rules.submission.folders.divisions:
            folder = planned.submission_dir / division / planned.submitter
            if other := other_round(folder, rules):
                yield f"{folder} holds results of {other}, not of {rules.name}: use another --submission_dir"


def _mapping(planned: PlannedSubmission) -> Iterator[str]:
    """Yield the obstacles in the mapping of models to benchmarks."""
    try:
        mapped = parse_mapping(planned.mapping, planned.rules).get(planned.model_name, planned.benchmark)
    except MappingError as error:
        yield f"--extra_model_benchmark_map: {error}"
        return
    if mapped != planned.benchmark and planned.benchmark:
        name = planned.model_name
        yield f"--extra_model_benchmark_map: {name} runs as {planned.benchmark}, not {mapped}: correct or remove it"


def _run_and_after(planned: PlannedSubmission) -> Iterator[str]:
    """Yield the obstacles in the options for the generated tree."""
    if planned.checker is not None:
        try:
            checker_script(planned.checker)
        except OfficialCheckError as error:
            yield f"--checker_path={error}"
    yield from _mapping(planned)
    if planned.tar_file is not None and planned.tar_file.resolve().is_relative_to(planned.submission_dir.resolve()):
        yield f"--tar_file={planned.tar_file} is inside {planned.submission_dir}: use a file outside that folder"
    if planned.push and not planned.fork:
        yield "the address to push to is missing: name your fork by --results_git_url"
    elif planned.push:
        try:
            checked_url(planned.fork)
        except GitUrlError as error:
            yield f"--results_git_url: {error}"


@dataclass(frozen=True)
class ModelChoice:
    """The model of a run.

    Attributes:
        variation: the variation of get,ml-model; "" for its default.
        own: a file or stub of the user's, or "".
        tried_sample: whether it is the embedded sample, run as a test.
    """

    variation: str
    own: str
    tried_sample: bool


def refusals(division: str, compliance: str, model: ModelChoice) -> list[str]:
    """Return the violations of the division's rules, each with advice; `compliance` is "yes", "no" or ""."""
    if division != "closed":
        if compliance == "yes":
            return ["compliance tests are for the closed division: remove --compliance, or use --division=closed"]
        return []
    violations = []
    if compliance == "no":
        violations.append("a closed result needs the compliance tests: remove --compliance=no, or use --division=open")
    if model.own:
        violations.append(f"closed requires the reference model, not {model.own}: use --division=open")
    elif not model.tried_sample and model.variation not in _REFERENCE_MODELS:
        named = model.variation or "the default, a sparse BERT,"
        remedy = f"use --model_variation={_REFERENCE_MODELS[0]}, or --division=open"
        violations.append(f"closed requires the reference model's weights, and {named} has others: {remedy}")
    return violations
