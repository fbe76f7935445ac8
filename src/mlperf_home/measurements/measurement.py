"""A measurement: the values of a run, each with its origin; nothing is invented."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import decode
from mlperf_home.errors import LocatedError
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, parse_json, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SCHEMA_VERSION = 1
"""The version of measurement.schema.json; raised if a reader of the old form would misread the new one."""

ORIGINS = ("measured", "inferred", "copied", "unknown")
"""Origins of values: our run, a computation from other values, another source, none."""

MACHINE_FACTS = frozenset({"name", "host_processor_model_name", "sockets", "cores", "memory_total_bytes"})
"""The facts of a measurement's system. Cores are those of one socket, as in MLPerf's tables."""

DATASET = "dataset"
"""The value with the dataset's name and its number of samples; measurements of version 0.1 lack it."""

NOISY = "noisy: "
"""The prefix of warnings about disturbances of a run."""

PUBLISHED, MEASURED_2023 = "published_top1_percent", "measured_2023_top1_percent"
MEASURED_2023_SOURCE = "MLPerf inference v3.1, mlcommons/cm4mlperf-results"
# SQLite, the index of a store, holds integers of 64 bits.
_TOO_LARGE = 1 << 63
_USERS_OWN = "the user's file"
_UNKNOWN = "it is the user's own model, and they have not told"
_ADVICE = "use a measurement written by this version of mlperf-home"
MEASUREMENT_LIMITS = Limits(size=4 << 20, depth=8, values=100_000)
"""A measurement has some hundred values; its reasons and warnings are sentences."""


class MeasurementError(LocatedError):
    """A JSON text or file is no valid measurement."""


@dataclass(frozen=True)
class Value:
    """One value; its unit is part of its name.

    Attributes:
        value: a number, a text, or None if it is unknown; older measurements may hold booleans.
        origin: one of ORIGINS.
        source: its place ("performance/run_1/mlperf_log_detail.txt: result_samples_per_second"), or None.
        reason: the reason why it is unknown, or the basis of an inferred value; None otherwise.
    """

    value: bool | int | float | str | None
    origin: str
    source: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.origin not in ORIGINS:
            raise ValueError(f"origin must be one of {', '.join(ORIGINS)}, got {self.origin!r}")
        if (self.origin == "unknown") != (self.value is None):
            raise ValueError("a value is None if and only if its origin is unknown")
        if self.origin in {"unknown", "inferred"} and not self.reason:
            raise ValueError(f"a value that is {self.origin} needs a reason")
        if isinstance(self.value, int) and abs(self.value) >= _TOO_LARGE:
            raise ValueError("a whole number has less than 64 bits")
        if isinstance(self.value, float) and not isfinite(self.value):
            raise ValueError("a number is finite")

    @property
    def number(self) -> float | None:
        """The value as a number; None if it is unknown, a text, or true or false."""
        return None if self.value is None or isinstance(self.value, (str, bool)) else float(self.value)


def unknown(reason: str) -> Value:
    """Return an unknown value with its reason."""
    return Value(None, "unknown", reason=reason)


@dataclass(frozen=True)
class Measurement:
    """One validated result.

    Attributes:
        round: the MLPerf round whose rules the run followed.
        benchmark: the benchmark's name ("bert-99").
        scenario: the scenario's name.
        sample: whether it was made with sample data: never a result of the benchmark.
        sample_note: a description of the sample data, or "".
        validity: LoadGen's "VALID" or "INVALID"; None without a performance run.
        reasons: the reasons why it is INVALID, each with advice.
        unofficial_because: the known obstacles to a submission.
        engine: name, version and details of the engine.
        model: name, path and sha256 of the model.
        system: facts about the machine, by name.
        values: the measured values, by name with unit.
        logs: sha256 and size in bytes of the raw logs, by path within the result's folder.
        warnings: sentences to show beside the result.
        schema: SCHEMA_VERSION.
    """

    round: str
    benchmark: str
    scenario: str
    sample: bool
    sample_note: str
    validity: str | None
    reasons: tuple[str, ...]
    unofficial_because: tuple[str, ...]
    engine: Mapping[str, Value]
    model: Mapping[str, Value]
    system: Mapping[str, Value]
    values: Mapping[str, Value]
    logs: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...]
    schema: int = SCHEMA_VERSION


GROUPS = ("engine", "model", "system", "values")
_KEYS = frozenset(field.name for field in fields(Measurement))
_VALUE_KEYS = frozenset(field.name for field in fields(Value))


