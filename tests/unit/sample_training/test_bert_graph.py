"""The exported graph equals a BERT in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from sample_training.onnx_graph import BertGraph, BertShape, input_step, quantise_linear  # noqa: E402 - after the skips

SHAPE = BertShape(vocab_size=50, layers=2, hidden=16, heads=2, intermediate=32, positions=24)


def random_weights(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    weights = {}

    def draw(name: str, *size: int) -> None:
        weights[name] = rng.normal(0, 0.3, size).astype(np.float32)

    draw("embeddings.word", SHAPE.vocab_size, SHAPE.hidden)
    draw("embeddings.position", SHAPE.positions, SHAPE.hidden)
    draw("embeddings.token_type", 2, SHAPE.hidden)
    norms = [f"layer.{layer}.{part}" for layer in range(SHAPE.layers) for part in ("attention.norm", "norm")]
    for norm in ("embeddings.norm", *norms):
        draw(f"{norm}.weight", SHAPE.hidden)
        weights[f"{norm}.weight"] += 1.0
        draw(f"{norm}.bias", SHAPE.hidden)
    for name, (inputs, outputs) in SHAPE.linears().items():
        draw(f"{name}.weight", inputs, outputs)
        draw(f"{name}.bias", outputs)
    draw("answer.weight", SHAPE.hidden, 2)
    draw("answer.bias", 2)
    return weights


def inputs(batch: int = 2, length: int = 11) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    mask = np.ones((batch, length), dtype=np.int64)
    mask[-1, length - 4 :] = 0
    types = np.zeros_like(mask)
    types[:, 4:] = 1
    ids = rng.integers(5, SHAPE.vocab_size, (batch, length))
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def plain_bert(weights: dict[str, Any], feed: dict[str, Any]) -> tuple[Any, Any]:
    """Compute BERT in a few lines of NumPy."""

    def norm(name: str, x: Any) -> Any:
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-12) * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def linear(name: str, x: Any) -> Any:
        return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]

    length = feed["input_ids"].shape[1]
    x = weights["embeddings.word"][feed["input_ids"]] + weights["embeddings.token_type"][feed["token_type_ids"]]
    x = norm("embeddings.norm", x + weights["embeddings.position"][:length])
    for layer in range(SHAPE.layers):
        name = f"layer.{layer}"
        parts = [linear(f"{name}.attention.{part}", x) for part in ("query", "key", "value")]
        query, key, value = (part.reshape(*x.shape[:2], SHAPE.heads, -1).transpose(0, 2, 1, 3) for part in parts)
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(SHAPE.head_size)
        scores = np.exp(scores - 10000.0 * (1 - feed["attention_mask"][:, None, None, :]))
        mixed = (scores / scores.sum(-1, keepdims=True) @ value).transpose(0, 2, 1, 3).reshape(x.shape)
        x = norm(f"{name}.attention.norm", x + linear(f"{name}.attention.output", mixed))
        inner = linear(f"{name}.intermediate", x)
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = norm(f"{name}.norm", x + linear(f"{name}.output", inner))
    logits = linear("answer", x)
    return logits[..., 0], logits[..., 1]


def run(model: Any, feed: dict[str, Any]) -> list[Any]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["start_logits", "end_logits"], feed)


@pytest.mark.engine
@pytest.mark.parametrize(("half", "tolerance"), [(False, 1e-4), (True, 3e-2)])
def test_dense_graph_is_a_bert(half: bool, tolerance: float) -> None:
    weights = random_weights()
    outputs = run(BertGraph(SHAPE, weights, half=half).build(), inputs())
    for logits, expected in zip(outputs, plain_bert(weights, inputs()), strict=True):
        np.testing.assert_allclose(logits, expected, atol=tolerance)


@pytest.mark.engine
def test_int8_graph_is_close_to_the_dense_graph() -> None:
    weights = random_weights()
    layers = {name: quantise_linear(weights[f"{name}.weight"], -4.0, 4.0) for name in SHAPE.linears()}
    model = BertGraph(SHAPE, weights, layers).build()
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("MatMulInteger") == len(layers)
    # Query, key and value share one quantised tensor.
    assert kinds.count("QuantizeLinear") == 4 * SHAPE.layers
    for logits, expected in zip(run(model, inputs()), plain_bert(weights, inputs()), strict=True):
        assert np.abs(logits - expected).mean() < 0.15 * expected.std()


def test_batch_and_sequence_are_dynamic() -> None:
    model = BertGraph(SHAPE, random_weights()).build()
    for value in (*model.graph.input, *model.graph.output):
        assert [dim.dim_param for dim in value.type.tensor_type.shape.dim] == ["batch", "sequence"]


def test_zero_is_exact_in_int8() -> None:
    weight = np.array([[0.0, 0.5], [-1.27, 0.0]], dtype=np.float32)
    layer = quantise_linear(weight, 0.5, 2.0)
    assert layer.weight.tolist() == [[0, 50], [-127, 0]]
    assert layer.weight_scale == pytest.approx(0.01)
    # The range is widened to include zero.
    assert layer.input_zero_point == 0


@pytest.mark.parametrize(("low", "high", "zero_point"), [(-1.0, 1.0, 128), (0.0, 3.0, 0), (-5.0, -1.0, 255)])
def test_zero_point_is_a_level(low: float, high: float, zero_point: int) -> None:
    scale, level = input_step(low, high)
    assert scale > 0
    assert level == zero_point
