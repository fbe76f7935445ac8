"""Preprocess ImageNet's validation set into one array that can be mapped into memory."""

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import choose_images, find_images, list_sha256, read_labels
from mlperf_home.steps.launch import run_module
from scriptgraph.api import Context, Done, Outcome, ScriptGraphError, StepFailed, failing_on, parse_json


def _request(context: Context) -> tuple[str, str, int, int | None]:
    """Return the recipe, the family, the side in pixels, and the number of images from the first; None for all."""
    recipe, family, side, count = context.text("CM_DATASET_IMAGENET_WANTED").split()
    return recipe, family, int(side), int(count) if count.isdecimal() else None


def fingerprint(context: Context) -> str:
    """Return hashes of the images' names and sizes, and of the labels; the paths may hold others later."""
    source, count = context.existing("CM_DATASET_IMAGENET_VAL_PATH"), _request(context)[3]
    with failing_on(DatasetError):
        labels = read_labels(context.existing("CM_DATASET_IMAGENET_LABELS_PATH"))
        images = choose_images(source, find_images(source), labels, count)
        return f"{list_sha256(images)} {labels.first(len(images)).sha256}"


def preprocess(context: Context) -> Outcome:
    """Preprocess in an environment with OpenCV; unfinished work stays beside the unfinished downloads."""
    recipe, family, side, count = _request(context)
    folder = context.output / "images"
    context.folders.partial.mkdir(parents=True, exist_ok=True)
    last: list[str] = []
    place = f"{folder}: output of the preprocessing"

    def follow(line: str) -> None:
        last[:] = [line]
        if line.startswith('{"event": "preprocessing"'):
            event = parse_json(line, place)
            context.progress("images", event["done"], event["total"])

    run_module(
        context.command,
        [context.text("CM_PYTHON_LIB_BIN_WITH_PATH")],
        [
            *("mlperf_home.datasets.imagenet", "--images", context.existing("CM_DATASET_IMAGENET_VAL_PATH")),
            *("--labels", context.existing("CM_DATASET_IMAGENET_LABELS_PATH"), "--resolution", str(side)),
            *("--recipe", recipe, "--family", family, *(["--count", str(count)] if count else [])),
            *("--out", folder, "--partial", context.folders.partial / f"imagenet-{recipe}-{family}-{side}"),
            # Unfinished work of another entry, such as one of the same images before one was replaced.
            *("--left", context.folders.partial.parent),
        ],
        on_line=follow,
    )
    try:
        made = parse_json(last[-1], place)["images"]
    except (IndexError, ScriptGraphError, KeyError, TypeError) as error:
        raise StepFailed(f"{folder}: the preprocessing printed no result; see the log of this step") from error
    context.say(f"{made} images of {side} x {side}, recipe {recipe}")
    return Done(
        exports={
            "CM_DATASET_PREPROCESSED_PATH": folder,
            "CM_DATASET_PREPROCESSED_COUNT": made,
        }
    )
