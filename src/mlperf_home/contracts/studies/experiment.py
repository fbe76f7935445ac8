"""experiment.json: the description of an experiment, with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import field

from mlperf_home.contracts.codec import Document, OpenDocument
from mlperf_home.contracts.studies.race import Settings
from mlperf_home.contracts.studies.space import SpaceDocument
from mlperf_home.contracts.studies.study import RunConditions
from scriptgraph.files.json_reader import Limits

EXPERIMENT_LIMITS = Limits(size=32 << 20, depth=32, values=1_000_000)
"""Limits for the values of a grid, or for a space of up to 100,000 points."""


class ExperimentDescription(OpenDocument):
    """The description of an experiment; written once.

    Attributes:
        schema: the version of this format.
        name: unique in the folder of experiments.
        kind: grid, exploration or import.
        tags: the tags to find the experiment by.
        sample: whether it was made with sample data: no MLPerf results.
        made_by: the origin, as JSON: a `CommandOrigin`, which is decoded again; or an `ExplorationOrigin` or
            `ImportOrigin`, which are only compared.
        created: the time of creation in UTC, ISO 8601.
    """

    schema: Literal[1] = 1
    name: str
    kind: str
    tags: tuple[str, ...]
    sample: bool
    made_by: Mapping[str, Any]
    created: str


class CommandOrigin(OpenDocument):
    """The words of a command with {{VARIABLE}} placeholders, and the values of each variable."""

    command: tuple[str, ...]
    values: Mapping[str, tuple[str | int | float, ...]]


class ValueRange(Document):
    """Numbers from the first to the last, a step apart, as a user writes them."""

    first: int | float = field(name="from")
    last: int | float = field(name="to")
    step: int | float = 1


class ExplorationOrigin(Document):
    """A study, with the versions of its engines by backend."""

    space: SpaceDocument
    settings: Settings
    searcher: str
    budget_s: float | None
    running: RunConditions
    engines: Mapping[str, str]
    system: str


class ExploredRuns(OpenDocument):
    """The runs that an exploration compares; empty where its origin does not tell."""

    benchmark: str = ""
    scenario: str = ""


class ImportOrigin(Document):
    """An imported file, and its kind of table."""

    input: str
    kind: str
