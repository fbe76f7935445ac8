"""A measurement: what a run says, value by value, each with its origin; nothing is invented."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import decode
from mlperf_home.errors import LocatedError
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import Limits, parse_json, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA_VERSION = 1
"""Grows when a reader of the older form would misread the newer one; see measurement.schema.json."""

ORIGINS = ("measured", "inferred", "copied", "unknown")
"""Where a value comes from: our run, computed from another value, taken over from elsewhere, nowhere."""

MACHINE_FACTS = frozenset({"name", "host_processor_model_name", "sockets", "cores", "memory_total_bytes"})
"""The facts of a measurement's system. Cores are those of one socket, as in MLPerf's tables."""

NOISY = "noisy: "
"""How the warnings begin that say what disturbed a run."""

PUBLISHED, MEASURED_2023 = "published_top1_percent", "measured_2023_top1_percent"
MEASURED_2023_SOURCE = "MLPerf inference v3.1, mlcommons/cm4mlperf-results"
# What the index of a store can hold.
_TOO_LARGE = 1 << 63
_USERS_OWN = "the user's file"
_UNKNOWN = "it is the user's own model, and they have not told"
_ADVICE = "use a measurement written by this version of mlperf-home"
# A measurement has some hundred values; its reasons and warnings are sentences.
_LIMITS = Limits(size=4 << 20, depth=8, values=100_000)


class MeasurementError(LocatedError):
    """A measurement's JSON cannot be read as one."""


@dataclass(frozen=True)
class Value:
    """One value; its unit is in the name under which it stands.

    Attributes:
        value: a number, a text, or None when it is unknown; older measurements may say true or false.
        origin: one of ORIGINS.
        source: where it was read ("performance/run_1/mlperf_log_detail.txt: result_samples_per_second"), or None.
        reason: why it is unknown, or what an inferred value was computed from; None otherwise.
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


def unknown(reason: str) -> Value:
    """Make the value that is not known, with the reason."""
    return Value(None, "unknown", reason=reason)


@dataclass(frozen=True)
class Measurement:
    """One validated result.

    Attributes:
        round: the MLPerf round whose rules it was run by.
        benchmark: the benchmark's name ("bert-99").
        scenario: the scenario's name.
        sample: whether it was made with sample data: never a result of the benchmark.
        sample_note: what the sample data are, or "".
        validity: LoadGen's "VALID" or "INVALID"; None without a performance run.
        reasons: why it is INVALID, and what to change.
        unofficial_because: what keeps it from being submitted; empty if nothing that is known here does.
        engine: name, version and details of the engine.
        model: name, path and sha256 of the model.
        system: the machine, by name of the fact.
        values: everything measured, by name with unit.
        logs: sha256 and size in bytes of the raw logs, by path within the result's folder.
        warnings: sentences that belong beside the result.
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
    """Write a measurement as JSON text, the same for the same measurement."""
    return json.dumps(asdict(measurement), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def from_json(text: str | bytes, where: str = "measurement") -> Measurement:
    """Read a measurement from JSON text.

    Raises:
        MeasurementError: not JSON, another schema version, or a key that is missing, unknown or malformed.
    """
    try:
        return _decoded(parse_json(text, where, _LIMITS), where)
    except DocumentError as error:
        raise MeasurementError(where, error.problem, _ADVICE) from None


def read_measurement(path: Path) -> Measurement:
    """Read a measurement's file.

    Raises:
        MeasurementError: it cannot be read, or is no measurement as `from_json` reads it.
    """
    try:
        return _decoded(read_json(path, _LIMITS), str(path))
    except DocumentError as error:
        raise MeasurementError(path, error.problem, _ADVICE) from None


def _decoded(document: Any, where: str) -> Measurement:
    if not isinstance(document, dict) or document.get("schema") != SCHEMA_VERSION:
        raise MeasurementError(where, f"is not a measurement of schema {SCHEMA_VERSION}", _ADVICE)
    if document.keys() != _KEYS:
        odd = ", ".join(sorted(document.keys() ^ _KEYS))
        raise MeasurementError(where, f"keys missing or unknown: {odd}", _ADVICE)
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
    """Yield the place of each value that is none, and what is wrong with it."""
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
    """What the model's step tells: the type of the weights ("int8", "unknown" or ""), and where the model is from."""

    data_type: str
    source: str


def with_weights(measurement: Measurement, weights: Weights) -> Measurement:
    """Add what is known of the weights: a published model was run as published, the user's may be anything."""
    own = not weights.source or weights.source.startswith(_USERS_OWN)
    known_type = weights.data_type not in {"", "unknown"}
    as_published = Value("no", "copied", "nothing of ours trains a model that is measured")
    untouched = Value("none", "copied", "nothing of ours changes a model that is measured")
    told = {
        "weight_type": Value(weights.data_type, "copied", "the model's step") if known_type else unknown(_UNKNOWN),
        "retraining": unknown(_UNKNOWN) if own else as_published,
        "weight_transformations": unknown(_UNKNOWN) if own else untouched,
        "source": Value(weights.source, "copied", "the model's step") if weights.source else unknown(_UNKNOWN),
    }
    return replace(measurement, model={**measurement.model, **told})


@dataclass(frozen=True)
class Published:
    """Top-1 in percent on ImageNet's whole validation set; None where nobody has told.

    Attributes:
        top1: what the model's makers publish.
        source: where they do, or "".
        measured_2023: what the community's submissions of 2023 measured.
    """

    top1: float | None = None
    source: str = ""
    measured_2023: float | None = None


def with_published(measurement: Measurement, published: Published) -> Measurement:
    """Add the accuracies that are known, beside ours and never in its place."""
    told = {
        PUBLISHED: (published.top1, published.source or "source unknown"),
        MEASURED_2023: (published.measured_2023, MEASURED_2023_SOURCE),
    }
    known = {key: Value(percent, "copied", source) for key, (percent, source) in told.items() if percent is not None}
    return replace(measurement, model={**measurement.model, **known})


def published_words(measurement: Measurement) -> list[str]:
    """Give a phrase for each figure: "published 70.9 (source)"."""
    labels = {PUBLISHED: "published", MEASURED_2023: "2023"}
    found = ((label, measurement.model.get(key)) for key, label in labels.items())
    return [f"{label} {value.value:g} ({value.source})" for label, value in found if value is not None]
