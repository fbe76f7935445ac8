"""The commands that a step suggests after its result; each works as printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.product import PRODUCT
from mlperf_home.rules import DEFAULT_ROUND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlperf_home.experiments.experiment import Experiment
    from mlperf_home.measurements.measurement import Measurement
    from scriptgraph.api import Context

CHALLENGE = "run-mlperf@home-v3.1-cpu"
LATENCY_CHALLENGE = "measure-latency@home-v3.1-cpu"
"""The challenge without a dataset."""
_SPACES = {"resnet": "mobilenet-models", "bert-99": "bert-99"}
_SUBMITTER = "--submitter=NAME"

Commands = list[tuple[str, list[str]]]


def after_result(context: Context, measurement: Measurement, results: Path) -> Commands:
    """Return the next commands after one result below the folder `results`; published ones are of no sample."""
    places, sample, model = _places(context, results), measurement.sample, measurement.model["name"].value
    beside = ["cm", "show", "result", f"--model={model}", "--published", *places]
    return [
        *([] if sample else [("compare it", beside)]),
        ("see all of mine", ["cm", "show", "result", *places]),
        *([] if _is_reference(measurement) else _explore(context, measurement.benchmark, sample=sample)),
        ("make a submission", _submission(places, sample=sample, round_name=measurement.round)),
        *_bundle(context, measurement.round, sample=sample),
    ]


def after_models(context: Context, measurement: Measurement, results: Path, *, sample: bool) -> Commands:
    """Return the next commands after the results of several models, whose last one is `measurement`."""
    places = _places(context, results)
    compared = ["--published"] if not sample else []
    return [
        ("see the front", ["cm", "show", "result", "--pareto", *compared, *places]),
        ("draw it", [*_script("plot,pareto"), f"--results_dir={_shown(results)}", *_home(context)]),
        *_explore(context, measurement.benchmark, sample=sample),
        ("make a submission", _submission(places, sample=sample, round_name=measurement.round)),
        *_bundle(context, measurement.round, sample=sample),
    ]


def after_exploration(context: Context, experiment: Experiment, *, without_dataset: bool = False) -> Commands:
    """Return the next commands after an exploration."""
    sample = experiment.sample
    latency_only = after_estimate(context, sample=sample, workflow="front")
    return [
        *after_import(context, experiment),
        ("see all of mine", ["cm", "show", "result", *_home(context)]),
        *(latency_only if without_dataset else _bundle(context, DEFAULT_ROUND, sample=sample)),
    ]


def after_estimate(context: Context, *, sample: bool, workflow: str = "estimate") -> Commands:
    """Return the command that measures the same for a bundle, without a dataset."""
    words = ["cm", "run", "challenge", LATENCY_CHALLENGE, f"--only={workflow}", *(["--sample"] if sample else [])]
    return [("make a bundle", [*words, *_home(context)])]


def after_import(context: Context, experiment: Experiment) -> Commands:
    """Return the commands that show an experiment."""
    root, usual = experiment.folder.parent, context.folders.state.parent / "experiments"
    places = [*([] if root == usual else [f"--experiments_dir={_shown(root)}"]), *_home(context)]
    return [
        ("see it again", ["cm", "show", "experiment", experiment.name, "--pareto", *places]),
        ("draw it", [*_script("plot,pareto"), f"--experiment={experiment.name}", *places]),
    ]


def after_submission(context: Context, folder: Path, round_name: str, *, sample: bool) -> Commands:
    """Return the next commands after a submission to a round."""
    home = _home(context)
    rules = [] if round_name == DEFAULT_ROUND else [f"--round={round_name}"]
    check = "submission,checker,_short-run" if sample else "submission,checker"
    return [
        ("check it again", [*_script(check), f"--submission_dir={_shown(folder)}", *rules, *home]),
        ("pack it", [*_script("run,tar"), f"--input_dir={_shown(folder)}", *home]),
        *_bundle(context, round_name, sample=sample),
    ]


def _explore(context: Context, benchmark: str, *, sample: bool) -> Iterator[tuple[str, list[str]]]:
    if space := _SPACES.get(benchmark):
        yield "find the front", [*_script(f"explore,{space}{',_sample' if sample else ''}"), *_home(context)]


def _is_reference(measurement: Measurement) -> bool:
    """Whether the model is an image classifier in ONNX; explorations compare those in TFLite."""
    engine = measurement.engine.get("name")
    return measurement.benchmark == "resnet" and engine is not None and engine.value in {"onnxruntime", "openvino"}


def _submission(places: list[str], *, sample: bool, round_name: str = DEFAULT_ROUND) -> list[str]:
    words = [*_script("generate,mlperf,inference,submission"), _SUBMITTER, *places]
    words += [] if round_name == DEFAULT_ROUND else [f"--round={round_name}"]
    return [*words, *(["--allow_sample"] if sample else [])]


def _bundle(context: Context, round_name: str, *, sample: bool) -> Commands:
    """Return the command of the challenge, whose rules are those of one round."""
    words = ["cm", "run", "challenge", CHALLENGE, *(["--sample"] if sample else []), *_home(context)]
    return [("make a bundle", words)] if round_name == DEFAULT_ROUND else []


def _script(tags: str) -> list[str]:
    return ["cm", "run", "script", f"--tags={tags}"]


def _home(context: Context) -> list[str]:
    home = context.folders.state.parent
    return [] if home == PRODUCT.home else [f"--home={_shown(home)}"]


def _places(context: Context, results: Path) -> list[str]:
    """Return the options that name the folder of results, if it is not the usual one."""
    usual = context.folders.state.parent / "results"
    return _home(context) if results == usual else [f"--results_dir={_shown(results)}", *_home(context)]


def _shown(path: Path) -> str:
    """Return a path that works in the present folder, as short as possible."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
