"""The embedded BERT models match sample.json."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlperf_home.samples import bert
from mlperf_home.samples.questions import vocabulary_bytes, write_sample
from mlperf_home.samples.questions.squad import DATASET_SHA256, SEED

if TYPE_CHECKING:
    from mlperf_home.samples.questions import SampleFiles

MODELS = sorted(bert.MODELS)
SOME_QUESTIONS = 300


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return write_sample(tmp_path_factory.mktemp("sample"), questions=SOME_QUESTIONS)


def test_files_have_the_recorded_hashes() -> None:
    recorded = bert.provenance()["files"]
    assert set(recorded) == {"dense.onnx", "pruned-quantised.onnx", "vocab.txt"}
    for name, facts in recorded.items():
        content = (bert.FOLDER / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"], name
        assert len(content) == facts["size_bytes"]


def test_models_are_marked_as_samples() -> None:
    facts = bert.provenance()
    assert facts["sample"] is True
    assert "sample" in facts["note"]


def test_recorded_questions_are_the_generators() -> None:
    facts = bert.provenance()
    assert facts["questions"]["sha256"] == DATASET_SHA256
    assert facts["seed"] != facts["questions"]["seed"] == SEED


def test_vocabulary_is_the_generators() -> None:
    assert bert.VOCABULARY.read_bytes() == vocabulary_bytes()


def test_files_total_a_few_megabytes() -> None:
    assert sum(path.stat().st_size for path in bert.FOLDER.glob("*.*")) < 7_500_000


@pytest.mark.parametrize("name", MODELS)
def test_recorded_f1_is_above_ninety(name: str) -> None:
    assert bert.provenance()["scores"][f"{name}.onnx"]["f1"] > 90


@pytest.mark.engine
@pytest.mark.parametrize("name", MODELS)
def test_logits_are_finite_at_any_shape(name: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(bert.MODELS[name]), providers=["CPUExecutionProvider"])
    assert [item.name for item in session.get_inputs()] == ["input_ids", "attention_mask", "token_type_ids"]
    assert [item.name for item in session.get_outputs()] == ["start_logits", "end_logits"]
    for shape in ((1, 384), (3, 17)):
        ones = np.ones(shape, dtype=np.int64)
        outputs = session.run(None, {"input_ids": ones * 9, "attention_mask": ones, "token_type_ids": ones * 0})
        for logits in outputs:
            assert logits.shape == shape
            assert logits.dtype == np.float32
            assert np.isfinite(logits).all()


@pytest.mark.engine
@pytest.mark.parametrize("name", MODELS)
def test_padding_does_not_change_the_logits(name: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(bert.MODELS[name]), providers=["CPUExecutionProvider"])
    ids = np.arange(20, 60, dtype=np.int64)[None]
    mask = np.ones_like(ids)
    names = ("input_ids", "attention_mask", "token_type_ids")
    short = session.run(None, dict(zip(names, (ids, mask, mask), strict=True)))
    wide = [np.pad(array, ((0, 0), (0, 56))) for array in (ids, mask, mask)]
    long = session.run(None, dict(zip(names, wide, strict=True)))
    for one, other in zip(short, long, strict=True):
        np.testing.assert_allclose(one, other[:, :40], atol=2e-2)


@pytest.mark.engine
@pytest.mark.parametrize("name", MODELS)
def test_f1_on_first_questions_is_above_ninety(name: str, sample: SampleFiles) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    from sample_training.scoring import onnxruntime_infer, score_model

    scores = score_model(onnxruntime_infer(bert.MODELS[name], threads=1), sample.dataset, sample.vocabulary)
    assert scores.f1 > 90


def test_pruned_weights_are_int8_and_mostly_zero() -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(str(bert.MODELS["pruned-quantised"]))
    initializers = model.graph.initializer
    int8 = [onnx.numpy_helper.to_array(tensor) for tensor in initializers if tensor.name.endswith("weight.int8")]
    shape = bert.provenance()["shape"]
    assert len(int8) == 6 * shape["layers"]
    zeros = sum(np.count_nonzero(weight == 0) for weight in int8) / sum(weight.size for weight in int8)
    assert zeros >= bert.provenance()["sparsity"] - 0.005
    # Pruned in blocks of four inputs.
    for weight in int8:
        blocks = weight.reshape(weight.shape[0] // 4, 4, weight.shape[1])
        assert np.mean(np.all(blocks == 0, axis=1)) > 0.7
    assert {node.op_type for node in model.graph.node} >= {"QuantizeLinear", "MatMulInteger"}
    assert not model.graph.value_info
