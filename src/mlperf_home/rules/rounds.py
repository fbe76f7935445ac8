"""Load a round's rules from its data file and render its mlperf.conf; no other module holds a round's numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from mlperf_home.rules.submission import SubmissionRules, decode_submission

if TYPE_CHECKING:
    from collections.abc import Mapping

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline")
"""LoadGen's and the rules' names of the scenarios."""

DEFAULT_ROUND = "v3.1"
"""The round of the 2023 commands and of the challenges."""

LATEST = "latest"
"""The name that stands for the newest round."""

_HEADER = """\
# MLPerf inference {name}: the rules' settings for LoadGen.
# A line is 'model.scenario.key = value'; '*' stands for every model or scenario.
# Durations and latencies are in milliseconds. user.conf may ask for more, never for less.
"""


class UnknownRoundError(Exception):
    """The round has no data file; the text lists the known rounds."""


@dataclass(frozen=True)
class Seeds:
    """The three random seeds of every result of a round."""

    qsl_rng_seed: int
    sample_index_rng_seed: int
    schedule_rng_seed: int


@dataclass(frozen=True)
class ScenarioRules:
    """A round's requirements of one scenario.

    Attributes:
        target_latency_percentile: the percentile of the latency metric, in percent.
        min_duration_ms: the shortest duration of a run.
        min_query_count: the smallest number of queries; LoadGen counts samples in Offline.
        samples_per_query: samples issued together; None if LoadGen computes it (Offline).
        early_stopping_min_query_count: the smallest count from which LoadGen can estimate the percentile.
        target_latency_ms: the latency in mlperf.conf, or None.
        target_qps: the rate in mlperf.conf, or None.
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
    """The settings of mlperf.conf for one model of LoadGen.

    Attributes:
        performance_sample_count: samples that a performance run keeps loaded; 0 means all, None omits the line.
        server_latency_ms: the latency limit of Server; None for the scenario's default.
        multi_stream_latency_ms: the latency limit of MultiStream; None omits the line.
        offline_min_query_count: the smallest number of samples in Offline; None for the scenario's.
        sample_concatenate_permutation: the scenarios (or "*") with equal issue mode.
        other_settings: further settings of this model, by scenario (or "*") and key.
    """

    performance_sample_count: int | None = None
    server_latency_ms: float | None = None
    multi_stream_latency_ms: float | None = None
    offline_min_query_count: int | None = None
    sample_concatenate_permutation: tuple[str, ...] = ()
    other_settings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """One benchmark of a round.

    Attributes:
        loadgen_model: LoadGen's name of the model.
        performance_sample_count: the smallest number that the submission checker accepts.
        dataset_sample_count: the samples of the dataset, all of which an accuracy run must process.
        sample_unit: the samples in words: BERT's are features, of which a long question has several.
        accuracy_metric: the name of the accuracy metric ("F1").
        reference_accuracy: the reference model's accuracy, in the metric's unit.
        accuracy_fraction: the fraction of it that the closed division requires.
        scenarios: required scenarios by category ("edge", "datacenter").
        compliance_tests: the compliance tests that a closed result requires.
    """

    loadgen_model: str
    performance_sample_count: int
    dataset_sample_count: int
    accuracy_metric: str
    reference_accuracy: float
    accuracy_fraction: float
    scenarios: Mapping[str, tuple[str, ...]]
    compliance_tests: tuple[str, ...]
    sample_unit: str = "samples"

    @property
    def accuracy_threshold(self) -> float:
        """The lowest accuracy that the closed division accepts."""
        return self.reference_accuracy * self.accuracy_fraction


@dataclass(frozen=True)
class ResultMetric:
    """The value of LoadGen's detail log that is a scenario's result.

    Attributes:
        key: the log's key.
        unit: "samples_per_second" or "latency_ms".
        divisor: the logged value divided by it has that unit.
    """

    key: str
    unit: str
    divisor: float


@dataclass(frozen=True)
class Division:
    """Whether accuracy limits, compliance tests, and the smallest number of samples apply."""

    accuracy_threshold_applies: bool
    compliance_applies: bool
    minimum_samples_apply: bool = True


@dataclass(frozen=True)
class Round:
    """The content of a round's data file.

    Attributes:
        benchmarks: the benchmarks that this project runs.
        other_benchmarks: the round's benchmarks that only other tools run; submissions may hold them.
        test05_seeds: the seeds of TEST05; None in a round without this test.
        closed_on: the last day of submissions, ISO 8601; "" if unknown.
        embedded_in: the first and the last version of LoadGen with this round's seeds; ("", "") if unknown.
    """

    name: str
    seeds: Seeds
    test05_seeds: Seeds | None
    scenarios: Mapping[str, ScenarioRules]
    loadgen_models: Mapping[str, LoadGenModel]
    benchmarks: Mapping[str, Benchmark]
    other_benchmarks: Mapping[str, Benchmark]
    divisions: Mapping[str, Division]
    metrics: Mapping[str, ResultMetric]
    submission: SubmissionRules
    sources: Mapping[str, str]
    closed_on: str = ""
    embedded_in: tuple[str, str] = ("", "")

    @property
    def rehearsal(self) -> str:
        """Why a result for this round cannot be published any more; "" if nothing is known of that."""
        return f"{self.name} closed on {self.closed_on}: a result for it is a rehearsal" if self.closed_on else ""

    @property
    def submitted_benchmarks(self) -> dict[str, Benchmark]:
        """The benchmarks that a submission may hold, whoever ran them."""
        return {**self.benchmarks, **self.other_benchmarks}

    def min_query_count(self, scenario: str, benchmark: str) -> int:
        """Return the smallest number of queries of a benchmark's run, in Offline of samples."""
        model = self.loadgen_models[self.submitted_benchmarks[benchmark].loadgen_model]
        own = model.offline_min_query_count if scenario == "Offline" else None
        return self.scenarios[scenario].min_query_count if own is None else own

    def required_scenarios(self, benchmark: str, category: str) -> tuple[str, ...]:
        """Return the scenarios that a category requires of a benchmark; none for an unknown category.

        The category is "edge", "datacenter", or both joined by a comma.
        """
        by_category = self.submitted_benchmarks[benchmark].scenarios
        required = {name for part in category.split(",") for name in by_category.get(part.strip(), ())}
        return tuple(name for name in SCENARIOS if name in required)

    def benchmark_of(self, model: str, mapping: Mapping[str, str]) -> str | None:
        """Return a model's benchmark, by its name, a known alias, the submitter's mapping, or a part of its name."""
        if model in self.submitted_benchmarks or model in self.submission.benchmarks_not_held:
            return model
        known = self.submission.model_names.get(model) or mapping.get(model)
        return known or next((name for part, name in self.submission.model_guesses if part in model), None)


