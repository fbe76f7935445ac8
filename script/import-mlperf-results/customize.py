"""Import results into an experiment."""

import re

from mlperf_home.contracts.studies.experiment import ImportOrigin
from mlperf_home.errors import LocatedError
from mlperf_home.experiments.experiment import Experiments
from mlperf_home.measurements.imports.importing import ImportedResults, read_any
from mlperf_home.measurements.imports.shipped import shipped_measurements
from mlperf_home.steps.bundle_import import bundles_at, read_bundles
from mlperf_home.steps.next_commands import after_import
from scriptgraph.api import Context, Done, Outcome, StepFailed, failing_on

_SHOWN = 10


def preprocess(context: Context) -> Outcome:
    """Recognise the input, and store its measurements, each once."""
    root = context.output_path("CM_MLPERF_EXPERIMENTS_DIR", context.results_home / "experiments")
    tags = [tag for tag in context.text("CM_MLPERF_EXPERIMENT_TAGS", "").split(",") if tag]
    problems: list[str] = []
    with failing_on(LocatedError):
        usual, origin, found = _find(context, problems)
        name = context.text("CM_MLPERF_EXPERIMENT_NAME", "") or re.sub(r"[^A-Za-z0-9._-]+", "-", usual).strip("-.")
        measurements = list(found.measurements)
        sample = any(each.sample for each in measurements)
        made_by = ImportOrigin(input=origin, kind=found.kind)
        append = bool(context.text("CM_MLPERF_EXPERIMENT_NAME", ""))
        experiment = Experiments(root).begin(name, "import", tags, made_by, sample=sample, append=append)
        store = experiment.store
        new = store.append(measurements)
    for damage in store.damages:
        context.warn(damage)
    for problem in problems[:_SHOWN]:
        context.warn(problem)
    if len(problems) > _SHOWN:
        context.warn(f"{len(problems) - _SHOWN} more results cannot be read")
    rows = [
        ("imported", f"{len(measurements)} from a {found.kind}, {new} of them new"),
        ("unreadable", str(len(problems))),
    ]
    context.table(f"experiment {experiment.name}", rows)
    context.suggest(after_import(context, experiment))
    if problems and not measurements:
        raise StepFailed(f"{origin}: none of {len(problems)} results can be read; the first: {problems[0]}")
    return Done(exports={"CM_MLPERF_EXPERIMENT": experiment.folder, "CM_MLPERF_IMPORTED_COUNT": len(measurements)})


def _find(context: Context, problems: list[str]) -> tuple[str, str, ImportedResults]:
    """Return the usual name of the experiment, the origin of the results, and the results."""
    published, has_input = context.text("CM_MLPERF_IMPORT_PUBLISHED", ""), context.path("CM_MLPERF_IMPORT_PATH")
    if bool(published) == bool(has_input):
        raise StepFailed(
            "--input: is missing, or --published is set beside it; pass a table, a submission tree or a folder of "
            "results, or --published=images"
        )
    if published:
        results = ImportedResults("table that comes with this package", shipped_measurements(published))
        return f"published-{published}", f"published {published}", results
    path = context.existing("CM_MLPERF_IMPORT_PATH")
    if bundles := bundles_at(path):
        return path.name.partition(".")[0], str(path), read_bundles(bundles, context.output / "bundles", problems)
    found = read_any(path, context.text("CM_MLPERF_ROUND"), context.text("CM_MLPERF_BENCHMARK", ""), problems)
    return path.stem, str(path), found
