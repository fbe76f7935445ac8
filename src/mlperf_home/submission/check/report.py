"""The check of a whole tree, what it says of each result, and what a user sees of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, scan_detail
from mlperf_home.submission.check.runs.accuracy import check_accuracy, read_accuracy
from mlperf_home.submission.check.runs.compliance import check_compliance
from mlperf_home.submission.check.runs.performance import check_performance, performance_result
from mlperf_home.submission.check.tree.documents import (
    check_code,
    check_measurement_files,
    check_systems,
    is_over_network,
    read_result_json,
)
from mlperf_home.submission.check.tree.models import SCENARIO_MISSING, check_scenarios, read_mapping, scenario_named
from mlperf_home.submission.check.tree.places import Finding, Frame, submitters
from mlperf_home.submission.check.tree.structure import check_structure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlperf_home.loadgen_logs.run_log import DetailLog
    from mlperf_home.rules import Round
    from mlperf_home.submission.check.tree.places import ResultPlace, Submitter

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
    """Check a tree by all rules of the round.

    Args:
        root: the submission's root, which holds `open` or `closed`.
        rules: the round's rules.
        options: what is tolerated, and more; nothing where it is not given.

    Raises:
        CheckError: `root` is no folder, or does not hold the submitter asked for.
    """
    options = options or CheckOptions()
    if not root.is_dir():
        raise CheckError(root, "is no folder", "give the root of a submission by --submission_dir")
    divisions = rules.submission.folders.divisions
    if options.submitter and not any((root / division / options.submitter).is_dir() for division in divisions):
        problem = f"holds no submitter {options.submitter}"
        raise CheckError(root, problem, "give the name that the submission was made with")
    frame = Frame(root, rules, tolerant=options.allow_short)
    findings = list(check_structure(frame))
    rows = []
    for submitter in submitters(root, rules):
        mapping, found = read_mapping(frame, submitter)
        findings += found
        findings += _told_only(frame, submitter, mapping, options.more_names)
        mapping = {**mapping, **options.more_names}
        findings += check_systems(frame, submitter)
        findings += check_code(frame, submitter)
        findings += check_scenarios(frame, submitter, mapping)
        if not any(submitter.results()):
            problem = "holds no results"
            findings.append(frame.finding(submitter.folder / "results", "no-results", problem, "generate them first"))
        for place in submitter.results():
            row, found = _result(frame, place, mapping, allow_sample=options.allow_sample)
            rows.append(row)
            findings += found
    if options.skip_compliance:
        findings = [each for each in findings if not each.rule.startswith("compliance")]
    return CheckReport(tuple(sorted(set(findings))), tuple(rows))


def _result(
    frame: Frame, place: ResultPlace, mapping: Mapping[str, str], *, allow_sample: bool
) -> tuple[ResultRow, list[Finding]]:
    told = read_result_json(place)
    sample = told.get("sample") is True
    frame = replace(frame, sample=sample and allow_sample, tolerant=frame.tolerant or (sample and allow_sample))
    scenario = scenario_named(place.scenario)
    name = frame.rules.benchmark_of(place.model, mapping)
    row = ResultRow(place.sut, place.model, name, scenario or place.scenario, sample)
    findings: list[Finding] = []
    if sample:
        remedy = "measure with the real dataset and model; --allow_sample makes a tree for trying"
        problem = "is a sample: made-up data and a toy model, no MLPerf result"
        findings.append(frame.finding(place.measurements, "sample", problem, remedy, note=frame.sample))
    if name is None or name not in frame.rules.benchmarks:
        known = ", ".join(frame.rules.benchmarks)
        problem = f"has an invalid model: {place.model} leads to {name or 'no benchmark'}"
        remedy = f"map it in {place.submitter.name}/{frame.rules.submission.folders.mapping} to one of {known}"
        findings.append(frame.finding(place.results.parent, "model", problem, remedy))
        return replace(row, errors=_errors(findings)), findings
    if scenario is None:
        return replace(row, errors=1), findings
    detail = scan_detail(place.performance / DETAIL_FILE) if place.performance.is_dir() else None
    findings += _of_benchmark(frame, place, name, scenario, detail)
    if detail is not None:
        measured = detail.settings.get("scenario")
        inferred = measured if measured not in (None, scenario) else None
        findings += _copy(frame, place, told.get("inferred_from"), inferred)
        value, unit = performance_result(frame, scenario, detail), frame.rules.metrics[scenario].unit
        valid = detail.values.get("result_validity")
        row = replace(row, value=value, unit=unit, valid=valid, inferred_from=inferred)
    if text := read_accuracy(place):
        row = replace(row, accuracy_percent=text.percent)
    return replace(row, errors=_errors(findings)), findings


def _of_benchmark(
    frame: Frame, place: ResultPlace, name: str, scenario: str, detail: DetailLog | None
) -> Iterator[Finding]:
    """Check a result by the rules of its benchmark; `detail` is the log of its performance run, if there is one."""
    benchmark = frame.rules.benchmarks[name]
    yield from _equivalence(frame, place, name)
    yield from check_performance(frame, place, scenario, benchmark, detail)
    yield from check_accuracy(frame, place, name, detail)
    yield from check_measurement_files(frame, place, benchmark.loadgen_model)
    yield from check_compliance(frame, place, benchmark, detail)
    if detail is not None:
        yield from _network_sut(frame, place, detail)


def _told_only(
    frame: Frame, submitter: Submitter, mapping: Mapping[str, str], told: Mapping[str, str]
) -> Iterator[Finding]:
    """Name the models whose benchmark an option tells and the tree does not: others have only the tree."""
    folders = frame.rules.submission.folders
    path = submitter.folder / folders.mapping
    for model in sorted({place.model for place in submitter.results()} & told.keys()):
        if frame.rules.benchmark_of(model, mapping) != told[model]:
            problem = f"does not say that {model} is {told[model]}: an option alone says so"
            yield frame.finding(path, "mapping-missing", problem, f'write {{"{model}": "{told[model]}"}} into it')


def _equivalence(frame: Frame, place: ResultPlace, name: str) -> Iterator[Finding]:
    """Check that the closed division has the reference's model: the official checker takes any that leads to it."""
    division = frame.rules.divisions.get(place.submitter.division)
    own_names = {name, frame.rules.benchmarks[name].loadgen_model}
    if division and division.compliance_applies and place.model not in own_names:
        problem = f"{place.model} is another model than {name}'s, and closed takes that alone"
        remedy = "submit it to the open division"
        yield frame.finding(place.results.parent, "closed-model", problem, remedy, note=frame.sample)


