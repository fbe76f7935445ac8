"""Pruning, rounding and resuming of the training; needs torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs tools/sample_training/requirements.txt")
onnxruntime = pytest.importorskip("onnxruntime")

from sample_training import recipe, runs  # noqa: E402 - needs what is skipped above
from sample_training.curriculum import Curriculum, Stage  # noqa: E402 - the same
from sample_training.model import Bert  # noqa: E402 - the same
from sample_training.onnx_graph import BertGraph, BertShape  # noqa: E402 - the same
from sample_training.pruning import Pruning, PruningPlan, block_mask  # noqa: E402 - the same

from mlperf_home.samples.questions.world import vocabulary  # noqa: E402 - the same

if TYPE_CHECKING:
    from pathlib import Path

STAGE = Stage(3, (20, 60), 10, 4, shifted=True, batch_tokens=600, peak_rate=1e-3, warmup_steps=1)


@pytest.fixture
def model() -> Bert:
    torch.manual_seed(0)
    return Bert(BertShape(len(vocabulary()), 2, 16, 2, 32)).eval()


@pytest.fixture
def batch() -> dict[str, Any]:
    return next(Curriculum(vocabulary(), 1).batches(STAGE))


def onnx_logits(proto: Any, batch: dict[str, Any]) -> Any:
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = {"input_ids": "ids", "attention_mask": "mask", "token_type_ids": "types"}
    return np.stack(session.run(None, {name: batch[key].numpy() for name, key in names.items()}), axis=-1)


def in_order(batch: dict[str, Any]) -> dict[str, Any]:
    places = torch.arange(batch["ids"].shape[1]).expand_as(batch["ids"])
    return {**batch, "places": places}


@torch.no_grad()
def test_dense_export_equals_the_model(model: Bert, batch: dict[str, Any]) -> None:
    proto = BertGraph(model.shape, model.weights(), half=False).build()
    np.testing.assert_allclose(onnx_logits(proto, batch), model(in_order(batch)).numpy(), atol=1e-5)


@torch.no_grad()
def test_int8_export_equals_the_rounded_model(model: Bert, batch: dict[str, Any]) -> None:
    pruning = Pruning(model, PruningPlan(0.5, pruned_step=1, watch_step=2, round_step=3))
    for step in range(4):
        pruning.before_step(step)
        expected = model(in_order(batch)).numpy()
    found = onnx_logits(runs.export_quantised(model), batch)
    assert np.abs(found - expected).max() < 0.1 * expected.std()
    assert runs.sparsity(model) == pytest.approx(0.5, abs=0.01)


def test_weakest_blocks_are_pruned_first() -> None:
    weight = torch.tensor([[1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 3.0], [2.0] * 4 + [0.0] * 4])
    assert block_mask(weight, 0.5).tolist() == [[1.0] * 4 + [0.0] * 4, [1.0] * 4 + [0.0] * 4]


def test_share_of_zeros_only_rises() -> None:
    plan = PruningPlan(0.8, pruned_step=100, watch_step=120, round_step=130)
    shares = [plan.sparsity_at(step) for step in range(0, 200, 10)]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] == pytest.approx(0.8)


def test_batches_mark_the_answers() -> None:
    entries = vocabulary()
    stage = Stage(1, None, 10, 8, shifted=False, batch_tokens=3000, peak_rate=1e-3)
    batches = Curriculum(entries, 5).batches(stage)
    for _ in range(5):
        batch = next(batches)
        length = batch["mask"].sum(1)
        assert (batch["starts"] <= batch["ends"]).all()
        assert (batch["ends"] < length).all()
        answered = batch["starts"] > 0
        types = batch["types"].gather(1, batch["starts"][:, None])[:, 0]
        assert (types[answered] == 1).all()


def test_seed_determines_the_batches() -> None:
    one, other = (next(Curriculum(vocabulary(), 3).batches(STAGE)) for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_resumed_training_gives_the_same_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "HIDDEN", 12)
    monkeypatch.setattr(recipe, "LAYERS", 1)
    monkeypatch.setattr(recipe, "DENSE_STAGES", (STAGE,))
    monkeypatch.setattr(recipe, "PRUNING_STAGES", (STAGE,))
    monkeypatch.setattr(recipe, "PRUNING", PruningPlan(0.5, pruned_step=1, watch_step=1, round_step=2))
    kept = tmp_path / "dense.pt"
    options = runs.BertOptions(seed=3, bfloat16=False)
    complete = runs.train_both(vocabulary(), options, checkpoint=kept)
    resumed = runs.train_both(vocabulary(), options, resume=kept)
    assert complete.dense == resumed.dense
    assert complete.pruned_quantised == resumed.pruned_quantised
    assert (complete.steps["dense"], resumed.steps["dense"]) == (3, 0)


def test_file_that_is_not_a_checkpoint_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "not.pt").write_bytes(b"no checkpoint")
    with pytest.raises(runs.CheckpointError, match="is not a checkpoint of this model"):
        runs.train_both(vocabulary(), runs.BertOptions(seed=3), resume=tmp_path / "not.pt")
