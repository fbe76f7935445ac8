"""Checks of the closed division's compliance tests: their verdicts, their runs, their outputs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE, DETAIL_FILE
from mlperf_home.measurements.layout import ACCURACY_DIR, PERFORMANCE_DIR
from mlperf_home.submission.check.performance import check_figures, is_number
from mlperf_home.submission.check.runs import check_log_size, check_run, check_utf_8

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules.submission import ComplianceTest
    from mlperf_home.submission.check.places import CheckedResult, Finding

_RUN = "run the compliance test"
_AGAIN = "run it again with its performance run, on a quiet machine: _performance-only --rerun, with the same options"
_PASSED = "TEST PASS"
_TEST = re.compile(r"TEST[0-9]+")
_QUOTED_LENGTH = 200
# In floating point 1 - 0.99 differs from 0.01.
_ROUNDING = 1e-9


def check_compliance(result: CheckedResult) -> Iterator[Finding]:
    """Check the compliance tests of a result against its performance run, if the division requires them."""
    tests, known = result.place.tests, result.benchmark.compliance_tests
    present = [folder for folder in result.contents.subfolders(tests) if _TEST.fullmatch(folder.name)]
    if not result.division or not result.division.compliance_applies:
        if present:
            problem = f"the {result.place.submitter.division} division has no compliance tests"
            yield result.finding(present[0].parent, "compliance-division", problem, "remove them", note=True)
        return
    if not present:
        yield result.finding(tests, "compliance-missing", "there are no compliance tests", _RUN)
        return
    for folder in present:
        if folder.name not in known:
            problem = f"is no compliance test of {result.name} in {result.rules.name}, and nobody reads it"
            yield result.finding(folder, "compliance-unknown", problem, "remove it", note=True)
    for test in known:
        folder = tests / test
        if not result.contents.is_dir(folder):
            yield result.finding(folder, "compliance-missing", f"{test} was not run", _RUN)
            continue
        yield from _check_verdicts(result, folder)
        run = folder / PERFORMANCE_DIR
        detail = result.contents.detail(run / DETAIL_FILE).detail
        # This result may be a copy: a test belongs to the measured scenario.
        yield from _check_test_run(replace(result, scenario=result.measured, run=run, detail=detail), test)


def _check_verdicts(result: CheckedResult, folder: Path) -> Iterator[Finding]:
    rules = result.rules.submission.compliance[folder.name]
    for name in rules.files:
        path = folder / name
        if not result.contents.is_file(path):
            yield result.finding(path, "compliance-file", "is missing", _RUN)
        elif _PASSED not in (text := path.read_text("utf-8", errors="replace")):
            quoted = ", ".join(text.split("\n"))[:_QUOTED_LENGTH].strip(", ")
            problem = f"does not contain {_PASSED}, but {quoted or 'nothing'}"
            yield result.finding(path, "compliance-failed", problem, _AGAIN)
        else:
            yield from check_utf_8(result, path, f"{_RUN} again")
    if rules.accuracy_verdict:
        yield from _check_outputs(result, folder, rules)


def _check_test_run(test: CheckedResult, name: str) -> Iterator[Finding]:
    """Check a test's run: a performance run in the same scenario."""
    seeds = test.rules.seeds_of(name)
    findings = check_run(test, test.run, test.detail, "PerformanceOnly", seeds)
    # TEST01 and TEST04 run under an audit.config.
    yield from (each for each in findings if each.rule != "audit-config")
    path, metric = test.run / DETAIL_FILE, test.rules.metrics.get(test.measured)
    if not test.contents.is_file(path):
        return
    yield from check_figures(test)
    if test.measured != test.scenario:
        problem = f"is a run of {test.measured}, but the performance run is of {test.scenario}"
        yield test.finding(path, "log-scenario", problem, f"{_RUN} again")
    elif metric and not test.detail.missing and not is_number(test.detail.values.get(metric.key)):
        yield test.finding(path, "no-metric", "has no result", f"{_RUN} again")


def _check_outputs(result: CheckedResult, folder: Path, rules: ComplianceTest) -> Iterator[Finding]:
    """Check that the outputs were equal, or that the two accuracies are close enough for the benchmark."""
    verdict, accuracy = folder / rules.accuracy_verdict, folder / ACCURACY_DIR
    if not result.contents.is_file(verdict):
        yield result.finding(verdict, "compliance-file", "is missing", _RUN)
        return
    yield from check_utf_8(result, verdict, f"{_RUN} again")
    text, package = verdict.read_text("utf-8", errors="replace"), result.rules.submission.package
    same = _PASSED in (map(str.strip, text.splitlines()) if package.verdict_is_a_line else text)
    if same and not package.outputs_after_pass and not result.contents.is_dir(accuracy):
        return
    needed = rules.accuracy_files if same else (*rules.accuracy_files, *rules.compared_files)
    missing = [name for name in needed if not result.contents.is_file(accuracy / name)]
    for name in missing:
        yield result.finding(accuracy / name, "compliance-file", "is missing", _RUN)
    for name in sorted(result.contents.folder(accuracy).keys() - set(needed)):
        yield result.finding(accuracy / name, "file-list", "is not allowed among these files", "move it out")
    yield from check_log_size(result, accuracy / ACCURACY_FILE)
    if same or missing:
        return
    names = set(result.rules.submission.accuracy_forms[result.benchmark.accuracy_metric])
    texts = [result.contents.accuracy(accuracy / name) for name in rules.compared_files]
    percents = [each.percent if each and each.count == 1 and set(each.values) == names else 0.0 for each in texts]
    margin = 1 - result.benchmark.accuracy_fraction
    if not all(percents) or abs(1 - percents[0] / percents[1]) > margin + _ROUNDING:
        pair = " and ".join(f"{each:g}" for each in percents)
        problem = f"the outputs differ, and the accuracies ({pair}; 0 for none) are not within {100 * margin:.3g} %"
        yield result.finding(verdict, "compliance-accuracy", problem, f"{_RUN} again")