def _network_sut(frame: Frame, place: ResultPlace, detail: DetailLog) -> Iterator[Finding]:
    wanted, name = frame.rules.submission.network.sut_name, detail.logged.get("sut_name")
    if is_over_network(frame, place.system) and wanted not in str(name):
        problem = f"is of {name}, and the name of a system over a network holds {wanted!r}"
        yield frame.finding(place.results, "network-sut", problem, "run again with that name")


def _copy(frame: Frame, place: ResultPlace, marked: object, inferred: str | None) -> Iterator[Finding]:
    if marked and inferred is None:
        problem = f"is marked as inferred from {marked}, but its logs are of its own scenario"
        yield frame.finding(place.measurements, "inferred-mark", problem, "generate the submission again")
    if inferred and not marked:
        problem, remedy = f"is a copy of {inferred} and not marked as such", "say so in its JSON (inferred_from)"
        yield frame.finding(place.measurements, "inferred-mark", problem, remedy, note=True)


def _errors(findings: Iterable[Finding]) -> int:
    return sum(each.level == "error" for each in findings)


def result_rows(report: CheckReport) -> list[tuple[str, str]]:
    """Give a label and a text for each result, in the order of their places, then for each model what is missing."""
    missing = [(Path(each.path).name, each.problem) for each in report.findings if each.rule == SCENARIO_MISSING]
    return [*((f"{row.model}, {row.scenario}", _row_text(row)) for row in report.results), *missing]


def _row_text(row: ResultRow) -> str:
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
    return ", ".join(parts).replace(":,", ":")


def grouped(findings: Sequence[Finding]) -> list[str]:
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
