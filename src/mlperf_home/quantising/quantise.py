"""Quantise a dense BERT model in ONNX to int8 with NNCF.

The ranges of activations come from calibration questions. The F1 is compared on other questions of the same file, so
that the questions of the evaluation are used for neither.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import numpy_helper

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.squad.samples import SquadSamples, read_array
from mlperf_home.engines.base import BackendError
from mlperf_home.engines.engine import first_line
from mlperf_home.engines.onnx import graph
from scriptgraph.files.atomic import replace_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from mlperf_home.datasets.base import Inputs

CALIBRATED = 128
"""The questions with which the ranges of activations are found."""
CHECKED = 384
"""The questions on which the F1 is compared."""
F1_GATE = 0.99
"""The least F1, as a share of the F1 of the model that was quantised."""


@dataclass(frozen=True)
class Split:
    """The questions of a calibration file, by their positions: for the ranges, and for the check."""

    calibration: NDArray[np.intp]
    check: NDArray[np.intp]


def split_questions(count: int, where: Path) -> Split:
    """Split `count` questions into those of the calibration and of the check, both evenly over the file.

    Raises:
        DatasetError: there are too few.
    """
    needed = CALIBRATED + CHECKED
    if count < needed:
        raise DatasetError(where, f"has {count} questions; quantising needs {needed}", "pass more questions")
    chosen = np.linspace(0, count - 1, needed).astype(np.intp)
    calibration = np.linspace(0, needed - 1, CALIBRATED).astype(np.intp)
    return Split(chosen[calibration], np.delete(chosen, calibration))


def quantise(model_path: Path, features: Path, questions: NDArray[np.intp], target: Path) -> str:
    """Quantise a model with the features of some questions, write it to `target`, and return NNCF's version.

    Raises:
        BackendError: the model is no dense BERT model, or NNCF refuses it.
        DatasetError: the features cannot be read.
    """
    model = graph.load(model_path)
    signature = graph.read_signature(model, model_path)
    graph.load_weights(model, model_path)
    fold_weight_casts(model)
    nncf = _load()

    def feed(inputs: Inputs) -> dict[str, NDArray[Any]]:
        arrays = signature.arrange(inputs)
        return {value.name: array for value, array in zip(signature.inputs, arrays, strict=True)}

    data = nncf.Dataset(list(_rows(features, questions)), feed)
    try:
        made = nncf.quantize(model, data, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(questions))
    except Exception as error:  # its exceptions share no public base
        problem = f"NNCF cannot quantise it ({first_line(error)}); use a dense model with opset 13 or newer"
        raise BackendError(f"model {model_path}: {problem}") from error
    onnx.checker.check_model(made)
    replace_bytes(target, made.SerializeToString())
    return str(nncf.__version__)


def fold_weight_casts(model: onnx.ModelProto) -> None:
    """Replace each Cast of a weight by the weight in the other type; NNCF 3.4 takes them for casts of activations."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in [each for each in model.graph.node if each.op_type == "Cast" and each.input[0] in weights]:
        kind = next(each.i for each in node.attribute if each.name == "to")
        values = numpy_helper.to_array(weights[node.input[0]]).astype(onnx.helper.tensor_dtype_to_np_dtype(kind))
        model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        model.graph.node.remove(node)
    used = {name for node in model.graph.node for name in node.input}
    for tensor in weights.values():
        if tensor.name not in used:
            model.graph.initializer.remove(tensor)


def _load() -> Any:
    # Without this package, NNCF reports no use over the network.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # an import of it fails
    try:
        return importlib.import_module("nncf")
    except ImportError as error:
        raise BackendError(f"nncf cannot be imported ({error}); install nncf") from error


def _rows(features: Path, questions: NDArray[np.intp]) -> Iterator[Inputs]:
    """Yield the first feature of each question, without padding."""
    samples = SquadSamples(features)
    question_of = np.asarray(read_array(features, "example_index", samples.count))
    assert samples.lengths is not None  # noqa: S101 - questions have lengths
    for question in questions.tolist():
        row = int(np.flatnonzero(question_of == question)[0])
        yield samples.batch(np.array([row]), int(samples.lengths[row]))
