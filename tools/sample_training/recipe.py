"""The recipe of the sample's BERT models: size, curriculum and pruning. Train again after a change."""

from __future__ import annotations

from mlperf_home.samples.questions.world import RELATIONS
from sample_training.curriculum import POSITIONS, Stage
from sample_training.onnx_graph import BertShape
from sample_training.pruning import PruningPlan

KINDS = len(RELATIONS)
LAYERS, HIDDEN, HEADS = 4, 192, 6

# Short paragraphs at shifted positions teach to find answers; real lengths follow.
DENSE_STAGES = (
    Stage(1200, (20, 60), KINDS, 4, shifted=True, batch_tokens=3000, peak_rate=1e-3),
    Stage(800, (50, 140), KINDS, 6, shifted=True, batch_tokens=4000, peak_rate=7e-4),
    Stage(700, None, KINDS, 8, shifted=False, batch_tokens=6000, peak_rate=6e-4),
)
PRUNING_STAGES = (
    Stage(1200, (30, 120), KINDS, 8, shifted=True, batch_tokens=3000, peak_rate=5e-4, warmup_steps=50),
    Stage(500, None, KINDS, 8, shifted=False, batch_tokens=6000, peak_rate=4e-4, warmup_steps=50),
)
# Steps count through all pruning stages. Ranges are recorded at real lengths.
PRUNING = PruningPlan(sparsity=0.8, pruned_step=800, watch_step=1200, round_step=1260)


def shape(vocab_size: int) -> BertShape:
    """Return the models' size for a vocabulary of `vocab_size` entries."""
    return BertShape(vocab_size, LAYERS, HIDDEN, HEADS, 4 * HIDDEN, POSITIONS)
