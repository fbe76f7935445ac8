"""What stands in the way of a submission, or is not allowed in its division, as far as it can be known before a run."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.rules.rounds import SCENARIOS
from mlperf_home.submission.assemble.collect import SHORT_STYLES
from mlperf_home.submission.check.official import OfficialCheckError, checker_script
from mlperf_home.submission.check.structure import MappingError, parse_mapping
from mlperf_home.submission.git import GitUrlError, checked_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules import Round

# BERT's whole accuracy log has 67 MB, and it is kept beside the truncated one.
_NEEDED_BYTES = 300 * 2**20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
# The reference's own weights: BERT-large as MLPerf gives it out, in two precisions.
_REFERENCE_MODELS = ("onnx-fp32", "onnx-int8")


@dataclass(frozen=True)
class PlannedSubmission:
    """What is known before a run.

    Attributes:
        submission_dir, results_dir: where the two go; they need not be there yet.
        submitter: the submitter's name, or "".
        model_name: the model's name as the user gives it, or "".
        style: the run's length: "valid", "test", "fast" or "sample".
        sample: whether the embedded sample is run.
        allow_sample: whether a submission of samples is wanted, for trying.
        rules: the round's rules.
        checker: the official checker that is to be run, or None.
        mapping: models with their benchmarks, as the user types them.
        tar_file: where the tree is to be packed, or None for the place beside it.
        push: whether it is to be pushed; `fork`: to which address.
        benchmark, scenario, category: what is run, and for what; "" or "all" where that is open.
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


def obstacles(planned: PlannedSubmission) -> list[str]:
    """List what stands in the way, each with what to do; empty if nothing is known that does."""
    return [*_names_and_places(planned), *_run_and_after(planned)]


def nested(results_dir: Path, submission_dir: Path) -> bool:
    """Whether one of the two folders lies in the other, or is it."""
    results, tree = results_dir.resolve(), submission_dir.resolve()
    return results.is_relative_to(tree) or tree.is_relative_to(results)


def _names_and_places(planned: PlannedSubmission) -> Iterator[str]:
    """Look at what is named, at the kind of run it is for, and at where it goes."""
    if not planned.submitter:
        yield "no submitter is named: give --submitter"
    yield from (
        f"--{option}={name!r} names a folder: use letters, digits and . _ + - without spaces"
        for option, name in (("submitter", planned.submitter), ("model_name", planned.model_name))
        if name and not _NAME.fullmatch(name)
    )
    if planned.style in SHORT_STYLES:
        yield f"{planned.style} runs are too short to be submitted: use --execution_mode=valid"
    if planned.sample and not planned.allow_sample:
        yield "a sample is no MLPerf result: measure with the real dataset, or give --allow_sample to try"
    if nested(planned.results_dir, planned.submission_dir):
        yield f"{planned.results_dir} and {planned.submission_dir} lie in each other: give two folders beside each other"
    for folder in (planned.results_dir, planned.submission_dir):
        existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        if not existing.is_dir():
            yield f"{existing} is a file, not a folder: give another place"
        elif not os.access(existing, os.W_OK | os.X_OK):
            yield f"{existing} cannot be written: give a folder of yours"
        elif (free := shutil.disk_usage(existing).free) < _NEEDED_BYTES:
            yield f"{existing} has {free / 2**20:.0f} MB free, {_NEEDED_BYTES / 2**20:.0f} MB are wanted: make room"


def _run_and_after(planned: PlannedSubmission) -> Iterator[str]:
    """Look at what is to be run, and at what is needed only when the tree is there."""
    if planned.scenario in SCENARIOS and planned.benchmark in planned.rules.benchmarks:
        category = planned.category or "edge"
        wanted = planned.rules.required_scenarios(planned.benchmark, category)
        if planned.scenario not in wanted:
            remedy = f"use {', '.join(wanted)}" if wanted else "use another category"
            yield f"{planned.scenario} is not a scenario of {planned.benchmark} in {category}: {remedy}"
    if planned.checker is not None:
        try:
            checker_script(planned.checker)
        except OfficialCheckError as error:
            yield f"--checker_path={error}"
    try:
        parse_mapping(planned.mapping, planned.rules)
    except MappingError as error:
        yield f"--extra_model_benchmark_map: {error}"
    if planned.tar_file is not None and planned.tar_file.resolve().is_relative_to(planned.submission_dir.resolve()):
        yield f"--tar_file={planned.tar_file} is inside of what is packed: give a place outside of {planned.submission_dir}"
    if planned.push and not planned.fork:
        yield "there is nowhere to push to: give your fork by --results_git_url"
    elif planned.push:
        try:
            checked_url(planned.fork)
        except GitUrlError as error:
            yield f"--results_git_url: {error}"


@dataclass(frozen=True)
class ModelChoice:
    """Which model is to be run.

    Attributes:
        variation: of get,ml-model; "" for its default.
        own: a file or stub of the user's, or "".
        tried_sample: whether it is the embedded sample, run for trying.
    """

    variation: str
    own: str
    tried_sample: bool


def refusals(division: str, compliance: str, model: ModelChoice) -> list[str]:
    """List what the division does not allow, each with what to do; `compliance` is "yes", "no", or "" for neither."""
    if division != "closed":
        if compliance == "yes":
            return ["compliance tests belong to the closed division: leave --compliance out, or use --division=closed"]
        return []
    found = []
    if compliance == "no":
        found.append("a closed result needs the compliance tests: leave --compliance=no out, or use --division=open")
    if model.own:
        found.append(f"closed wants the reference model, not {model.own}: use --division=open")
    elif not model.tried_sample and model.variation not in _REFERENCE_MODELS:
        named = model.variation or "the default, a sparse BERT,"
        remedy = f"use --model_variation={_REFERENCE_MODELS[0]}, or --division=open"
        found.append(f"closed wants the reference model's weights, and {named} has others: {remedy}")
    return found
