"""A trial of engines with their models: what is tried, the messages of its processes, and its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from mlperf_home.contracts.codec import Document, OpenDocument
from mlperf_home.contracts.runs.job import Scenario


class TrialEntry(Document):
    """An engine with a model.

    Attributes:
        backend: the engine's name.
        version: the engine's version; "" if unknown.
        python: the words before the engine's Python, and that Python.
        model: the model's name in results.
        variation: the variation of the script that gets the model; "" for the only model.
        model_path: the model's file.
        options: options of the engine.
        f1_percent: the known F1 of this very file; None if it has to be checked.
        f1_source: the origin of the known F1.
    """

    backend: str
    version: str
    python: tuple[str, ...]
    model: str
    variation: str
    model_path: Path
    options: Mapping[str, Any] = {}
    f1_percent: float | None = None
    f1_source: str = ""

    @property
    def name(self) -> str:
        """The entry for people."""
        return f"{self.backend} with {self.model}"


class TrialPlan(Document):
    """A trial.

    Attributes:
        entries: what is tried, the preferred one of equals first.
        scenario: its speed is compared: the rate, or in SingleStream the 90th percentile of calls.
        gate_percent: the least F1.
        features: the folder of preprocessed questions, for checks.
        questions: the file of these questions.
        work_dir: an existing folder for derived files of the engines.
        cores: the cores of each engine; None for all.
        budget_s: the time in seconds for slices; openings and checks come in addition.
        check_s: the time in seconds for the check of one F1.
    """

    entries: tuple[TrialEntry, ...]
    scenario: Scenario
    gate_percent: float
    features: Path
    questions: Path
    work_dir: Path
    cores: int | None
    budget_s: float
    check_s: float


class WorkerSetup(Document):
    """The first line to the process of an engine: its entry, and what all entries share."""

    entry: TrialEntry
    plan: TrialPlan


class WorkerOrder(Document):
    """A later line: one slice at a probed length, by its position."""

    probe: int


class WorkerReply(OpenDocument):
    """The answer to a line.

    Attributes:
        error: the reason why the engine refuses; "" without one.
        details: the engine's own details, after its opening.
        accuracy: the F1 in words, after its opening.
        seconds: the seconds per sample of a slice.
        calls: the number of calls of the slice.
        disturbed_because: the disturbances so far.
    """

    error: str = ""
    details: Mapping[str, Any] = {}
    accuracy: str = ""
    seconds: float = 0.0
    calls: int = 0
    disturbed_because: tuple[str, ...] = ()


class TriedEngine(OpenDocument):
    """An entry's outcome.

    Attributes:
        share: its speed as a share of the chosen one's; None if it was not measured.
        samples_per_second: its speed over the probed lengths.
        accuracy: its F1 in words.
        precision: the type of its arithmetic, as the engine tells; "" if it does not.
        left_out: the reason why it was not measured to the end; "" if it was.
    """

    name: str
    backend: str
    version: str
    model: str
    variation: str
    samples_per_second: float | None = None
    share: float | None = None
    accuracy: str = ""
    precision: str = ""
    left_out: str = ""


class EngineSelection(OpenDocument):
    """The outcome of a trial.

    Attributes:
        chosen: the position of the chosen entry in `tried`.
        tried: all entries.
        certainty: the choice's margin and doubt in words.
        settled: whether the choice was clear before the time was over.
    """

    schema: Literal[1] = 1
    scenario: Scenario
    chosen: int
    tried: tuple[TriedEngine, ...]
    certainty: str
    gate_percent: float
    elapsed_s: float
    settled: bool = False
    disturbed_because: tuple[str, ...] = ()
    made_utc: str = ""

    @property
    def winner(self) -> TriedEngine:
        """The chosen entry."""
        return self.tried[self.chosen]

    @property
    def losers(self) -> list[str]:
        """Each other entry in words, with its figures or its reason."""
        return [_loser_words(each) for position, each in enumerate(self.tried) if position != self.chosen]


def _loser_words(tried: TriedEngine) -> str:
    if tried.share is None:
        return f"{tried.name}: {tried.left_out}"
    return f"{tried.name}: {tried.share:.2f} of its speed"
