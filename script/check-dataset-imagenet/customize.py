"""Look whether each labelled image is there, and each image labelled."""

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import choose_images, find_images, read_labels
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Compare names; the images themselves are read when they are preprocessed."""
    place, count = context.existing("CM_DATASET_IMAGENET_VAL_PATH"), context.whole("CM_DATASET_SIZE")
    with failing_on(DatasetError):
        labels = read_labels(context.existing("CM_DATASET_IMAGENET_LABELS_PATH"))
        chosen = choose_images(place, find_images(place), labels, count)
    context.say(f"{len(chosen)} images, each with its label")
    return Done()
