"""A round's rules for the tree of a submission: folders, files, fields, names and limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlperf_home.rules.layouts import TreeLayout

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class SubmissionFolders:
    """The permitted folders of a submission.

    Attributes:
        divisions: the folders of divisions in the root.
        beside_divisions: other folders permitted in the root.
        root_suffixes: the suffixes of files permitted in the root.
        mapping: the file that maps model names to benchmarks.
        mapping_divisions: the divisions that accept such a file.
        compliance_divisions: the divisions that accept compliance tests.
    """

    divisions: tuple[str, ...]
    beside_divisions: tuple[str, ...]
    root_suffixes: tuple[str, ...]
    mapping: str
    mapping_divisions: tuple[str, ...]
    compliance_divisions: tuple[str, ...]


@dataclass(frozen=True)
class SizeLimits:
    """Sizes in bytes: the limits of a file and of an accuracy log, and the part kept at each end by truncation."""

    file_bytes: int
    accuracy_log_bytes: int
    kept_bytes: int


@dataclass(frozen=True)
class Files:
    """The names of the required and the optional files of each kind of folder.

    Attributes:
        measurements: the measurement files of a result, besides its JSON.
        measurements_optional: those that may be absent.
        performance, performance_optional: the logs of a performance run.
        accuracy, accuracy_optional: the logs of an accuracy run.
        power: the logs of the power meter, in the folder `power` beside a performance run.
        power_run: the additional logs of a performance run whose power was measured.
        power_measurements: the beginnings of the additional measurement files of such a run.
    """

    measurements: tuple[str, ...]
    performance: tuple[str, ...]
    performance_optional: tuple[str, ...]
    accuracy: tuple[str, ...]
    accuracy_optional: tuple[str, ...]
    power: tuple[str, ...]
    power_run: tuple[str, ...]
    power_measurements: tuple[str, ...]
    measurements_optional: tuple[str, ...] = ()


@dataclass(frozen=True)
class SystemFields:
    """The keys of a system description.

    Attributes:
        statuses, types: the permitted values of two keys.
        meaningful: required keys that need a real value.
        present: required keys that may be empty.
        optional: keys that the field's own tools write besides.
        texts: keys whose value the round's checker takes as a text; others may be numbers.
    """

    statuses: tuple[str, ...]
    types: tuple[str, ...]
    meaningful: tuple[str, ...]
    present: tuple[str, ...]
    optional: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class NetworkSystems:
    """The rules for systems that LoadGen reaches over a network.

    Attributes:
        fields: additional keys of the description; the first is "true" for such a system.
        sut_name: a part that LoadGen's name of the SUT must contain.
        divisions: whether a division accepts only such systems (true) or none (false).
    """

    fields: tuple[str, ...]
    sut_name: str
    divisions: Mapping[str, bool]


@dataclass(frozen=True)
class InferredResult:
    """A scenario's result inferred from a run of another scenario.

    Attributes:
        measured: the scenario of the run.
        scenario: the inferred scenario.
        unit: the unit of the inferred result.
        key: the value's key in the detail log.
        factor: the factor of the value, or the dividend if `reciprocal`.
        reciprocal: whether the result is factor / value.
    """

    measured: str
    scenario: str
    unit: str
    key: str
    factor: float
    reciprocal: bool = False

    def result(self, value: float) -> float:
        """Compute the inferred result, in `unit`."""
        return self.factor / value if self.reciprocal else self.factor * value


@dataclass(frozen=True)
class ComplianceTest:
    """The files of one compliance test.

    Attributes:
        files: the files beside its performance run; each must record that the test passed.
        accuracy_verdict: the file that records whether the outputs were equal; "" for a test without outputs.
        accuracy_files: the files of its accuracy folder.
        compared_files: two accuracies in that folder, which must be close if the outputs were not equal.
        audit: the settings of its audit.config besides the mode; TEST05's seeds are among the round's.
    """

    files: tuple[str, ...]
    accuracy_verdict: str = ""
    accuracy_files: tuple[str, ...] = ()
    compared_files: tuple[str, ...] = ()
    audit: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PackageRules:
    """The rules that only the checkers since v5.1 have.

    Attributes:
        whole_numbers: keys of a system's description whose texts must be whole numbers.
        network_by_any_text: whether any text in the first network field, "false" too, demands the other network fields.
        inferred_categories: the categories whose results may be inferred; none for all.
        verdict_is_a_line: whether a verdict on outputs must be a line of its own.
        outputs_after_pass: whether a test whose outputs were equal needs its accuracy files too.
        nameplate: the end of the name of a system's file of power capacities, or "".
    """

    whole_numbers: tuple[str, ...] = ()
    network_by_any_text: bool = False
    inferred_categories: tuple[str, ...] = ()
    verdict_is_a_line: bool = False
    outputs_after_pass: bool = True
    nameplate: str = ""


@dataclass(frozen=True)
class SubmissionRules:
    """A round's rules for the tree of a submission.

    Attributes:
        measurement_fields: the keys of a result's JSON.
        measurement_fields_may_be_empty: whether the round only requires that they are there.
        noted: the findings that do not prevent a submission to this round, with the reasons.
        accuracy_forms: the values that accuracy.txt must hold, by the benchmark's accuracy metric.
        model_names: benchmarks by well-known aliases.
        benchmarks_not_held: benchmarks of the round of whose numbers this file has none.
        model_guesses: pairs of a part of a model's name and its benchmark; the first match counts.
        inferred: the scenarios that may be inferred, and from which.
        compliance: the compliance tests by name.
        layout: where the parts of a submission stand.
        package: the rules that only newer checkers have.
    """

    folders: SubmissionFolders
    limits: SizeLimits
    files: Files
    system: SystemFields
    network: NetworkSystems
    measurement_fields: tuple[str, ...]
    measurement_fields_may_be_empty: bool
    noted: Mapping[str, str]
    accuracy_forms: Mapping[str, tuple[str, ...]]
    model_names: Mapping[str, str]
    benchmarks_not_held: tuple[str, ...]
    model_guesses: tuple[tuple[str, str], ...]
    inferred: tuple[InferredResult, ...]
    compliance: Mapping[str, ComplianceTest]
    layout: TreeLayout = field(default_factory=TreeLayout)
    package: PackageRules = field(default_factory=PackageRules)

    def inference(self, measured: str, scenario: str) -> InferredResult | None:
        """Return the rule that infers `scenario` from a run of `measured`, None if the round has none."""
        return next((rule for rule in self.inferred if (rule.measured, rule.scenario) == (measured, scenario)), None)


def decode_submission(section: Mapping[str, Any]) -> SubmissionRules:
    """Decode the section `submission` of a round's data file, with its lists as tuples."""
    parts = {
        "folders": SubmissionFolders,
        "limits": SizeLimits,
        "files": Files,
        "system": SystemFields,
        "network": NetworkSystems,
    }
    plain = (
        *("measurement_fields", "measurement_fields_may_be_empty", "noted", "accuracy_forms", "model_names"),
        "benchmarks_not_held",
    )
    return SubmissionRules(
        **{key: kind(**section[key]) for key, kind in parts.items()},
        **{key: section[key] for key in plain},
        model_guesses=tuple(map(tuple, section["model_guesses"])),
        inferred=tuple(InferredResult(**rule) for rule in section["inferred"]),
        compliance={name: ComplianceTest(**test) for name, test in section["compliance"].items()},
        layout=TreeLayout(**section.get("layout", {})),
        package=PackageRules(**section.get("package", {})),
    )
