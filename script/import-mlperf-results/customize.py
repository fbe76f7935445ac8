"""Import results into an experiment."""

import re

from mlperf_home.contracts.studies.experiment import ImportOrigin
from mlperf_home.errors import LocatedError
from mlperf_home.experiments.experiment import Experiments
from mlperf_home.measurements.importing import read_any
from scriptgraph.api import Context, Done, Outcome, StepFailed, failing_on

_SHOWN = 10


def preprocess(context: Context) -> Outcome:
    """Recognise the input, and store its measurements, each once."""
    if context.path("CM_MLPERF_IMPORT_PATH") is None:
        raise StepFailed("--input: is missing; pass a table, a submission tree or a folder of results")
    path = context.existing("CM_MLPERF_IMPORT_PATH")
    name = context.text("CM_MLPERF_EXPERIMENT_NAME", "") or re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.")
    tags = [tag for tag in context.text("CM_MLPERF_EXPERIMENT_TAGS", "").split(",") if tag]
    root = context.output_path("CM_MLPERF_EXPERIMENTS_DIR", context.results_home / "experiments")
    problems: list[str] = []
    with failing_on(LocatedError):
        found = read_any(path, context.text("CM_MLPERF_ROUND"), context.text("CM_MLPERF_BENCHMARK", ""), problems)
        measurements = list(found.measurements)
        sample = any(each.sample for each in measurements)
        made_by = ImportOrigin(input=str(path), kind=found.kind)
        experiment = Experiments(root).begin(name, "import", tags, made_by, sample=sample)
        new = experiment.store.append(measurements)
    for problem in problems[:_SHOWN]:
        context.warn(problem)
    if len(problems) > _SHOWN:
        context.warn(f"{len(problems) - _SHOWN} more results cannot be read")
    rows = [
        ("imported", f"{len(measurements)} from a {found.kind}, {new} of them new"),
        ("unreadable", str(len(problems))),
        ("command to show them", f"cm show experiment {experiment.name} --pareto"),
    ]
    context.table(f"experiment {experiment.name}", rows)
    if problems and not measurements:
        raise StepFailed(f"{path}: none of {len(problems)} results can be read; the first: {problems[0]}")
    return Done(exports={"CM_MLPERF_EXPERIMENT": experiment.folder, "CM_MLPERF_IMPORTED_COUNT": len(measurements)})
