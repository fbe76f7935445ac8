"""Preprocess ImageNet's validation set into one array that can be mapped into memory."""

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import choose_images, find_images, list_sha256, read_labels
from mlperf_home.steps.launch import run_module
from scriptgraph.api import Context, Done, Outcome, ScriptGraphError, StepFailed, failing_on, parse_json


def wanted(context: Context) -> tuple[str, str, int, int | None]:
    """Give the recipe, the family, the side, and how many of the first images; None for all."""
    recipe, family, side, count = context.text("CM_DATASET_IMAGENET_WANTED").split()
    return recipe, family, int(side), int(count) if count.isdecimal() else None


def fingerprint(context: Context) -> str:
    """Hash the images' names and sizes, and the labels: a path may hold others tomorrow."""
    place, count = context.existing("CM_DATASET_IMAGENET_VAL_PATH"), wanted(context)[3]
    with failing_on(DatasetError):
        labels = read_labels(context.existing("CM_DATASET_IMAGENET_LABELS_PATH"))
        images = choose_images(place, find_images(place), labels, count)
        return f"{list_sha256(images)} {labels.first(len(images)).sha256}"


def preprocess(context: Context) -> Outcome:
    """Run it where OpenCV is; what is done of it stays beside the unfinished downloads until it is whole."""
    recipe, family, side, count = wanted(context)
    folder = context.output / "images"
    context.folders.partial.mkdir(parents=True, exist_ok=True)
    last: list[str] = []
    place = f"{folder}: what its making told"

    def follow(line: str) -> None:
        last[:] = [line]
        if line.startswith('{"event": "preprocessing"'):
            told = parse_json(line, place)
            context.progress("images", told["done"], told["total"])

    run_module(
        context.command,
        [context.text("CM_PYTHON_LIB_BIN_WITH_PATH")],
        [
            *("mlperf_home.datasets.imagenet", "--images", context.existing("CM_DATASET_IMAGENET_VAL_PATH")),
            *("--labels", context.existing("CM_DATASET_IMAGENET_LABELS_PATH"), "--resolution", str(side)),
            *("--recipe", recipe, "--family", family, *(["--count", str(count)] if count else [])),
            *("--out", folder, "--partial", context.folders.partial / f"imagenet-{recipe}-{family}-{side}"),
            # Another entry's, such as that of the same images before one of them was replaced.
            *("--left", context.folders.partial.parent),
        ],
        on_line=follow,
    )
    try:
        made = parse_json(last[-1], place)["images"]
    except (IndexError, ScriptGraphError, KeyError, TypeError) as error:
        raise StepFailed(f"{folder}: its making told nothing; see the log of this step") from error
    context.say(f"{made} images of {side} x {side}, recipe {recipe}")
    return Done(
        exports={
            "CM_DATASET_PREPROCESSED_PATH": folder,
            "CM_DATASET_PREPROCESSED_COUNT": made,
        }
    )
