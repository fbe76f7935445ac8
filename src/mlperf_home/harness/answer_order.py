"""Check on a few questions that a model's outputs hold the start of an answer before its end, if nothing else tells.

A model that has learnt its task ends few answers before they start, and nearly all if the two are swapped. Only
accuracy runs are checked, because nothing else reads the answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.onnx.outputs import HOW
from mlperf_home.harness.queries.parts import buckets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.contracts.runs.grids import Grid
    from mlperf_home.datasets.base import Samples
    from mlperf_home.engines.base import Backend, EngineDescription

_QUESTIONS = 16
_FEWEST, _CLEAR = 4, 0.75
_UNTOLD_BY = ("order", "axis")
_UNTOLD = "The model does not tell the start of an answer from its end"


def check_answer_order(
    backend: Backend, description: EngineDescription, samples: Samples, grid: Grid, model_path: Path
) -> str:
    """Infer a few questions if only the order of outputs tells start from end.

    Returns:
        A warning with the outcome; "" if nothing was to be checked.

    Raises:
        BackendError: the answers end before they start, or it is not clear which output is which.
    """
    outputs, origin = description.details.get("outputs"), description.details.get("outputs_by")
    if origin not in _UNTOLD_BY or not outputs:
        return ""
    pairs = [pair for pair in _spans(backend, samples, grid) if pair[0] != pair[1]]
    ordered = sum(start < end for start, end in pairs)
    tried = f"{ordered} of {len(pairs)} answers to the dataset's questions start before they end"
    decided = len(pairs) >= _FEWEST
    if decided and ordered >= _CLEAR * len(pairs):
        return f"{_UNTOLD}; {outputs[0]} is the start: {tried}."
    if decided and len(pairs) - ordered >= _CLEAR * len(pairs):
        turned = "end,start" if origin == "axis" else ",".join(reversed(outputs))
        raise BackendError(f"model {model_path}: only {tried}, so {outputs[0]} is the end; add {HOW % turned}")
    if origin == "axis":
        return f"{_UNTOLD}; {outputs[0]} is taken for the start, as in BERT's own code, unchecked: {tried}."
    problem = f"the names of its outputs ({', '.join(outputs)}) do not tell the start of an answer from its end"
    raise BackendError(f"model {model_path}: {problem}, and {tried}; name both by {HOW % 'START,END'}")


def order_warning(description: EngineDescription) -> str:
    """Return a warning for a run that is not checked, or ""."""
    return f"{_UNTOLD}; an accuracy run checks it." if description.details.get("outputs_by") in _UNTOLD_BY else ""


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
