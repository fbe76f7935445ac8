"""Write the space of an exploration."""

from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.studies.estimate import FEWEST_MEASURED, PROBES
from mlperf_home.exploration.definition.space import SpaceError
from mlperf_home.published.results import PublishedTableError
from mlperf_home.steps.exploring.options import (
    WITHOUT_DATASET,
    backends_of,
    check_without_dataset,
    models_of,
    most_telling,
    race_settings,
    read_searcher,
    read_space,
)
from mlperf_home.steps.machine import read_pricing
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Write the space, and export its models and engines with blanks around each, as conditions match them."""
    # Errors in options must come before models are fetched.
    check_without_dataset(context)
    race_settings(context)
    read_searcher(context)
    read_pricing(context)
    with failing_on(SpaceError, PublishedTableError):
        document = read_space(context)
        models = models_of(document)
        measured, sample = context.whole("CM_ESTIMATE_MEASURED"), context.flag("CM_DATASET_SAMPLE")
        if context.flag(WITHOUT_DATASET):
            measured = FEWEST_MEASURED if sample else PROBES
        if measured is not None:
            models = most_telling(models, measured, sample=sample)
    engines = backends_of(document, context.text("CM_MLPERF_BACKEND"))
    path = context.output / "space.json"
    write_document(path, document)
    return Done(
        exports={
            "CM_EXPLORE_SPACE": path,
            "CM_EXPLORE_MODELS": f" {' '.join(models)} ",
            "CM_EXPLORE_ENGINE_NAMES": f" {' '.join(engines)} ",
        }
    )
