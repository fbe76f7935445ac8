"""Which benchmark a model's name stands for, by a round's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.rules.rounds import Round


def benchmark_of(model: str, rules: Round, mapping: Mapping[str, str]) -> str | None:
    """Give the benchmark of a model: by its name, a known other name, the submitter's mapping, or a guess."""
    named = rules.submission
    if model in rules.benchmarks:
        return model
    found = named.model_names.get(model) or mapping.get(model)
    return found or next((benchmark for part, benchmark in named.model_guesses if part in model), None)
