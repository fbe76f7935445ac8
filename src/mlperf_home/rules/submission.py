"""What a round asks of a submission's tree: folders, files, fields, names and limits, decoded from its data file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Folders:
    """What may stand where.

    Attributes:
        divisions: the folders that the root may hold.
        beside_divisions: other folders that the root may hold.
        root_suffixes: the files that the root may hold, by their suffix.
        mapping: the file that maps model names to benchmarks.
        mapping_divisions: the divisions that take such a file.
        compliance_divisions: the divisions that take compliance tests.
    """

    divisions: tuple[str, ...]
    beside_divisions: tuple[str, ...]
    root_suffixes: tuple[str, ...]
    mapping: str
    mapping_divisions: tuple[str, ...]
    compliance_divisions: tuple[str, ...]


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes: of any file, of an accuracy log, and what truncation keeps at either end of one."""

    file_bytes: int
    accuracy_log_bytes: int
    kept_bytes: int


@dataclass(frozen=True)
class Files:
    """The names of the files that a folder must hold, and of those that it may hold besides."""

    measurements: tuple[str, ...]
    performance: tuple[str, ...]
    performance_optional: tuple[str, ...]
    accuracy: tuple[str, ...]
    accuracy_optional: tuple[str, ...]


@dataclass(frozen=True)
class SystemFields:
    """The keys of a system description: those that need a meaningful value, and those that must only be there."""

    statuses: tuple[str, ...]
    types: tuple[str, ...]
    meaningful: tuple[str, ...]
    present: tuple[str, ...]


@dataclass(frozen=True)
class NetworkSystems:
    """What is asked of systems that LoadGen reaches over a network.

    Attributes:
        fields: more keys of their description; the first says by "true" that the system is one.
        sut_name: what LoadGen's name of the system has to hold.
        divisions: the divisions that take only such systems (true), or none of them (false).
    """

    fields: tuple[str, ...]
    sut_name: str
    divisions: Mapping[str, bool]


@dataclass(frozen=True)
class Inference:
    """A scenario's result taken from another scenario's run.

    Attributes:
        measured: the scenario that was run.
        scenario: the scenario that is inferred.
        unit: of the inferred result.
        key: the value of the detail log that it comes from.
        factor: what it is multiplied by, or, where `reciprocal`, divided by it.
        reciprocal: whether the result is factor / value.
    """

    measured: str
    scenario: str
    unit: str
    key: str
    factor: float
    reciprocal: bool = False

    def result(self, value: float) -> float:
        """Give the inferred result, in `unit`."""
        return self.factor / value if self.reciprocal else self.factor * value


@dataclass(frozen=True)
class ComplianceTest:
    """The files of one compliance test.

    Attributes:
        files: beside its performance run; each has to say that the test was passed.
        accuracy_verdict: the file that says whether the outputs were the same, or "" for a test that asks no outputs.
        accuracy_files: in its accuracy folder.
        compared_files: two accuracies in that folder, which have to be close where the outputs were not the same.
        audit: what its audit.config sets, besides the mode; TEST05's seeds stand with the round's.
    """

    files: tuple[str, ...]
    accuracy_verdict: str = ""
    accuracy_files: tuple[str, ...] = ()
    compared_files: tuple[str, ...] = ()
    audit: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SubmissionRules:
    """All that a round's data file says of a submission's tree.

    Attributes:
        folders, limits, files, system, network: see there.
        measurement_fields: the keys of a result's JSON; none may be empty.
        accuracy_forms: the values that accuracy.txt must hold, by the benchmark's accuracy metric.
        model_names: other names of benchmarks that are known everywhere.
        model_guesses: parts of a model's name with the benchmark they stand for; the first that fits counts.
        inferred: which scenarios may be inferred from which.
        compliance: the compliance tests by name.
    """

    folders: Folders
    limits: Limits
    files: Files
    system: SystemFields
    network: NetworkSystems
    measurement_fields: tuple[str, ...]
    accuracy_forms: Mapping[str, tuple[str, ...]]
    model_names: Mapping[str, str]
    model_guesses: tuple[tuple[str, str], ...]
    inferred: tuple[Inference, ...]
    compliance: Mapping[str, ComplianceTest]

    def inference(self, measured: str, scenario: str) -> Inference | None:
        """Find how `scenario` is inferred from a run of `measured`; None where the round does not allow it."""
        return next((each for each in self.inferred if (each.measured, each.scenario) == (measured, scenario)), None)


def decode_submission(section: Mapping[str, Any]) -> SubmissionRules:
    """Decode the section `submission` of a round's data file, whose lists are tuples."""
    parts = {"folders": Folders, "limits": Limits, "files": Files, "system": SystemFields, "network": NetworkSystems}
    plain = ("measurement_fields", "accuracy_forms", "model_names")
    return SubmissionRules(
        **{key: kind(**section[key]) for key, kind in parts.items()},
        **{key: section[key] for key in plain},
        model_guesses=tuple(map(tuple, section["model_guesses"])),
        inferred=tuple(Inference(**each) for each in section["inferred"]),
        compliance={name: ComplianceTest(**test) for name, test in section["compliance"].items()},
    )
