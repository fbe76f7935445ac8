"""Five real classifiers reach the accuracy of an independent implementation on 200 photographs, if present."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("tflite_runtime")

from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.datasets.imagenet.images import read_labels
from mlperf_home.datasets.imagenet.preprocessing import ImageFolder, preprocess
from mlperf_home.datasets.imagenet.recipes import MLPERF, MOBILENET, find_recipe
from mlperf_home.datasets.imagenet.samples import ImagenetSamples
from mlperf_home.engines import registry
from mlperf_home.engines.base import EngineSetup
from mlperf_home.engines.tflite.classifier_file import read_classifier_file

REAL = Path(__file__).parents[5] / "../shared/data"
# The accuracies in the description of the photographs: tflite-runtime 2.14.0 with the recipe mlperf-v3.1.
ACCURACY = {
    "mobilenet_v1_0.25_128_quant": 0.525,
    "mobilenet_v1_0.25_224_float": 0.595,
    "mobilenet_v1_0.25_224_quant": 0.560,
    "mobilenet_v1_0.75_192_quant": 0.850,
    "mobilenet_v2_1.0_224_quant": 0.895,
}

# The more accurate models take 10 and 20 seconds.
SLOW_ABOVE = 0.8

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(not (REAL / "tflite").is_dir(), reason="the real models and photographs are absent"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Preprocess the photographs once for each size."""
    folder, images = tmp_path_factory.mktemp("real"), REAL / "images"
    folders = {}
    for side in (128, 192, 224):
        out = folder / str(side)
        recipe = find_recipe(MLPERF, MOBILENET, side)
        preprocess(ImageFolder(images, images, None, recipe, out, folder / "partial", 2), lambda _done, _total: None)
        folders[side] = out
    return folders


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if accuracy > SLOW_ABOVE else name
        for name, accuracy in ACCURACY.items()
    ],
)
def test_a_real_model_reaches_the_known_accuracy(made: dict[int, Path], tmp_path: Path, name: str) -> None:
    model = REAL / "tflite" / f"{name}.tflite"
    backend = registry.make("tflite")
    description = backend.open(EngineSetup(model, tmp_path, Grid((), (1,), 1), options={"threads": 1}))
    samples = ImagenetSamples(made[read_classifier_file(model).side])
    samples.adapt(description.details)
    predicted = [int(backend.run(samples.batch(np.array([index]), None))[0]) for index in range(samples.count)]
    backend.close()

    classes = read_labels(REAL / "images").classes
    assert np.mean(np.array(predicted) == np.array(classes[: len(predicted)])) == pytest.approx(
        ACCURACY[name], abs=1e-9
    )
