"""A round's rules, decoded from its data file, and its mlperf.conf; no other module holds a round's number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from mlperf_home.rules.submission import SubmissionRules, decode_submission

if TYPE_CHECKING:
    from collections.abc import Mapping

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline")
"""The scenarios by the names that LoadGen and the rules give them."""

_HEADER = """\
# MLPerf inference {name}: the rules' settings for LoadGen.
# A line is 'model.scenario.key = value'; '*' stands for every model or scenario.
# Durations and latencies are in milliseconds. user.conf may ask for more, never for less.
"""


class UnknownRoundError(Exception):
    """The round asked for has no data file; the text lists those that have."""


@dataclass(frozen=True)
class Seeds:
    """The three seeds that every result of a round must have been drawn with."""

    qsl_rng_seed: int
    sample_index_rng_seed: int
    schedule_rng_seed: int


@dataclass(frozen=True)
class ScenarioRules:
    """What a round asks of one scenario.

    Attributes:
        target_latency_percentile: the percentile of the latency metric, in percent.
        min_duration_ms: how long a run lasts at least.
        min_query_count: queries at least; in Offline samples, for LoadGen reads it so there.
        samples_per_query: samples issued together; None where LoadGen works it out (Offline).
        early_stopping_min_query_count: below this count LoadGen cannot estimate the percentile.
        target_latency_ms: the conf file's latency, or None.
        target_qps: the conf file's rate, or None.
    """

    target_latency_percentile: int
    min_duration_ms: int
    min_query_count: int
    samples_per_query: int | None
    early_stopping_min_query_count: int
    target_latency_ms: float | None = None
    target_qps: float | None = None


@dataclass(frozen=True)
class LoadGenModel:
    """What the conf file says of one model, by the name that LoadGen is given.

    Attributes:
        performance_sample_count: samples that a performance run keeps loaded; None: no line; 0: all.
        server_latency_ms: the latency limit of Server, or None for the scenario's.
        multi_stream_latency_ms: the latency line of MultiStream, or None.
        sample_concatenate_permutation: the scenarios (or "*") with equal issue mode.
    """

    performance_sample_count: int | None = None
    server_latency_ms: float | None = None
    multi_stream_latency_ms: float | None = None
    sample_concatenate_permutation: tuple[str, ...] = ()


@dataclass(frozen=True)
class Benchmark:
    """One benchmark of a round.

    Attributes:
        loadgen_model: the name LoadGen knows the model by.
        performance_sample_count: what the submission checker wants to find at least.
        dataset_sample_count: samples of the whole dataset, all of which an accuracy run has to have.
        accuracy_metric: the name of the accuracy metric ("F1").
        reference_accuracy: the reference model's accuracy, in the metric's unit.
        accuracy_fraction: the part of it that the closed division wants.
        scenarios: required scenarios by category ("edge", "datacenter").
        compliance_tests: the tests a closed result needs.
    """

    loadgen_model: str
    performance_sample_count: int
    dataset_sample_count: int
    accuracy_metric: str
    reference_accuracy: float
    accuracy_fraction: float
    scenarios: Mapping[str, tuple[str, ...]]
    compliance_tests: tuple[str, ...]

    @property
    def accuracy_threshold(self) -> float:
        """The lowest accuracy that the closed division takes."""
        return self.reference_accuracy * self.accuracy_fraction


@dataclass(frozen=True)
class Metric:
    """Which value of LoadGen's detail log is a scenario's result.

    Attributes:
        key: the log's key.
        unit: "samples_per_second" or "latency_ms".
        divisor: what the logged value is divided by to give that unit.
    """

    key: str
    unit: str
    divisor: float


@dataclass(frozen=True)
class Division:
    """Whether accuracy limits and compliance tests apply."""

    accuracy_threshold_applies: bool
    compliance_applies: bool


@dataclass(frozen=True)
class Round:
    """Everything that a round's data file says."""

    name: str
    seeds: Seeds
    test05_seeds: Seeds
    scenarios: Mapping[str, ScenarioRules]
    loadgen_models: Mapping[str, LoadGenModel]
    benchmarks: Mapping[str, Benchmark]
    divisions: Mapping[str, Division]
    metrics: Mapping[str, Metric]
    submission: SubmissionRules
    sources: Mapping[str, str]

    def required_scenarios(self, benchmark: str, category: str) -> tuple[str, ...]:
        """List the scenarios a category wants of a benchmark ("edge", "datacenter" or both, by a comma).

        A category that the benchmark does not know wants none.
        """
        wanted = self.benchmarks[benchmark].scenarios
        named = {name for part in category.split(",") for name in wanted.get(part.strip(), ())}
        return tuple(name for name in SCENARIOS if name in named)

    def benchmark_of(self, model: str, mapping: Mapping[str, str]) -> str | None:
        """Return the benchmark of a model: by its name, a known other name, the submitter's mapping, or a guess."""
        if model in self.benchmarks:
            return model
        found = self.submission.model_names.get(model) or mapping.get(model)
        return found or next((name for part, name in self.submission.model_guesses if part in model), None)


