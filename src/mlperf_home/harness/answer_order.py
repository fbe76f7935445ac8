"""Check on a few questions that a model's single output holds the start of an answer before its end.

Nothing in such a model tells the two apart. A model that has learnt its task ends few answers before they start, and
nearly all if the two are swapped. Only accuracy runs are checked, because nothing else reads the answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.engines.base import BackendError
from mlperf_home.harness.queries.parts import buckets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from mlperf_home.contracts.grids import Grid
    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.base import Backend

_QUESTIONS = 16
_FEWEST, _CLEAR = 4, 0.75
_TURNED = '--env.CM_MLPERF_BACKEND_OPTIONS=\'{"outputs": "end,start"}\''


def needs_check(details: Mapping[str, Any], samples: Samples) -> bool:
    """Whether only convention tells the start from the end in an engine's outputs."""
    return details.get("outputs_by") == "convention" and samples.lengths is not None


def check_answer_order(backend: Backend, samples: Samples, grid: Grid, model_path: Path) -> str:
    """Infer a few questions; return a warning with the outcome.

    Raises:
        BackendError: the answers end before they start.
    """
    pairs = [pair for pair in _spans(backend, samples, grid) if pair[0] != pair[1]]
    ordered = sum(start < end for start, end in pairs)
    tried = f"{ordered} of {len(pairs)} answers to the dataset's questions start before they end"
    if len(pairs) >= _FEWEST and len(pairs) - ordered >= _CLEAR * len(pairs):
        problem = f"only {tried}, so the model's output holds the end first"
        raise BackendError(f"model {model_path}: {problem}; add {_TURNED}")
    if len(pairs) >= _FEWEST and ordered >= _CLEAR * len(pairs):
        return f"The model's output does not tell start from end; start first is right: {tried}."
    return f"The model's output does not tell start from end; start first is a convention, not checked: {tried}."


def _spans(backend: Backend, samples: Samples, grid: Grid) -> Iterator[tuple[int, int]]:
    """Yield the likeliest start and end of a few questions, as positions of tokens."""
    if samples.lengths is None:
        return
    indices = np.linspace(0, samples.count - 1, min(_QUESTIONS, samples.count)).astype(np.intp)
    samples.load(indices.tolist())
    for index, bucket in zip(indices, buckets(samples.lengths[indices], grid), strict=True):
        logits = backend.run(samples.batch(np.array([index]), grid.lengths[bucket]))
        # The first token means that there is no answer.
        start, end = logits[0, 1 : samples.lengths[index]].argmax(axis=0).tolist()
        yield start, end
    samples.unload(indices.tolist())
