"""The check of a whole tree, what it says of each result, and what a user sees of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.accuracy_log import known_accuracy
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, scan_detail
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_TEXT, PERFORMANCE_DIR, json_object
from mlperf_home.submission.check.documents import (
    check_code,
    check_measurement_files,
    check_systems,
    is_over_network,
    read_result_json,
)
from mlperf_home.submission.check.performance import check_compliance, check_performance, performance_result
from mlperf_home.submission.check.places import CheckedResult, CheckScope, Finding, submitters
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
    """What a check tolerates, and what it is told besides.

    Attributes:
        allow_sample: whether results of sample data pass, for trying; each is noted.
        allow_short: whether runs that are too short, or on a part of the dataset, are only noted.
        skip_compliance: whether compliance tests are left out.
        submitter: a submitter who must be there, or "".
        more_names: benchmarks of models, besides those that the tree maps itself.
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
        system, model, benchmark, scenario: what was measured; benchmark is None where the name leads to none.
        sample: whether it is a sample: no MLPerf result.
        value: in `unit`, or None where the log does not give it.
        unit: "samples_per_second" or "latency_ms".
        accuracy_percent: F1 or top-1, or None.
        valid: LoadGen's verdict, or None.
        inferred_from: the scenario that was run instead, or None.
        errors: how many findings stand in its way.
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
    """All that a check found: the findings in the order of their paths, and the results."""

    findings: tuple[Finding, ...]
    results: tuple[ResultRow, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stand in the way."""
        return tuple(each for each in self.findings if each.level == "error")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """The findings that do not."""
        return tuple(each for each in self.findings if each.level == "note")


def check_submission(root: Path, rules: Round, options: CheckOptions | None = None) -> CheckReport:
    """Check a submission's tree, from the root that holds `open` or `closed`, by all rules of the round.

    Raises:
        CheckError: `root` is no folder, or does not hold the submitter asked for.
    """
    options = options or CheckOptions()
    if not root.is_dir():
        raise CheckError(root, "is no folder", "give the root of a submission by --submission_dir")
    found = list(submitters(root, rules))
    if options.submitter and options.submitter not in {each.name for each in found}:
        problem = f"holds no submitter {options.submitter}"
        raise CheckError(root, problem, "give the name that the submission was made with")
    scope = CheckScope(root, rules, sample=options.allow_sample, tolerant=options.allow_short)
    findings, rows = list(check_structure(scope)), []
    for submitter in found:
        mapping, problems = read_mapping(scope, submitter)
        findings += problems
        findings += _untold(scope, submitter, mapping, options.more_names)
        mapping = {**mapping, **options.more_names}
        findings += check_systems(scope, submitter)
        findings += check_code(scope, submitter)
        findings += check_scenarios(scope, submitter, mapping)
        for place in submitter.results():
            row, problems = _result(scope, place, mapping)
            rows.append(row)
            findings += problems
    if options.skip_compliance:
        findings = [each for each in findings if not each.rule.startswith("compliance")]
    return CheckReport(tuple(sorted(set(findings))), tuple(rows))


def _result(scope: CheckScope, place: ResultPlace, mapping: Mapping[str, str]) -> tuple[ResultRow, list[Finding]]:
    told = read_result_json(place)
    sample = told.get("sample") is True
    tolerated = sample and scope.sample
    scenario, name = scenario_named(place.scenario), scope.rules.benchmark_of(place.model, mapping)
    row = ResultRow(place.sut, place.model, name, scenario or place.scenario, sample)
    findings: list[Finding] = []
    if sample:
        remedy = "measure with the real dataset and model; --allow_sample makes a tree for trying"
        problem = "is a sample: made-up data and a toy model, no MLPerf result"
        findings.append(scope.finding(place.measurements, "sample", problem, remedy, note=tolerated))
    if name is None or name not in scope.rules.benchmarks:
        known = ", ".join(scope.rules.benchmarks)
        problem = f"has an invalid model: {place.model} leads to {name or 'no benchmark'}"
        remedy = f"map it in {place.submitter.name}/{scope.rules.submission.folders.mapping} to one of {known}"
        findings.append(scope.finding(place.results.parent, "model", problem, remedy))
    elif scenario is None:
        return replace(row, errors=1), findings
    else:
        run, tolerant = place.results / PERFORMANCE_DIR, scope.tolerant or tolerated
        detail = scan_detail(run / DETAIL_FILE)
        result = CheckedResult(scope.root, scope.rules, tolerated, tolerant, place, name, scenario, run, detail)
        findings += _of_benchmark(result, told.get("inferred_from"))
        row = _measured(row, result)
    return replace(row, errors=sum(each.level == "error" for each in findings)), findings


def _measured(row: ResultRow, result: CheckedResult) -> ResultRow:
    text = known_accuracy(result.place.results / ACCURACY_DIR / ACCURACY_TEXT)
    row = replace(row, accuracy_percent=text.percent if text else None)
    if not result.run.is_dir():
        return row
    value, unit = performance_result(result), result.rules.metrics[result.scenario].unit
    valid = result.detail.values.get("result_validity")
    return replace(row, value=value, unit=unit, valid=valid, inferred_from=result.inferred_from)


def _of_benchmark(result: CheckedResult, marked: object) -> Iterator[Finding]:
    """Check a result by the rules of its benchmark; `marked` is the scenario that its JSON says it is inferred from."""
    yield from _equivalence(result)
    yield from check_performance(result)
    yield from check_accuracy(result)
    yield from check_measurement_files(result)
    yield from check_compliance(result)
    if not result.run.is_dir():
        return
    wanted, name = result.rules.submission.network.sut_name, result.detail.logged.get("sut_name")
    description = json_object(result.place.submitter.description(result.place.sut))
    if is_over_network(result, description) and wanted not in str(name):
        problem = f"is of {name}, and the name of a system over a network holds {wanted!r}"
        yield result.finding(result.place.results, "network-sut", problem, "run again with that name")
    if marked and result.inferred_from is None:
        problem = f"is marked as inferred from {marked}, but its logs are of its own scenario"
        yield result.finding(result.place.measurements, "inferred-mark", problem, "generate the submission again")
    if result.inferred_from and not marked:
        problem = f"is a copy of {result.inferred_from} and not marked as such"
        remedy = "say so in its JSON (inferred_from)"
        yield result.finding(result.place.measurements, "inferred-mark", problem, remedy, note=True)


def _untold(
    scope: CheckScope, submitter: Submitter, mapping: dict[str, str], told: Mapping[str, str]
) -> Iterator[Finding]:
    """Name the models whose benchmark an option tells and the tree does not: others have only the tree."""
    path = submitter.folder / scope.rules.submission.folders.mapping
    for model in sorted({place.model for place in submitter.results()} & told.keys()):
        if scope.rules.benchmark_of(model, mapping) != told[model]:
            problem = f"does not say that {model} is {told[model]}: an option alone says so"
            yield scope.finding(path, "mapping-missing", problem, f'write {{"{model}": "{told[model]}"}} into it')


def _equivalence(result: CheckedResult) -> Iterator[Finding]:
    """Check that the closed division has the reference's model: the official checker takes any that leads to it."""
    model, own_names = result.place.model, {result.name, result.benchmark.loadgen_model}
    if result.division and result.division.compliance_applies and model not in own_names:
        problem = f"{model} is another model than {result.name}'s, and closed takes that alone"
        remedy = "submit it to the open division"
        yield result.finding(result.place.results.parent, "closed-model", problem, remedy, note=result.sample)


def result_rows(report: CheckReport) -> list[tuple[str, str]]:
    """Give a label and a text for each result, in the order of their places, then for each model what is missing."""
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
            parts.append(f"{row.errors} finding{'s' if row.errors > 1 else ''} in the way")
        rows.append((f"{row.model}, {row.scenario}", ", ".join(parts).replace(":,", ":")))
    missing = [(Path(each.path).name, each.problem) for each in report.findings if each.rule == SCENARIO_MISSING]
    return [*rows, *missing]


def group_findings(findings: Sequence[Finding]) -> list[str]:
    """Give one line for each finding, and one for all that say the same of several files, with the first of them."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        places.setdefault((finding.rule, finding.problem, finding.remedy), []).append(finding.path)
    where = {key: paths[0] + (f" and {len(paths) - 1} more" if paths[1:] else "") for key, paths in places.items()}
    return [f"{path}: {problem}; {remedy} [{rule}]" for (rule, problem, remedy), path in where.items()]


def summary(report: CheckReport) -> str:
    """Say in one line how many findings there are."""
    errors, notes = len(report.errors), len(report.notes)
    found = f"{errors} finding{'' if errors == 1 else 's'} in the way" if errors else "nothing in the way"
    return f"{len(report.results)} results, {found}, {notes} note{'' if notes == 1 else 's'}"


def report_text(report: CheckReport) -> str:
    """Write all findings, those in the way first."""
    lines = [f"error: {finding}" for finding in report.errors] + [f"note: {finding}" for finding in report.notes]
    return "\n".join([*lines, summary(report), ""])