def to_json(measurement: Measurement) -> str:
    """Return a measurement as JSON text; equal measurements have equal texts."""
    return json.dumps(asdict(measurement), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def from_json(text: str | bytes, where: str = "measurement") -> Measurement:
    """Decode a measurement from JSON text.

    Raises:
        MeasurementError: the text is not JSON, has another schema version, or a key is missing, unknown or malformed.
    """
    try:
        return _decoded(parse_json(text, where, MEASUREMENT_LIMITS), where)
    except DocumentError as error:
        raise MeasurementError(where, error.problem, _ADVICE) from None


def read_measurement(path: Path, where: str = "") -> Measurement:
    """Read a measurement's file; errors name `where`, or the path.

    Raises:
        MeasurementError: the file cannot be read, or is no valid measurement (see `from_json`).
    """
    try:
        return _decoded(read_json(path, MEASUREMENT_LIMITS), where or str(path))
    except DocumentError as error:
        raise MeasurementError(where or path, error.problem, _ADVICE) from None


def _decoded(document: Any, where: str) -> Measurement:
    if not isinstance(document, dict) or document.get("schema") != SCHEMA_VERSION:
        raise MeasurementError(where, f"is not a measurement of schema {SCHEMA_VERSION}", _ADVICE)
    if document.keys() != _KEYS:
        odd = ", ".join(sorted(document.keys() ^ _KEYS))
        raise MeasurementError(where, f"has missing or unknown keys: {odd}", _ADVICE)
    try:
        measurement = decode(document, Measurement, where)
    except DocumentError as error:
        place, problem = next(_faults(document), (error.pointer, error.problem))
    else:
        place, problem = next(_unknown_keys(document), ("", ""))
    if problem:
        raise MeasurementError(f"{where}#{place}", f"holds a malformed value ({problem})", _ADVICE)
    return measurement


def _faults(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the pointer and the problem of each malformed value."""
    for group in GROUPS:
        for name, value in document[group].items() if isinstance(document[group], Mapping) else ():
            if fault := _fault(value):
                yield f"/{group}/{name}{fault.pointer}", fault.problem


def _fault(value: Any) -> DocumentError | None:
    try:
        decode(value, Value, "")
    except DocumentError as error:
        return error
    return None


def _unknown_keys(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for group in GROUPS:
        for name, value in document[group].items():
            if not value.keys() <= _VALUE_KEYS:
                yield f"/{group}/{name}", f"unknown key {min(value.keys() - _VALUE_KEYS)}"


@dataclass(frozen=True)
class Weights:
    """The type of a model's weights ("int8", "unknown" or "") and the model's source, from the model's step.

    `transformation` is what was done to the published weights here; "" for nothing.
    """

    data_type: str
    source: str
    transformation: str = ""


def with_weights(measurement: Measurement, weights: Weights) -> Measurement:
    """Add facts about the weights; those of a user's own model are unknown."""
    own = not weights.source or weights.source.startswith(_USERS_OWN)
    known_type = weights.data_type not in {"", "unknown"}
    as_published = Value("no", "copied", "nothing of ours trains a model that is measured")
    untouched = Value("none", "copied", "nothing of ours changes such a model")
    changed = Value(weights.transformation, "copied", "the model's step") if weights.transformation else untouched
    facts = {
        "weight_type": Value(weights.data_type, "copied", "the model's step") if known_type else unknown(_UNKNOWN),
        "retraining": unknown(_UNKNOWN) if own else as_published,
        "weight_transformations": unknown(_UNKNOWN) if own else changed,
        "source": Value(weights.source, "copied", "the model's step") if weights.source else unknown(_UNKNOWN),
    }
    return replace(measurement, model={**measurement.model, **facts})


def with_trial(measurement: Measurement, certainty: str, others: Sequence[str]) -> Measurement:
    """Add the trial that chose the engine: how certain the choice is, and the other engines with their figures."""
    source = "the trial of engines"
    facts = {"trial": Value(certainty, "measured", source)}
    if others:
        facts["trial_others"] = Value("; ".join(others), "measured", source)
    return replace(measurement, engine={**measurement.engine, **facts})


@dataclass(frozen=True)
class PublishedTop1:
    """Top-1 accuracies in percent on the whole validation set of ImageNet; None if unknown.

    Attributes:
        top1: the value that the model's makers publish.
        source: the source of `top1`, or "".
        measured_2023: the value that the community's submissions of 2023 measured.
    """

    top1: float | None = None
    source: str = ""
    measured_2023: float | None = None


def with_published(measurement: Measurement, published: PublishedTop1) -> Measurement:
    """Add the known accuracies beside the measured one."""
    accuracies = {
        PUBLISHED: (published.top1, published.source or "source unknown"),
        MEASURED_2023: (published.measured_2023, MEASURED_2023_SOURCE),
    }
    known = {
        key: Value(percent, "copied", source) for key, (percent, source) in accuracies.items() if percent is not None
    }
    return replace(measurement, model={**measurement.model, **known})


def published_words(measurement: Measurement, *, with_source: bool = True) -> list[str]:
    """Return a phrase for each known accuracy: "published 70.9 (source)"."""
    texts = (
        (label, v.value if v.number is None else f"{v.number:g}", v.source) for label, v in _published(measurement)
    )
    return [f"{label} {text}{f' ({source})' if with_source else ''}" for label, text, source in texts]


def published_sources(measurement: Measurement) -> list[str]:
    """Return the source of each known accuracy: "published: source"."""
    return [f"{label}: {value.source}" for label, value in _published(measurement)]


def _published(measurement: Measurement) -> list[tuple[str, Value]]:
    labels = {PUBLISHED: "published", MEASURED_2023: "2023"}
    values = ((label, measurement.model.get(key)) for key, label in labels.items())
    return [(label, value) for label, value in values if value is not None and value.value is not None]
