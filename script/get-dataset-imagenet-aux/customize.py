"""Say where the labels of ImageNet's validation set are: given, or downloaded."""

from pathlib import Path

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import read_labels
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Choose the user's own file, else the downloaded one, and look whether it is one."""
    given = context.path("CM_DATASET_IMAGENET_LABELS")
    place = (
        Path(context.text("CM_EXTRACT_MEMBER_PATH"))
        if given is None
        else context.existing("CM_DATASET_IMAGENET_LABELS")
    )
    with failing_on(DatasetError):
        path = read_labels(place).path
    return Done(exports={"CM_DATASET_AUX_PATH": path.parent, "CM_DATASET_IMAGENET_LABELS_PATH": path})
