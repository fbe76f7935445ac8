"""The check of a complete tree, its report on each result, and the texts for users."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_TEXT, PERFORMANCE_DIR
from mlperf_home.submission.check.documents import (
    check_code,
    check_measurement_files,
    check_systems,
    is_over_network,
    read_result_json,
)
from mlperf_home.submission.check.performance import check_compliance, check_performance, performance_result
from mlperf_home.submission.check.places import CheckedResult, CheckScope, Finding, submitters
from mlperf_home.submission.check.power import check_power
from mlperf_home.submission.check.recorded import check_shared_runs
from mlperf_home.submission.check.runs import check_accuracy
from mlperf_home.submission.check.structure import (
    SCENARIO_MISSING,
    check_scenarios,
    check_structure,
    read_mapping,
    scenario_named,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlperf_home.rules import Round
    from mlperf_home.submission.check.places import ResultPlace, Submitter

_UNITS = {"samples_per_second": "samples/s", "latency_ms": "ms"}


@dataclass(frozen=True)
class CheckOptions:
    """The options of a check.

    Attributes:
        allow_sample: whether samples pass, for tests; each has a note.
        allow_short: whether runs that are too short, or on a part of the dataset, are only noted.
        skip_compliance: whether to skip compliance tests.
        submitter: a submitter whom the tree must hold, or "".
        more_names: benchmarks of models, in addition to the tree's own mapping.
    """

    allow_sample: bool = False
    allow_short: bool = False
    skip_compliance: bool = False
    submitter: str = ""
    more_names: Mapping[str, str] = field(default_factory=dict)


class CheckError(LocatedError):
    """There is nothing to check."""


@dataclass(frozen=True)
class ResultRow:
    """One line of the table of results.

    Attributes:
        system, model, benchmark, scenario: the names of the result; benchmark is None if the model's is unknown.
        sample: whether it is a sample, not an MLPerf result.
        value: the result in `unit`, or None if the log does not have it.
        unit: "samples_per_second" or "latency_ms".
        accuracy_percent: F1 or top-1, or None.
        valid: LoadGen's verdict, or None.
        inferred_from: the scenario of the run, or None if it is the result's.
        errors: the number of findings that are errors.
    """

    system: str
    model: str
    benchmark: str | None
    scenario: str
    sample: bool
    value: float | None = None
    unit: str = ""
    accuracy_percent: float | None = None
    valid: str | None = None
    inferred_from: str | None = None
    errors: int = 0


@dataclass(frozen=True)
class CheckReport:
    """The report of a check: the findings in the order of their paths, and the results."""

    findings: tuple[Finding, ...]
    results: tuple[ResultRow, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that prevent the submission."""
        return tuple(each for each in self.findings if each.level == "error")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """The findings that do not prevent the submission."""
        return tuple(each for each in self.findings if each.level == "note")


def check_submission(root: Path, rules: Round, options: CheckOptions | None = None) -> CheckReport:
    """Check a submission's tree, whose root holds `open` or `closed`, by all rules of the round.

    Raises:
        CheckError: `root` is not a folder, or does not hold the submitter of the options.
    """
    options = options or CheckOptions()
    if not root.is_dir():
        raise CheckError(root, "is not a folder", "pass the root of a submission by --submission_dir")
    every = list(submitters(root, rules))
    if options.submitter and options.submitter not in {each.name for each in every}:
        problem = f"holds no submitter {options.submitter}"
        raise CheckError(root, problem, "use the name in the submission")
    scope = CheckScope(root, rules, sample=options.allow_sample, tolerant=options.allow_short)
    findings, rows = list(check_structure(scope)), []
    for submitter in every:
        mapping, problems = read_mapping(scope, submitter)
        findings += problems
        findings += _check_mapping(scope, submitter, mapping, options.more_names)
        mapping = {**mapping, **options.more_names}
        findings += check_systems(scope, submitter)
        findings += check_code(scope, submitter)
        findings += check_scenarios(scope, submitter, mapping)
        places = list(submitter.results())
        findings += check_shared_runs(scope, places)
        for place in places:
            row, problems = _check_result(scope, place, mapping)
            rows.append(row)
            findings += problems
    if options.skip_compliance:
        findings = [each for each in findings if not each.rule.startswith("compliance")]
    return CheckReport(tuple(sorted(set(findings))), tuple(rows))


