"""The models and engines that `scaling.py` measures, and the sample's images and questions for them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.engines.onnx.classifier_file import read_onnx_classifier
from mlperf_home.engines.tflite.classifier_file import read_classifier_file
from mlperf_home.samples import bert, mobilenet, resnet50

if TYPE_CHECKING:
    from pathlib import Path

_IMAGES = 128
_QUESTIONS = 512


@dataclass(frozen=True)
class Kind:
    """A model on an engine.

    Attributes:
        engine: the backend.
        package: the module that it imports.
        benchmark: the benchmark's name in the rules of a round.
        model: the sample's model.
        family: the family of image classifiers; "" for questions.
        places: whether our harness places its streams where there are several nodes.
    """

    engine: str
    package: str
    benchmark: str
    model: Path
    family: str = ""
    places: bool = False

    @property
    def installed(self) -> bool:
        """Whether this Python has the engine, LoadGen, and what prepares the samples."""
        packages = (self.package, "mlperf_loadgen", "cv2" if self.family else "tokenizers")
        return all(importlib.util.find_spec(name) for name in packages)


KINDS = {
    "bert": Kind("deepsparse", "deepsparse", "bert-99", bert.MODELS["pruned-quantised"]),
    "bert-onnxruntime": Kind("onnxruntime", "onnxruntime", "bert-99", bert.MODELS["dense"]),
    "bert-openvino": Kind("openvino", "openvino", "bert-99", bert.MODELS["dense"]),
    "images": Kind("litert", "ai_edge_litert", "resnet", mobilenet.MODELS["mobilenet_0.50_96_float"], "mobilenet"),
    "resnet50": Kind("onnxruntime", "onnxruntime", "resnet", resnet50.MODEL, "resnet50", places=True),
    "resnet50-openvino": Kind("openvino", "openvino", "resnet", resnet50.MODEL, "resnet50"),
}


class SampleData:
    """The sample's images and questions, prepared once for all measurements in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def order(self, kind: Kind, model: Path, seconds: float) -> dict[str, Any]:
        """Return what a measuring process needs besides the way; raise BackendError for a model of another kind."""
        work = self._folder / "work"
        work.mkdir(exist_ok=True)
        return {
            "engine": kind.engine,
            "benchmark": kind.benchmark,
            "model": str(model.resolve()),
            "dataset": str(self._images(kind, model) if kind.family else self._questions()),
            "work": str(work),
            "seconds": seconds,
        }

    def _questions(self) -> Path:
        from mlperf_home.datasets.squad.__main__ import main as make_features  # noqa: PLC0415 - needs the tokeniser
        from mlperf_home.samples.questions import write_sample  # noqa: PLC0415

        out = self._folder / "features"
        if not out.exists():
            dataset, vocabulary = write_sample(self._folder / "squad", questions=_QUESTIONS)
            with contextlib.redirect_stdout(sys.stderr):
                make_features(["--dataset", str(dataset), "--vocab", str(vocabulary), "--out", str(out)])
        return out

    def _images(self, kind: Kind, model: Path) -> Path:
        from mlperf_home.datasets.imagenet.preprocessing import ImageFolder, preprocess  # noqa: PLC0415 - needs OpenCV
        from mlperf_home.datasets.imagenet.recipes import PUBLISHED, find_recipe  # noqa: PLC0415
        from mlperf_home.samples.images.image_files import write_images  # noqa: PLC0415

        facts = read_onnx_classifier(model) if kind.family == "resnet50" else read_classifier_file(model)
        source, name = self._folder / "photographs", f"{kind.family}-{facts.side}"
        if not source.exists():
            write_images(source, images=_IMAGES)
        recipe, workers = find_recipe(PUBLISHED, kind.family, facts.side), len(os.sched_getaffinity(0))
        folder = ImageFolder(source, source, None, recipe, self._folder / name, self._folder / f".{name}", workers)
        preprocess(folder, lambda _done, _total: None)
        return folder.out
