"""Check that every label has its image, and every image its label."""

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import choose_images, find_images, read_labels
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Compare names only; a later step reads the images."""
    images, count = context.existing("CM_DATASET_IMAGENET_VAL_PATH"), context.whole("CM_DATASET_SIZE")
    with failing_on(DatasetError):
        labels = read_labels(context.existing("CM_DATASET_IMAGENET_LABELS_PATH"))
        chosen = choose_images(images, find_images(images), labels, count)
    context.say(f"{len(chosen)} images, each with a label")
    return Done()
