"""The compliance tests of the closed division."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.loadgen_logs.accuracy_text import AccuracyTextError, read_accuracy_text
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, scan_detail
from mlperf_home.submission.check.runs.logs import check_file_list, check_run, check_utf_8
from mlperf_home.submission.check.runs.performance import check_measured, is_number
from mlperf_home.submission.check.tree.models import scenario_named
from mlperf_home.submission.check.tree.places import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.loadgen_logs.run_log import DetailLog
    from mlperf_home.rules.rounds import Benchmark
    from mlperf_home.rules.submission import ComplianceTest
    from mlperf_home.submission.check.tree.places import Finding, Frame, ResultPlace

_RUN = "run the compliance test"
_AGAIN = "run it again with its performance run, on a quiet machine: _performance-only --rerun, with the same options"
_PASSED = "TEST PASS"
_SAID_LENGTH = 200
# 1 - 0.99 is a little more than 0.01 in floating point, and a little less in others.
_ROUNDING = 1e-9


def check_compliance(
    frame: Frame, place: ResultPlace, benchmark: Benchmark, performance: DetailLog | None
) -> Iterator[Finding]:
    """Check the compliance tests that the division asks of a result, against the log of its performance run."""
    division = frame.rules.divisions.get(place.submitter.division)
    if not division or not division.compliance_applies:
        if place.compliance.is_dir():
            problem = f"the {place.submitter.division} division takes no compliance tests"
            yield frame.finding(place.compliance, "compliance-division", problem, "remove them", note=True)
        return
    if not place.compliance.is_dir():
        yield frame.finding(place.compliance, "compliance-missing", "there are no compliance tests", _RUN)
        return
    for test in benchmark.compliance_tests:
        folder = place.compliance / test
        if not folder.is_dir():
            yield frame.finding(folder, "compliance-missing", f"{test} was not run", _RUN)
            continue
        yield from _test(frame, folder, benchmark)
        scenario = scenario_named(place.scenario) or place.scenario
        ran = performance.settings.get("scenario", scenario) if performance else scenario
        yield from _run(frame, folder, str(ran), benchmark)


def _test(frame: Frame, folder: Path, benchmark: Benchmark) -> Iterator[Finding]:
    wanted = frame.rules.submission.compliance[folder.name]
    for name in wanted.files:
        path = folder / name
        if not path.is_file():
            yield frame.finding(path, "compliance-file", "is missing", _RUN)
        elif _PASSED not in (said := path.read_text("utf-8", errors="replace")):
            told = ", ".join(said.split("\n"))[:_SAID_LENGTH].strip(", ")
            yield frame.finding(path, "compliance-failed", f"does not say {_PASSED}, but {told or 'nothing'}", _AGAIN)
        else:
            yield from check_utf_8(frame, path, f"{_RUN} again")
    if wanted.accuracy_verdict:
        yield from _outputs(frame, folder, wanted, benchmark)


def _run(frame: Frame, folder: Path, scenario: str, benchmark: Benchmark) -> Iterator[Finding]:
    """Check a test's run: the round asks of it what it asks of a performance run, in the same scenario."""
    run = folder / "performance" / frame.rules.submission.folders.run
    names = frame.rules.submission.files
    yield from check_file_list(frame, run, names.performance, names.performance_optional)
    seeds = frame.rules.test05_seeds if folder.name == "TEST05" else frame.rules.seeds
    path = run / DETAIL_FILE
    if not path.is_file():
        return
    detail = scan_detail(path)
    # TEST01 and TEST04 are run under an audit.config: that finding is not one here.
    yield from (each for each in check_run(frame, run, detail, "PerformanceOnly", seeds) if each.rule != "audit-config")
    measured = str(detail.settings.get("scenario", scenario))
    yield from check_measured(frame, path, measured, benchmark, detail)
    metric = frame.rules.metrics.get(measured)
    if measured != scenario:
        problem = f"is a run of {measured}, the performance run is one of {scenario}"
        yield frame.finding(path, "log-scenario", problem, f"{_RUN} again")
    elif metric and not detail.missing and not is_number(detail.values.get(metric.key)):
        yield frame.finding(path, "no-metric", "gives no result", f"{_RUN} again")


def _outputs(frame: Frame, folder: Path, wanted: ComplianceTest, benchmark: Benchmark) -> Iterator[Finding]:
    """Check that the outputs were the same, or that the accuracies of both are close, as the benchmark allows."""
    verdict = folder / wanted.accuracy_verdict
    if not verdict.is_file():
        yield frame.finding(verdict, "compliance-file", "is missing", _RUN)
        return
    yield from check_utf_8(frame, verdict, f"{_RUN} again")
    same = _PASSED in verdict.read_text("utf-8", errors="replace")
    needed = wanted.accuracy_files if same else (*wanted.accuracy_files, *wanted.compared_files)
    missing = [name for name in needed if not (folder / "accuracy" / name).is_file()]
    for name in missing:
        yield frame.finding(folder / "accuracy" / name, "compliance-file", "is missing", _RUN)
    for name in sorted(files(folder / "accuracy") - set(needed)):
        yield frame.finding(folder / "accuracy" / name, "file-list", "may not stand among these files", "move it out")
    if same or missing:
        return
    names = frame.rules.submission.accuracy_forms[benchmark.accuracy_metric]
    found = [_accuracy(folder / "accuracy" / name, names) for name in wanted.compared_files]
    close = 1 - benchmark.accuracy_fraction
    if not all(found) or abs(1 - found[0] / found[1]) > close + _ROUNDING:
        told = " and ".join(f"{each:g}" for each in found)
        problem = f"the outputs differ, and the accuracies ({told}; 0 for none) are not within {100 * close:.3g} %"
        yield frame.finding(verdict, "compliance-accuracy", problem, f"{_RUN} again")


def _accuracy(path: Path, names: tuple[str, ...]) -> float:
    """Give the one accuracy that a text says in the benchmark's form; 0 where it does not."""
    try:
        text = read_accuracy_text(path)
    except AccuracyTextError:
        return 0.0
    if text.count != 1 or set(text.values) != set(names):
        return 0.0
    return text.percent
