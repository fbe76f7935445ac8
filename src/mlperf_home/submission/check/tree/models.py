"""Which benchmark a model's name stands for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlperf_home.rules.model_names import benchmark_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlperf_home.rules import Round
    from mlperf_home.submission.check.tree.finding import Finding, Frame
    from mlperf_home.submission.check.tree.places import Submitter


__all__ = ["MappingError", "benchmark_of", "needs_mapping", "parse_mapping", "read_mapping"]


class MappingError(Exception):
    """A list of models and benchmarks cannot be read; the text says how to write it."""


def parse_mapping(text: str, rules: Round) -> dict[str, str]:
    """Read `model:benchmark,model:benchmark`, as users type it.

    Raises:
        MappingError: it has another form, or names a benchmark that the round does not know.
    """
    pairs = [part.partition(":") for part in text.split(",") if part.strip()]
    for model, colon, benchmark in pairs:
        if not (model.strip() and colon and benchmark.strip()):
            given = f"{model}{colon}{benchmark}"
            raise MappingError(f"{given!r} maps no model to a benchmark; write <model>:<benchmark>,<model>:<benchmark>")
        if benchmark.strip() not in rules.benchmarks:
            known = ", ".join(rules.benchmarks)
            raise MappingError(f"{model.strip()} cannot be mapped to {benchmark.strip()}; known are {known}")
    return {model.strip(): benchmark.strip() for model, _, benchmark in pairs}


def needs_mapping(model: str, benchmark: str, rules: Round) -> bool:
    """Say whether a model's name alone does not lead to its benchmark."""
    return benchmark_of(model, rules, {}) != benchmark


def read_mapping(frame: Frame, submitter: Submitter) -> tuple[dict[str, str], list[Finding]]:
    """Read a submitter's mapping; it is empty where there is none or it cannot be used."""
    folders = frame.rules.submission.folders
    path = submitter.folder / folders.mapping
    if not path.exists():
        return {}, []
    if submitter.division not in folders.mapping_divisions:
        problem = f"the {submitter.division} division takes no mapping of names"
        return {}, [frame.finding(path, "mapping-division", problem, "name models by their benchmark")]
    try:
        mapping = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        mapping = None
    if not isinstance(mapping, dict) or not all(isinstance(name, str) for name in mapping.values()):
        problem = "is no JSON object of texts"
        return {}, [frame.finding(path, "mapping-unreadable", problem, 'write {"<model>": "<benchmark>"}')]
    return mapping, list(_mapped(frame, submitter, mapping))


def _mapped(frame: Frame, submitter: Submitter, mapping: Mapping[str, str]) -> Iterator[Finding]:
    path = submitter.folder / frame.rules.submission.folders.mapping
    for model, benchmark in sorted(mapping.items()):
        if benchmark not in frame.rules.benchmarks:
            known = ", ".join(frame.rules.benchmarks)
            problem = f"maps {model} to {benchmark}, which is no benchmark known here"
            yield frame.finding(path, "mapping-benchmark", problem, f"name one of {known}")
