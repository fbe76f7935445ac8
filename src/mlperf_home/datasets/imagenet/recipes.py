"""The named ways from a photograph to a model's pixels."""

from __future__ import annotations

from dataclasses import dataclass

from mlperf_home.datasets.base import DatasetError

PUBLISHED = "published"
MLPERF = "mlperf-v3.1"
MOBILENET = "mobilenet"
EFFICIENTNET = "efficientnet"
RECIPES = (PUBLISHED, MLPERF)
FAMILIES = (MOBILENET, EFFICIENTNET)
# Published models take 96 to 300; beyond this a number is a slip.
LARGEST_SIDE = 4096

_STEPS = {
    (PUBLISHED, MOBILENET): "centre 87.5 % of both sides, TensorFlow 1 bilinear to a square, aspect not kept (slim)",
    (PUBLISHED, EFFICIENTNET): "centre square of 87.5 % of the short side, TensorFlow 1 bicubic (tensorflow/tpu)",
    (MLPERF, ""): "OpenCV bilinear to a short side of side * 100 / 87.5, centre square (MLPerf v3.1 reference)",
}


@dataclass(frozen=True)
class Recipe:
    """A way to make pixels.

    Attributes:
        name: "published" (what a model's published accuracy was measured with) or "mlperf-v3.1".
        family: "mobilenet" or "efficientnet"; empty where all families get the same pixels.
        side: rows and columns of the result.
        steps: what is done, in words.
    """

    name: str
    family: str
    side: int
    steps: str


def find_recipe(name: str, family: str, side: int) -> Recipe:
    """Return a recipe by its name; raise `DatasetError` if there is no such recipe, family or size."""
    if name not in RECIPES:
        raise DatasetError(f"recipe {name!r}", "is not known", f"give one of {', '.join(RECIPES)}")
    if family not in FAMILIES:
        raise DatasetError(f"model family {family!r}", "is not known", f"give one of {', '.join(FAMILIES)}")
    if not 1 <= side <= LARGEST_SIDE:
        raise DatasetError(f"resolution {side}", "is no size of an image", f"give 1 to {LARGEST_SIDE} pixels")
    kept = family if name == PUBLISHED else ""
    return Recipe(name, kept, side, _STEPS[name, kept])
