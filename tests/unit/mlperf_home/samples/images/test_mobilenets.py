"""The embedded MobileNets match sample.json."""

from __future__ import annotations

import hashlib
import importlib.util
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sample_training.mobilenet import recipe
from sample_training.mobilenet.scoring import INTERPRETERS

from mlperf_home.samples import mobilenet
from mlperf_home.samples.images.figures import CLASSES
from mlperf_home.samples.images.image_files import IMAGES, IMAGES_SHA256, SEED

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = sorted(mobilenet.MODELS)
# Interpreters round differently, so a few of the 1,200 images may get another class.
TOLERANCE_POINTS = 0.75


@pytest.fixture(scope="module")
def images() -> tuple[dict[int, NDArray[np.uint8]], NDArray[np.int64]]:
    pytest.importorskip("PIL")
    if not any(importlib.util.find_spec(name.partition(".")[0]) for name in INTERPRETERS):
        pytest.skip("no TFLite interpreter is installed")
    from sample_training.mobilenet.preparation import prepare

    return prepare(SEED, range(IMAGES), recipe.RESOLUTIONS)


def test_files_have_the_recorded_hashes() -> None:
    recorded = mobilenet.provenance()["files"]
    assert set(recorded) == {path.name for path in mobilenet.MODELS.values()} == set(recipe.MODEL_FILES)
    assert set(recorded) == {path.name for path in mobilenet.FOLDER.glob("*.tflite")}
    for name, facts in recorded.items():
        content = (mobilenet.FOLDER / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"], name
        assert len(content) == facts["size_bytes"]


def test_models_are_marked_as_samples() -> None:
    facts = mobilenet.provenance()
    assert facts["sample"] is True
    assert "sample" in facts["note"]


def test_recorded_images_are_the_generators() -> None:
    facts = mobilenet.provenance()
    assert facts["images"] == {"seed": SEED, "count": IMAGES, "sha256": IMAGES_SHA256}
    assert facts["seed"] != SEED
    assert facts["classes"] == list(CLASSES)


def test_models_cover_widths_resolutions_and_precisions() -> None:
    models = mobilenet.provenance()["models"]
    kinds = {(facts["multiplier"], facts["resolution"], facts["precision"]) for facts in models.values()}
    assert kinds == {(m, r, p) for m in (0.25, 0.5) for r in (64, 96) for p in ("float", "int8")}
    for name, facts in models.items():
        kind = f"{facts['multiplier']:.2f}_{facts['resolution']}_{facts['precision']}"
        assert name == f"mobilenet_{kind}.tflite"


def test_files_total_a_few_megabytes() -> None:
    assert sum(path.stat().st_size for path in mobilenet.FOLDER.glob("*.*")) < 4_000_000


def test_accuracies_differ() -> None:
    scores = [facts["accuracy_percent"] for facts in mobilenet.provenance()["models"].values()]
    assert max(scores) > 85
    assert min(scores) > 50
    assert max(scores) - min(scores) > 8


def test_latency_ranks_are_complete_and_ordered() -> None:
    models = mobilenet.provenance()["models"].values()
    ranked = sorted(models, key=lambda facts: facts["latency_rank"])
    assert [facts["latency_rank"] for facts in ranked] == list(range(1, len(NAMES) + 1))
    ratios = [facts["latency_to_fastest"] for facts in ranked]
    assert ratios[0] == 1.0
    assert ratios == sorted(ratios)


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_inputs_and_accuracy_match_the_record(
    name: str, images: tuple[dict[int, NDArray[np.uint8]], NDArray[np.int64]]
) -> None:
    from sample_training.mobilenet.scoring import TfliteFile, accuracy_percent

    facts = mobilenet.provenance()["models"][f"{name}.tflite"]
    classifier = TfliteFile(mobilenet.MODELS[name])
    expected = np.uint8 if facts["precision"] == "int8" else np.float32
    for details, recorded in ((classifier.input, facts["input"]), (classifier.output, facts["output"])):
        assert details["shape"].tolist() == recorded["shape"]
        assert details["dtype"] is expected
        assert details["dtype"].__name__ == recorded["dtype"]
    pixels, labels = images
    accuracy = accuracy_percent(classifier, pixels[facts["resolution"]], labels)
    assert abs(accuracy - facts["accuracy_percent"]) < TOLERANCE_POINTS