def _check_result(scope: CheckScope, place: ResultPlace, mapping: Mapping[str, str]) -> tuple[ResultRow, list[Finding]]:
    fields = read_result_json(scope, place)
    sample = fields.get("sample") is True
    tolerated = sample and scope.sample
    scenario, name = scenario_named(place.scenario), scope.rules.benchmark_of(place.model, mapping)
    row = ResultRow(place.sut, place.model, name, scenario or place.scenario, sample)
    findings: list[Finding] = []
    if sample:
        remedy = "measure with the real dataset and model, or add --allow_sample for a test"
        problem = "is a sample with made-up data and a toy model, not an MLPerf result"
        findings.append(scope.finding(place.measurements, "sample", problem, remedy, note=tolerated))
    if name in scope.rules.submission.benchmarks_not_held:
        problem = f"is a result of {name}, whose numbers the rules here do not hold: it is not checked"
        remedy = "use the official checker"
        findings.append(scope.finding(place.results, "benchmark-not-held", problem, remedy, note=True))
    elif name is None or name not in scope.rules.submitted_benchmarks:
        known = ", ".join(scope.rules.submitted_benchmarks)
        problem = f"has an invalid model: {place.model} leads to {name or 'no benchmark'}"
        remedy = f"map it in {place.submitter.name}/{scope.rules.submission.folders.mapping} to one of {known}"
        findings.append(scope.finding(place.results.parent, "model", problem, remedy))
    elif scenario is None:
        # The finding about the folder's name is the model's, in check_scenarios.
        return replace(row, errors=1 + _count_errors(findings)), findings
    else:
        run, tolerant = place.results / PERFORMANCE_DIR, scope.tolerant or tolerated
        detail = scope.contents.detail(run / DETAIL_FILE).detail
        result = CheckedResult(
            *(scope.root, scope.rules, tolerated, tolerant, place, name, scenario, run, detail), contents=scope.contents
        )
        findings += _check_benchmark(result, fields.get("inferred_from"))
        row = _with_result(row, result)
    return replace(row, errors=_count_errors(findings)), findings


def _count_errors(findings: Sequence[Finding]) -> int:
    return sum(each.level == "error" for each in findings)


def _with_result(row: ResultRow, result: CheckedResult) -> ResultRow:
    text = result.contents.accuracy(result.place.results / ACCURACY_DIR / ACCURACY_TEXT)
    row = replace(row, accuracy_percent=text.percent if text else None)
    if not result.contents.is_dir(result.run):
        return row
    value, unit = performance_result(result), result.rules.metrics[result.scenario].unit
    verdict = result.detail.values.get("result_validity")
    valid = None if verdict is None else str(verdict)
    return replace(row, value=value, unit=unit, valid=valid, inferred_from=result.inferred_from)


def _check_benchmark(result: CheckedResult, marked: object) -> Iterator[Finding]:
    """Check a result by the rules of its benchmark; `marked` is the field `inferred_from` of its JSON."""
    yield from _check_closed_model(result)
    yield from check_performance(result)
    yield from check_power(result)
    yield from check_accuracy(result)
    yield from check_measurement_files(result)
    yield from check_compliance(result)
    if not result.contents.is_dir(result.run):
        return
    prefix, name = result.rules.submission.network.sut_name, result.detail.logged.get("sut_name")
    description = result.contents.json_object(result.place.submitter.description(result.place.sut))
    if is_over_network(result, description) and prefix not in str(name):
        problem = f"is of {name}; the name of a system over a network must contain {prefix!r}"
        yield result.finding(result.place.results, "network-sut", problem, "run again with such a name")
    if marked and result.inferred_from is None:
        problem = f"is marked as inferred from {marked}, but its logs are of its own scenario"
        yield result.finding(result.place.measurements, "inferred-mark", problem, "generate the submission again")
    if result.inferred_from and not marked:
        problem = f"is a copy of {result.inferred_from} without a mark"
        remedy = "add the field inferred_from to its JSON"
        yield result.finding(result.place.measurements, "inferred-mark", problem, remedy, note=True)


