"""The preprocessing recipes, from a photograph to a model's pixels."""

from __future__ import annotations

from dataclasses import dataclass

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import CLASSES

PUBLISHED = "published"
MLPERF = "mlperf-v3.1"
MOBILENET = "mobilenet"
EFFICIENTNET = "efficientnet"
RESNET50 = "resnet50"
RECIPES = (PUBLISHED, MLPERF)
FAMILIES = (MOBILENET, EFFICIENTNET, RESNET50)
# Published models take 96 to 300 pixels; a larger number is a mistake.
LARGEST_SIDE = 4096

_STEPS = {
    (PUBLISHED, MOBILENET): "centre 87.5 % of both sides, TensorFlow 1 bilinear to a square, aspect not kept (slim)",
    (PUBLISHED, EFFICIENTNET): "centre square of 87.5 % of the short side, TensorFlow 1 bicubic (tensorflow/tpu)",
    (MLPERF, RESNET50): "OpenCV area to a short side of side * 100 / 87.5, centre square (MLPerf reference)",
    (MLPERF, ""): "OpenCV bilinear to a short side of side * 100 / 87.5, centre square (MLPerf v3.1 reference)",
}


@dataclass(frozen=True)
class Recipe:
    """A preprocessing recipe.

    Attributes:
        name: "published" (the preprocessing of a model's published accuracy) or "mlperf-v3.1".
        family: "mobilenet", "efficientnet" or "resnet50"; "" if both of the first two get the same pixels.
        side: rows and columns of the result.
        steps: a description of the steps.
    """

    name: str
    family: str
    side: int
    steps: str


def find_recipe(name: str, family: str, side: int) -> Recipe:
    """Return a recipe by its name; raise `DatasetError` for an unknown recipe, family or size.

    The published accuracy of ResNet-50 is that of MLPerf's reference, so both names mean one recipe there.
    """
    if name not in RECIPES:
        raise DatasetError(f"recipe {name!r}", "is unknown", f"pass one of {', '.join(RECIPES)}")
    if family not in FAMILIES:
        raise DatasetError(f"model family {family!r}", "is unknown", f"pass one of {', '.join(FAMILIES)}")
    if not 1 <= side <= LARGEST_SIDE:
        raise DatasetError(f"resolution {side}", "is out of range", f"pass 1 to {LARGEST_SIDE} pixels")
    name = MLPERF if family == RESNET50 else name
    kept = family if (name, family) in _STEPS else ""
    return Recipe(name, kept, side, _STEPS[name, kept])


def require_classes(classes: int | None) -> None:
    """Raise `DatasetError` if a model's classes, without a background, are known and not ImageNet's."""
    if classes not in {None, CLASSES}:
        problem = f"has {classes} classes, and the images are of ImageNet's {CLASSES}"
        raise DatasetError("the model", problem, "use a model that was trained for ImageNet")