def round_names() -> tuple[str, ...]:
    """Return the names of the rounds with a data file."""
    names = [entry.name for entry in resources.files(__package__).iterdir() if entry.name.endswith(".json")]
    return tuple(sorted((name.removesuffix(".json").replace("_", ".") for name in names), key=_numbers))


def _numbers(name: str) -> list[int]:
    return [int(part) for part in name.removeprefix("v").split(".")]


def load_round(name: str) -> Round:
    """Read the rules of a round ("v3.1"); "latest" is the newest one.

    Raises:
        UnknownRoundError: the round has no data file.
    """
    if name == LATEST:
        name = round_names()[-1]
    if name not in round_names():
        raise UnknownRoundError(f"no rules for round {name!r}; known rounds: {', '.join(round_names())}, {LATEST}")
    text = resources.files(__package__).joinpath(name.replace(".", "_") + ".json").read_text("utf-8")
    document = json.loads(text, object_hook=_decode_lists)
    kinds = {"scenarios": ScenarioRules, "loadgen_models": LoadGenModel, "benchmarks": Benchmark}
    kinds |= {"other_benchmarks": Benchmark, "divisions": Division, "metrics": ResultMetric}
    tables: dict[str, Any] = {
        key: {name: kind(**fields) for name, fields in document[key].items()} for key, kind in kinds.items()
    }
    return Round(
        name=document["round"],
        seeds=Seeds(**document["seeds"]),
        test05_seeds=Seeds(**document["test05_seeds"]) if "test05_seeds" in document else None,
        closed_on=document.get("closed_on", ""),
        embedded_in=document.get("loadgen", {}).get("embedded", ("", "")),
        submission=decode_submission(document["submission"]),
        sources=document["sources"],
        **tables,
    )


def round_of_seed(qsl_rng_seed: object) -> str | None:
    """Return the name of the round that has this seed, None if none has."""
    return next((name for name in round_names() if load_round(name).seeds.qsl_rng_seed == qsl_rng_seed), None)


def _decode_lists(fields: dict[str, Any]) -> dict[str, Any]:
    """Turn lists into tuples and drop the sources, which are for readers of the file."""
    pairs = ((key, value) for key, value in fields.items() if key != "source")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in pairs}


def mlperf_conf(rules: Round) -> str:
    """Render a round's mlperf.conf in the format of LoadGen's FromConfig."""
    seeds: dict[str, float | None] = {f"*.*.{name}": seed for name, seed in vars(rules.seeds).items()}
    seeds |= (
        {f"*.*.test05_{name}": seed for name, seed in vars(rules.test05_seeds).items()} if rules.test05_seeds else {}
    )
    blocks = [seeds]
    by_model = any(model.offline_min_query_count for model in rules.loadgen_models.values())
    for scenario in SCENARIOS:
        limits = rules.scenarios[scenario]
        settings = {
            "target_latency_percentile": limits.target_latency_percentile,
            "min_duration": limits.min_duration_ms,
            "min_query_count": None if scenario == "Offline" and by_model else limits.min_query_count,
            "samples_per_query": limits.samples_per_query if scenario == "MultiStream" else None,
            "target_latency": limits.target_latency_ms,
            "target_qps": limits.target_qps,
        }
        blocks.append({f"*.{scenario}.{key}": value for key, value in settings.items()})
    models: dict[str, float | None] = {}
    for name, model in rules.loadgen_models.items():
        models[f"{name}.*.performance_sample_count_override"] = model.performance_sample_count
        models[f"{name}.Server.target_latency"] = model.server_latency_ms
        models[f"{name}.MultiStream.target_latency"] = model.multi_stream_latency_ms
        models[f"{name}.Offline.min_query_count"] = model.offline_min_query_count
        same = model.sample_concatenate_permutation
        models |= {f"{name}.{scenario}.sample_concatenate_permutation": 1 for scenario in same}
        models |= {f"{name}.{key}": value for key, value in model.other_settings.items()}
    blocks.append(models)
    texts = ("".join(f"{key} = {value}\n" for key, value in block.items() if value is not None) for block in blocks)
    return "\n".join([_HEADER.format(name=rules.name), *texts])
