"""From an accuracy log to start and end logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlperf_home.loadgen_logs.accuracy_log import AccuracyError, AccuracyLog

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# What the reference puts beyond the logits that an engine returned for a shorter row.
PADDING_LOGIT = -10000.0
_PAIR_BYTES = 8
_RUN_AGAIN = "run the accuracy mode again with the features given here"


class Logits(NamedTuple):
    """The logits of all features: (n, columns) float32 each, and the log's sha256."""

    start: NDArray[np.float32]
    end: NDArray[np.float32]
    log_sha256: str


def read_logits(path: Path, count: int, columns: int) -> Logits:
    """Read the result of every feature; a payload is float32 pairs (start, end), one per token.

    Raises:
        AccuracyError: the log is unreadable, truncated or damaged; a feature has no result, two results, too many
            logits or such that are not finite; or a result belongs to no feature.
    """
    start = np.full((count, columns), PADDING_LOGIT, dtype=np.float32)
    end = np.full((count, columns), PADDING_LOGIT, dtype=np.float32)
    seen = np.zeros(count, dtype=np.bool_)
    log = AccuracyLog(path)
    for qsl_idx, payload in log:
        problem = _problem(qsl_idx, payload, seen, columns)
        if problem:
            raise AccuracyError(path, problem, _RUN_AGAIN)
        pairs = np.frombuffer(payload, dtype="<f4").reshape(-1, 2)
        start[qsl_idx, : len(pairs)] = pairs[:, 0]
        end[qsl_idx, : len(pairs)] = pairs[:, 1]
        seen[qsl_idx] = True
    absent = np.flatnonzero(~seen)
    if len(absent):
        problem = f"has no result for {len(absent)} of {count} samples (the first is qsl_idx {absent[0]})"
        raise AccuracyError(path, problem, _RUN_AGAIN)
    infinite = np.flatnonzero(~(np.isfinite(start) & np.isfinite(end)).all(axis=1))
    if len(infinite):
        problem = f"holds logits that are not finite in {len(infinite)} samples (the first is qsl_idx {infinite[0]})"
        raise AccuracyError(path, problem, "check the model and the engine")
    return Logits(start, end, log.sha256)


def _problem(qsl_idx: int, payload: bytes, seen: NDArray[np.bool_], columns: int) -> str:
    if qsl_idx >= len(seen):
        return f"has a result for qsl_idx {qsl_idx}, but there are {len(seen)} samples"
    if seen[qsl_idx]:
        return f"has two results for qsl_idx {qsl_idx}"
    if len(payload) % _PAIR_BYTES:
        return f"has {len(payload)} bytes for qsl_idx {qsl_idx}: no whole pairs of float32 logits"
    if len(payload) > columns * _PAIR_BYTES:
        return f"has {len(payload) // _PAIR_BYTES} pairs of logits for qsl_idx {qsl_idx}, more than {columns}"
    return ""
