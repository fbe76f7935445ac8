"""A measurement: what a run says, value by value, each with its origin; nothing is invented."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1
"""Grows when a reader of the older form would misread the newer one; see measurement.schema.json."""

ORIGINS = ("measured", "inferred", "copied", "unknown")
"""Where a value comes from: our run, computed from another value, taken over from elsewhere, nowhere."""

_ADVICE = "use a measurement written by this version of mlperf-home"


class MeasurementError(LocatedError):
    """A measurement's JSON cannot be read as one."""


@dataclass(frozen=True)
class Value:
    """One value; its unit is in the name under which it stands.

    Attributes:
        value: a number, a text, or None when it is unknown.
        origin: one of ORIGINS.
        source: where it was read ("performance/run_1/mlperf_log_detail.txt: result_samples_per_second"), or None.
        reason: why it is unknown, or what an inferred value was computed from; None otherwise.
    """

    value: float | str | None
    origin: str
    source: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        """Check that the origin is known, and that exactly the unknown values are None, with a reason."""
        if self.origin not in ORIGINS:
            raise ValueError(f"origin must be one of {', '.join(ORIGINS)}, got {self.origin!r}")
        if (self.origin == "unknown") != (self.value is None):
            raise ValueError("a value is None if and only if its origin is unknown")
        if self.origin in {"unknown", "inferred"} and not self.reason:
            raise ValueError(f"a value that is {self.origin} needs a reason")


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


_VALUE_GROUPS = ("engine", "model", "system", "values")
_TUPLES = ("reasons", "unofficial_because", "warnings")


def to_json(measurement: Measurement) -> str:
    """Write a measurement as JSON text, the same for the same measurement."""
    return json.dumps(asdict(measurement), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def from_json(text: str, where: str = "measurement") -> Measurement:
    """Read a measurement.

    Raises:
        MeasurementError: not JSON, another schema version, or a key that is missing, unknown or malformed.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise MeasurementError(where, f"is not JSON ({error})", _ADVICE) from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA_VERSION:
        raise MeasurementError(where, f"is not a measurement of schema {SCHEMA_VERSION}", _ADVICE)
    known = {field.name for field in fields(Measurement)}
    if document.keys() != known:
        odd = ", ".join(sorted(document.keys() ^ known))
        raise MeasurementError(where, f"keys missing or unknown: {odd}", _ADVICE)
    try:
        groups = {name: {key: Value(**value) for key, value in document[name].items()} for name in _VALUE_GROUPS}
        tuples = {name: tuple(document[name]) for name in _TUPLES}
        return Measurement(**{**document, **groups, **tuples})
    except (TypeError, ValueError, AttributeError) as error:
        raise MeasurementError(where, f"holds a malformed value ({error})", _ADVICE) from None
