"""A round's rules, decoded from its data file, and its mlperf.conf; no other module holds a round's number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from mlperf_home.rules.submission import SubmissionRules, decode_submission, tuples

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
        parts = [part.strip() for part in category.split(",")]
        return tuple(name for name in SCENARIOS if any(name in wanted.get(part, ()) for part in parts))

    def benchmark_of(self, model: str, mapping: Mapping[str, str]) -> str | None:
        """Return the benchmark of a model: by its name, a known other name, the submitter's mapping, or a guess."""
        named = self.submission
        if model in self.benchmarks:
            return model
        found = named.model_names.get(model) or mapping.get(model)
        return found or next((benchmark for part, benchmark in named.model_guesses if part in model), None)


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
    return _decode(json.loads(text))


def _decode(document: Mapping[str, Any]) -> Round:
    sections = {key: tuples(value) for key, value in document.items() if isinstance(value, dict)}
    for section in sections.values():
        section.pop("source", None)
    benchmarks = {
        key: {**value, "scenarios": tuples(value["scenarios"])} for key, value in sections["benchmarks"].items()
    }
    return Round(
        name=document["round"],
        seeds=Seeds(**sections["seeds"]),
        test05_seeds=Seeds(**sections["test05_seeds"]),
        scenarios={key: ScenarioRules(**value) for key, value in sections["scenarios"].items()},
        loadgen_models={key: LoadGenModel(**tuples(value)) for key, value in sections["loadgen_models"].items()},
        benchmarks={key: Benchmark(**tuples(value)) for key, value in benchmarks.items()},
        divisions={key: Division(**value) for key, value in sections["divisions"].items()},
        metrics={key: Metric(**value) for key, value in sections["metrics"].items()},
        submission=decode_submission(sections["submission"]),
        sources=document["sources"],
    )


def mlperf_conf(rules: Round) -> str:
    """Render the mlperf.conf of a round, in the format that LoadGen's FromConfig reads."""
    seeds = {f"*.*.{name}": seed for name, seed in vars(rules.seeds).items()}
    seeds |= {f"*.*.test05_{name}": seed for name, seed in vars(rules.test05_seeds).items()}
    lines = [_HEADER.format(name=rules.name), *_lines(seeds), ""]
    for scenario in SCENARIOS:
        settings = _scenario_settings(scenario, rules.scenarios[scenario])
        lines += [*_lines({f"*.{scenario}.{key}": value for key, value in settings.items()}), ""]
    for name, model in rules.loadgen_models.items():
        lines += _lines({f"{name}.{key}": value for key, value in _model_settings(model).items()})
    return "\n".join(lines) + "\n"


def _lines(settings: Mapping[str, float | None]) -> list[str]:
    return [f"{key} = {value}" for key, value in settings.items() if value is not None]


def _scenario_settings(scenario: str, rules: ScenarioRules) -> dict[str, float | None]:
    return {
        "target_latency_percentile": rules.target_latency_percentile,
        "min_duration": rules.min_duration_ms,
        "min_query_count": rules.min_query_count,
        "samples_per_query": rules.samples_per_query if scenario == "MultiStream" else None,
        "target_latency": rules.target_latency_ms,
        "target_qps": rules.target_qps,
    }


def _model_settings(model: LoadGenModel) -> dict[str, float | None]:
    return {
        "*.performance_sample_count_override": model.performance_sample_count,
        "Server.target_latency": model.server_latency_ms,
        "MultiStream.target_latency": model.multi_stream_latency_ms,
        **{f"{scenario}.sample_concatenate_permutation": 1 for scenario in model.sample_concatenate_permutation},
    }
