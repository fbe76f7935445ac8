"""A study on real engines: its plan, and the descriptions of models and engines that earlier steps write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mlperf_home.contracts.codec import OpenDocument
from mlperf_home.contracts.runs.job import Scenario
from mlperf_home.contracts.studies.race import Belief, Settings
from mlperf_home.contracts.studies.space import SpaceDocument
from scriptgraph.files.json_reader import Limits

SEARCHERS = ("race", "tpe", "nsga2")

PLAN_LIMITS = Limits(size=64 << 20, depth=16, values=2_000_000)
"""Limits for a space with a prior and a candidate for each of up to 100,000 models."""
DESCRIPTION_LIMITS = Limits(size=1 << 20, depth=8, values=10_000)
"""Limits for a dozen values, some of them paths."""


@dataclass(frozen=True)
class Candidate:
    """A model of the space, with its files.

    Attributes:
        name: the name in results.
        path: the model's file.
        dataset: the folder of the preprocessed dataset.
        questions: the file of the original questions, if scoring requires it.
        weight_type: the data type of the weights, for the measurement; empty if unknown.
        source: the origin of the model, for the measurement.
    """

    name: str
    path: str
    dataset: str
    questions: str = ""
    weight_type: str = ""
    source: str = ""


@dataclass(frozen=True)
class EngineEnvironment:
    """An environment with an engine: its Python, the command's words before it, and the system's name in results."""

    python: str
    prefix: tuple[str, ...]
    system: str


@dataclass(frozen=True)
class RunConditions:
    """The conditions of all runs of a study.

    Attributes:
        style: the length of official runs: valid, fast, sample or test.
        dataset_kind: the kind of the dataset in the harness' job.
        sample: whether the data is sample data; without a dataset, whether the models are the sample's.
        test_query_count: the query count of test runs; None for the default.
        options: the options of the engine, in addition to those of the space's axes.
        calibration_s: the time in seconds for each calibration, whose choice all points of a model share.
        without_dataset: whether accuracies are copied from others; the runs then use the sample's images.
    """

    round: str
    benchmark: str
    scenario: Scenario
    style: str
    dataset_kind: str
    sample: bool
    stall_timeout_s: float
    test_query_count: int | None
    options: Mapping[str, Any]
    calibration_s: float = 15.0
    without_dataset: bool = False


@dataclass(frozen=True)
class LeftOutModel:
    """A model that a race leaves out, because another one is predicted to dominate it.

    Attributes:
        by: the model that dominates it.
        z: the difference of the logarithms of their latencies, in its standard deviations.
        needed: the least z that makes a difference sure.
        latency_ms: its own latency as predicted.
        fetched: whether it was fetched and probed before it was left out.
        accuracy_percent: copied.
        accuracy_source: the origin of the accuracy, for people.
    """

    by: str
    z: float
    needed: float
    latency_ms: float
    fetched: bool
    accuracy_percent: float
    accuracy_source: str

    @property
    def reason(self) -> str:
        """The reason in words."""
        done = "probed, then predicted" if self.fetched else "not fetched: predicted"
        return f"{done} to be dominated by {self.by} (z = {self.z:.1f}; {self.needed:.1f} are sure)"


@dataclass(frozen=True)
class StudyPlan:
    """The plan of a study on real engines.

    Attributes:
        space: the space of points.
        budget_s: the budget of Optuna's searchers, in seconds; None for the race.
        priors: the priors of accuracies, by model.
        candidates: the models with files, by model.
        absent: the reason for each model without a file, by model.
        engines: the environments by backend; the first runs points without a backend of their own.
        folder: the folder of the experiment.
        work_dir: the folder for engines' derived files.
        dataset: the dataset's name and its number of samples; "" if unknown.
        left_out: the models that a prediction leaves out, by model; only without a dataset.
        predicting_s: the time of the probes for that prediction, in seconds.
        results: the folder of official runs; None for `results` in the study's folder.
        schema: the version of this format.
    """

    space: SpaceDocument
    settings: Settings
    searcher: str
    budget_s: float | None
    priors: Mapping[str, Belief]
    candidates: Mapping[str, Candidate]
    absent: Mapping[str, str]
    engines: Mapping[str, EngineEnvironment]
    running: RunConditions
    folder: Path
    work_dir: Path
    dataset: str = ""
    left_out: Mapping[str, LeftOutModel] = field(default_factory=dict)
    predicting_s: float = 0.0
    results: Path | None = None
    schema: Literal[1] = 1


class CandidateDescription(OpenDocument):
    """A `Candidate` as the step that fetches the model describes it.

    Attributes:
        model: the name of the model in the space.
        prior: the prior of the accuracy; None if none is published.
    """

    model: str
    name: str
    path: str
    dataset: str
    questions: str = ""
    weight_type: str = ""
    source: str = ""
    prior: Belief | None = None

    @property
    def candidate(self) -> Candidate:
        """The description without the parts that only the race uses."""
        return Candidate(self.name, self.path, self.dataset, self.questions, self.weight_type, self.source)


class StudyEngine(OpenDocument):
    """An engine as the step that installs it describes it; `system` is the system's name in results."""

    backend: str
    python: str
    version: str
    system: str


class SettledPoint(OpenDocument):
    """The choices of a point's first run that all later runs share; stored beside the journal.

    Attributes:
        options: the options that the engine chose.
        target: the best speed so far, in LoadGen's unit of the scenario's target.
        model_sha256: of all files of the model; None where 0.1 wrote it, or where the model's files are unknown.
    """

    options: Mapping[str, Any]
    target: float
    model_sha256: str | None = None
