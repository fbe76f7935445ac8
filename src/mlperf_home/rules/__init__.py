"""The rules of each MLPerf round, as data: seeds, counts, durations, names, limits."""

from mlperf_home.rules.rounds import (
    DEFAULT_ROUND,
    LATEST,
    Round,
    UnknownRoundError,
    load_round,
    mlperf_conf,
    round_names,
    round_of_seed,
)

__all__ = [
    "DEFAULT_ROUND",
    "LATEST",
    "Round",
    "UnknownRoundError",
    "load_round",
    "mlperf_conf",
    "round_names",
    "round_of_seed",
]
