"""Every backend for images passes the conformance suite, on tiny models and, where present, on real ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlperf_home.engines import registry
from mlperf_home.engines.base import EngineSetup
from mlperf_home.samples import resnet50
from mlperf_home.testing import classifier_conformance, tiny_classifier, tiny_onnx_classifier
from mlperf_home.testing.tiny_classifier import TinyClassifier
from mlperf_home.testing.tiny_onnx_classifier import TinyOnnxClassifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlperf_home.testing.classifier_conformance import ClassifierSubject

MODELS = Path(__file__).resolve().parents[2] / "../shared/data/tflite"
ENGINES = {
    "tflite": "tflite_runtime",
    "litert": "ai_edge_litert",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
}
REAL = ("mobilenet_v1_0.25_224_float.tflite", "mobilenet_v1_0.25_128_quant.tflite")
ONNX = {
    "open batch": TinyOnnxClassifier(),
    "one image": TinyOnnxClassifier(batch=1),
    "channels last": TinyOnnxClassifier(image=(4, 4, 3)),
}
MODELS_OF = {
    **dict.fromkeys(("tflite", "litert"), ("float32", "uint8", *REAL)),
    **dict.fromkeys(("onnxruntime", "openvino"), (*ONNX, resnet50.NAME)),
}
CASES = [
    pytest.param((engine, model), id=f"{engine}-{model}", marks=pytest.mark.engine)
    for engine, models in MODELS_OF.items()
    for model in models
]


@pytest.fixture(scope="module", params=CASES)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClassifierSubject]:
    engine, model = request.param
    pytest.importorskip(ENGINES[engine], reason=f"{engine} is not installed")
    folder = tmp_path_factory.mktemp("model")
    path = folder / ("model.onnx" if engine in {"onnxruntime", "openvino"} else "model.tflite")
    if model == resnet50.NAME:
        shutil.copyfile(resnet50.MODEL, path)
    elif model in ONNX:
        tiny_onnx_classifier.write(path, ONNX[model])
    elif model not in REAL:
        tiny_classifier.write(path, TinyClassifier(dtype=model))
    elif (MODELS / model).is_file():
        shutil.copyfile(MODELS / model, path)
    else:
        pytest.skip(f"{model} is absent")
    opened = classifier_conformance.open_subject(
        lambda: registry.make(engine), EngineSetup(path, folder, classifier_conformance.GRID)
    )
    yield opened
    opened.backend.close()


@pytest.mark.parametrize("check", classifier_conformance.CHECKS, ids=lambda check: check.__name__)
def test_a_backend_keeps_the_interface(subject: ClassifierSubject, check: Callable[[ClassifierSubject], None]) -> None:
    before = subject.request.model_path.read_bytes()
    check(subject)
    assert subject.request.model_path.read_bytes() == before
