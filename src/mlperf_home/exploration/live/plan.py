"""What a study on real engines is to do: one JSON file, written by the front."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.exploration.definition.answer import About
from mlperf_home.exploration.definition.settings import Belief, Protocol, Settings
from mlperf_home.exploration.definition.space import Space, decode_space

if TYPE_CHECKING:
    from collections.abc import Mapping

SEARCHERS = ("race", "tpe", "nsga2")
_SCHEMA = 1


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
class Engine:
    """An environment with an engine: its Python with what goes before it, and the system's name in results."""

    python: str
    prefix: tuple[str, ...]
    system: str


@dataclass(frozen=True)
class Running:
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
    scenario: str
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
        space: the space as JSON.
        priors: what is believed of models' accuracy, by model.
        candidates: by model; a model that could not be had is in `absent`, with the reason.
        engines: by the backend's name; the first is that of points without a backend of their own.
        budget_s: of Optuna's searchers; None for the race.
        folder: the experiment's.
        work_dir: for derived files of engines.
    """

    space: Mapping[str, Any]
    settings: Settings
    searcher: str
    budget_s: float | None
    priors: Mapping[str, Belief]
    candidates: Mapping[str, Candidate]
    absent: Mapping[str, str]
    engines: Mapping[str, Engine]
    running: Running
    folder: Path
    work_dir: Path

    @property
    def points(self) -> Space:
        """The space."""
        return decode_space(self.space, "the study's space")

    @property
    def about(self) -> About:
        """What its answer is the answer to."""
        system = next(iter(self.engines.values())).system
        name, settings = str(self.space["name"]), self.settings
        return About(name, self.running.sample, system, settings.directions, 1 - settings.risk)


def to_json(plan: StudyPlan) -> str:
    """Write a plan."""
    return json.dumps(asdict(plan) | {"schema": _SCHEMA}, indent=1, default=str) + "\n"


def read_plan(path: Path) -> StudyPlan:
    """Read what `to_json` wrote."""
    document = json.loads(path.read_text("utf-8"))
    if document.pop("schema") != _SCHEMA:
        raise ValueError(f"{path}: is no plan of schema {_SCHEMA}")
    settings, engines = document["settings"], document["engines"].items()
    settings |= {"metrics": tuple(settings["metrics"]), "protocol": Protocol(**settings["protocol"])}
    document |= {
        "settings": Settings(**settings),
        "priors": {model: Belief(**each) for model, each in document["priors"].items()},
        "candidates": {model: Candidate(**each) for model, each in document["candidates"].items()},
        "engines": {name: Engine(each["python"], tuple(each["prefix"]), each["system"]) for name, each in engines},
        "running": Running(**document["running"]),
        "folder": Path(document["folder"]),
        "work_dir": Path(document["work_dir"]),
    }
    return StudyPlan(**document)
