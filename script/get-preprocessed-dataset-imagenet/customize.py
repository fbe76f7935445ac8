"""Export the requested images as one text, which identifies the cached preprocessing."""

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.recipes import find_recipe, require_classes
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Export equal texts for equal images, whether variations, options or a model request them."""
    recipe, family = context.text("CM_DATASET_IMAGENET_RECIPE"), context.text("CM_DATASET_IMAGENET_FAMILY")
    side, count = context.whole("CM_DATASET_INPUT_SQUARE_SIDE") or 0, context.whole("CM_DATASET_SIZE")
    with failing_on(DatasetError):
        recipe = find_recipe(recipe, family, side).name
        if not context.flag("CM_DATASET_SAMPLE"):
            require_classes(context.whole("CM_ML_MODEL_CLASSES"))
    return Done(
        exports={
            "CM_DATASET_INPUT_SQUARE_SIDE": side,
            "CM_DATASET_IMAGENET_RECIPE": recipe,
            "CM_DATASET_IMAGENET_FAMILY": family,
            "CM_DATASET_IMAGENET_WANTED": f"{recipe} {family} {side} {count or 'all'}",
        }
    )
