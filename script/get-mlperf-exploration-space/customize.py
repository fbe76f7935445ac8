"""Define the points of an exploration."""

from mlperf_home.contracts.codec import write_document
from mlperf_home.exploration.definition.space import SpaceError
from mlperf_home.steps.exploring.options import asked_searcher, asked_space, backends_of, models_of, race_settings
from mlperf_home.steps.machine import pricing
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Write the space; export its models and engines with spaces around each name, for guards."""
    # Wrong options fail before models are fetched.
    race_settings(context)
    asked_searcher(context)
    pricing(context)
    with failing_on(SpaceError):
        document = asked_space(context)
        models = models_of(document)
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
