"""experiment.json: what an experiment is, and what made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import field

from mlperf_home.contracts.codec import Document, OpenDocument
from mlperf_home.contracts.race import Settings
from mlperf_home.contracts.space import SpaceDocument
from mlperf_home.contracts.study import RunConditions
from scriptgraph.files.json_reader import Limits

EXPERIMENT_LIMITS = Limits(size=32 << 20, depth=32, values=1_000_000)
"""A description holds what made it: the values of a grid, or a space of up to a hundred thousand points."""


class ExperimentDescription(OpenDocument):
    """What an experiment is; written once.

    Attributes:
        schema: of this document.
        name: unique in its folder of experiments.
        kind: grid, exploration or import.
        tags: to find it by.
        sample: whether it was made with sample data: no MLPerf results.
        made_by: what made it: `CommandOrigin`, `ExplorationOrigin` or `ImportOrigin` as JSON. Only compared as a whole,
            but for a grid's.
        created: when, in UTC, ISO 8601.
    """

    schema: Literal[1] = 1
    name: str
    kind: str
    tags: tuple[str, ...]
    sample: bool
    made_by: Mapping[str, Any]
    created: str


class CommandOrigin(OpenDocument):
    """A command's words with {{VARIABLE}} in them, and the values of each variable."""

    command: tuple[str, ...]
    values: Mapping[str, tuple[str | int | float, ...]]


class ValueRange(Document):
    """Numbers from the first by a step to the last, as a user writes them."""

    first: int | float = field(name="from")
    last: int | float = field(name="to")
    step: int | float = 1


class ExplorationOrigin(Document):
    """A study; the versions of its engines by their names."""

    space: SpaceDocument
    settings: Settings
    searcher: str
    budget_s: float | None
    running: RunConditions
    engines: Mapping[str, str]
    system: str


class ImportOrigin(Document):
    """A file, and what kind of table it is."""

    input: str
    kind: str
