"""Locate the labels of ImageNet's validation set: the user's own, or downloaded ones."""

from pathlib import Path

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import read_labels
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Choose the user's own file, else the downloaded one, and check it."""
    own = context.path("CM_DATASET_IMAGENET_LABELS")
    labels = (
        Path(context.text("CM_EXTRACT_MEMBER_PATH")) if own is None else context.existing("CM_DATASET_IMAGENET_LABELS")
    )
    with failing_on(DatasetError):
        path = read_labels(labels).path
    return Done(exports={"CM_DATASET_AUX_PATH": path.parent, "CM_DATASET_IMAGENET_LABELS_PATH": path})