def _check_mapping(
    scope: CheckScope, submitter: Submitter, mapping: dict[str, str], options: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield the models whose benchmarks only an option names: other readers have only the tree."""
    path = submitter.folder / scope.rules.submission.folders.mapping
    for model in sorted({place.model for place in submitter.results()} & options.keys()):
        if scope.rules.benchmark_of(model, mapping) != options[model]:
            problem = f"does not map {model} to {options[model]}: only an option does"
            yield scope.finding(path, "mapping-missing", problem, f'write {{"{model}": "{options[model]}"}} into it')


def _check_closed_model(result: CheckedResult) -> Iterator[Finding]:
    """Check that the closed division has the reference model: the official checker accepts any mapped name."""
    model, own_names = result.place.model, {result.name, result.benchmark.loadgen_model}
    if result.division and result.division.compliance_applies and model not in own_names:
        problem = f"{model} is not the reference model of {result.name}; the closed division allows no other"
        remedy = "submit it to the open division"
        yield result.finding(result.place.results.parent, "closed-model", problem, remedy, note=result.sample)


def result_rows(report: CheckReport) -> list[tuple[str, str]]:
    """Return label and text of each result in the order of their places, then of each model's missing scenarios."""
    rows = []
    for row in report.results:
        parts = [
            f"{row.value:.6g} {_UNITS.get(row.unit, row.unit)}" if row.value is not None else "no result",
            f"accuracy {row.accuracy_percent:g} %" if row.accuracy_percent is not None else "no accuracy",
            row.valid or "no verdict",
        ]
        if row.benchmark not in (None, row.model):
            parts.insert(0, f"{row.benchmark}:")
        if row.inferred_from:
            parts.append(f"inferred from {row.inferred_from}")
        if row.sample:
            parts.append("SAMPLE, no MLPerf result")
        if row.errors:
            parts.append(f"{row.errors} error{'s' if row.errors > 1 else ''}")
        rows.append((f"{row.model}, {row.scenario}", ", ".join(parts).replace(":,", ":")))
    missing = [(Path(each.path).name, each.problem) for each in report.findings if each.rule == SCENARIO_MISSING]
    return [*rows, *missing]


def group_findings(findings: Sequence[Finding]) -> list[str]:
    """Return a line for each finding; findings that differ only in their files share a line."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        places.setdefault((finding.rule, finding.problem, finding.remedy), []).append(finding.path)
    where = {key: paths[0] + (f" and {len(paths) - 1} more" if paths[1:] else "") for key, paths in places.items()}
    return [f"{path}: {problem}; {remedy} [{rule}]" for (rule, problem, remedy), path in where.items()]


def summary(report: CheckReport) -> str:
    """Return one line with the numbers of results, errors and notes."""
    errors, notes = len(report.errors), len(report.notes)
    counted = f"{errors} error{'' if errors == 1 else 's'}" if errors else "no errors"
    return f"{len(report.results)} results, {counted}, {notes} note{'' if notes == 1 else 's'}"


def report_text(report: CheckReport) -> str:
    """Return a text with all findings, errors first."""
    lines = [f"error: {finding}" for finding in report.errors] + [f"note: {finding}" for finding in report.notes]
    return "\n".join([*lines, summary(report), ""])
