"""Locate ImageNet's validation set, and check that it has enough images."""

from pathlib import Path

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import HOW_TO_GET, OFFICIAL_COUNT, find_images
from scriptgraph.api import Context, Done, Outcome, StepFailed, failing_on


def preprocess(context: Context) -> Outcome:
    """Choose the user's own images, else the torrent's, else the downloaded first 500."""
    place = _place(context)
    count = context.whole("CM_DATASET_SIZE")
    with failing_on(DatasetError):
        available = len(find_images(place))
    needed = OFFICIAL_COUNT if context.flag("CM_DATASET_IMAGENET_FULL") else count or 1
    if available < needed:
        raise StepFailed(f"{place}: has {available} images, fewer than the requested {needed}; {HOW_TO_GET}")
    context.say(f"{available} images of ImageNet's validation set in {place}")
    exports = dict.fromkeys(("CM_DATASET_PATH", "CM_DATASET_IMAGENET_PATH", "CM_DATASET_IMAGENET_VAL_PATH"), place)
    return Done(exports={**exports, **({"CM_DATASET_SIZE": count} if count else {})})


def _place(context: Context) -> Path:
    if context.path("IMAGENET_PATH") is not None:
        return context.existing("IMAGENET_PATH")
    brought = context.text("CM_TORRENT_DOWNLOADED_PATH", "") or context.text("CM_DOWNLOAD_PATH", "")
    if not brought:
        ways = "pass --imagenet_path=DIR_OR_TAR or --torrent=URL; for a trial, _size.500 fetches the first 500 images"
        raise StepFailed(f"ImageNet cannot be downloaded freely; {HOW_TO_GET}; {ways}")
    return Path(brought)
