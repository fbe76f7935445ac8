"""A study on real engines: its plan, and what the steps before it describe: models, engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlperf_home.contracts.codec import OpenDocument
from mlperf_home.contracts.job import Scenario
from mlperf_home.contracts.race import Belief, Settings
from mlperf_home.contracts.space import SpaceDocument
from scriptgraph.files.json_reader import Limits

SEARCHERS = ("race", "tpe", "nsga2")

PLAN_LIMITS = Limits(size=64 << 20, depth=16, values=2_000_000)
"""A plan holds a space, and a prior and a candidate for each of up to a hundred thousand models."""
DESCRIPTION_LIMITS = Limits(size=1 << 20, depth=8, values=10_000)
"""A description has a dozen values, one of them a path."""


@dataclass(frozen=True)
class Candidate:
    """A model of the space.

    Attributes:
        name: under which its results are reported.
        path: its file.
        dataset: the preprocessed dataset that it is fed from.
        questions: the file that the dataset was made of, where scoring needs it.
        weight_type: of its weights, for the measurement; empty where nobody says.
        source: where it is from, for the measurement.
    """

    name: str
    path: str
    dataset: str
    questions: str = ""
    weight_type: str = ""
    source: str = ""


@dataclass(frozen=True)
class EngineEnvironment:
    """An environment with an engine: its Python with what goes before it, and the system's name in results."""

    python: str
    prefix: tuple[str, ...]
    system: str


@dataclass(frozen=True)
class RunConditions:
    """How points are run.

    Attributes:
        style: the official run's length: valid, fast, sample or test.
        test_query_count: of a test run; None for its default.
        options: the engine's, beside those of the space's axes.
        dataset_kind: as the harness' job has it.
        sample: whether this is sample data.
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


@dataclass(frozen=True)
class StudyPlan:
    """A study on real engines.

    Attributes:
        space: the space.
        priors: what is believed of models' accuracy, by model.
        candidates: by model; a model that could not be had is in `absent`, with the reason.
        engines: by the backend's name; the first is that of points without a backend of their own.
        budget_s: of Optuna's searchers; None for the race.
        folder: the experiment's.
        work_dir: for derived files of engines.
        schema: of this document.
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
    schema: Literal[1] = 1


class CandidateDescription(OpenDocument):
    """A model as the step that brings it describes it; see `Candidate`.

    Attributes:
        model: its name in the space.
        prior: what is believed of its accuracy; None where nobody says anything.
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
        """The same without what is only the race's."""
        return Candidate(self.name, self.path, self.dataset, self.questions, self.weight_type, self.source)


class EngineDescription(OpenDocument):
    """An engine as the step that brings it describes it; `system` is the system's name in results."""

    backend: str
    python: str
    version: str
    system: str


class SettledPoint(OpenDocument):
    """What the first run of a point decided for all later ones; kept beside the journal.

    Attributes:
        options: of the engine, as it chose them.
        target: the best speed so far, in LoadGen's unit of the scenario's target.
        model_sha256: of all files of the model; None where 0.1 wrote it, or where the model's files are unknown.
    """

    options: Mapping[str, Any]
    target: float
    model_sha256: str | None = None