def round_names() -> tuple[str, ...]:
    """List the rounds that have a data file."""
    names = [entry.name for entry in resources.files(__package__).iterdir() if entry.name.endswith(".json")]
    return tuple(sorted(name.removesuffix(".json").replace("_", ".") for name in names))


def load_round(name: str) -> Round:
    """Read the rules of a round ("v3.1").

    Raises:
        UnknownRoundError: no data file for that round.
    """
    if name not in round_names():
        raise UnknownRoundError(f"no rules for round {name!r}; known rounds: {', '.join(round_names())}")
    text = resources.files(__package__).joinpath(name.replace(".", "_") + ".json").read_text("utf-8")
    document = json.loads(text, object_hook=_plain)
    kinds = {"scenarios": ScenarioRules, "loadgen_models": LoadGenModel, "benchmarks": Benchmark}
    kinds |= {"divisions": Division, "metrics": Metric}
    tables: dict[str, Any] = {
        key: {name: kind(**fields) for name, fields in document[key].items()} for key, kind in kinds.items()
    }
    return Round(
        name=document["round"],
        seeds=Seeds(**document["seeds"]),
        test05_seeds=Seeds(**document["test05_seeds"]),
        submission=decode_submission(document["submission"]),
        sources=document["sources"],
        **tables,
    )


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Make lists tuples; where a section is from is for people."""
    pairs = ((key, value) for key, value in fields.items() if key != "source")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in pairs}


def mlperf_conf(rules: Round) -> str:
    """Render the mlperf.conf of a round, in the format that LoadGen's FromConfig reads."""
    seeds: dict[str, float | None] = {f"*.*.{name}": seed for name, seed in vars(rules.seeds).items()}
    seeds |= {f"*.*.test05_{name}": seed for name, seed in vars(rules.test05_seeds).items()}
    blocks = [seeds]
    for scenario in SCENARIOS:
        wanted = rules.scenarios[scenario]
        settings = {
            "target_latency_percentile": wanted.target_latency_percentile,
            "min_duration": wanted.min_duration_ms,
            "min_query_count": wanted.min_query_count,
            "samples_per_query": wanted.samples_per_query if scenario == "MultiStream" else None,
            "target_latency": wanted.target_latency_ms,
            "target_qps": wanted.target_qps,
        }
        blocks.append({f"*.{scenario}.{key}": value for key, value in settings.items()})
    models: dict[str, float | None] = {}
    for name, model in rules.loadgen_models.items():
        models[f"{name}.*.performance_sample_count_override"] = model.performance_sample_count
        models[f"{name}.Server.target_latency"] = model.server_latency_ms
        models[f"{name}.MultiStream.target_latency"] = model.multi_stream_latency_ms
        same = model.sample_concatenate_permutation
        models |= {f"{name}.{scenario}.sample_concatenate_permutation": 1 for scenario in same}
    blocks.append(models)
    texts = ("".join(f"{key} = {value}\n" for key, value in block.items() if value is not None) for block in blocks)
    return "\n".join([_HEADER.format(name=rules.name), *texts])
