"""The compliance tests of the closed division."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlperf_home.loadgen_logs.accuracy_log import known_accuracy
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, scan_detail
from mlperf_home.measurements.layout import ACCURACY_DIR, PERFORMANCE_DIR
from mlperf_home.submission.check.places import files
from mlperf_home.submission.check.runs import check_measured, check_run, check_utf_8, is_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules.submission import ComplianceTest
    from mlperf_home.submission.check.places import Checked, Finding

_RUN = "run the compliance test"
_AGAIN = "run it again with its performance run, on a quiet machine: _performance-only --rerun, with the same options"
_PASSED = "TEST PASS"
_SAID_LENGTH = 200
# 1 - 0.99 is a little more than 0.01 in floating point, and a little less in others.
_ROUNDING = 1e-9


def check_compliance(result: Checked) -> Iterator[Finding]:
    """Check the compliance tests that the division asks of a result, against the log of its performance run."""
    tests = result.place.below("compliance")
    if not result.division or not result.division.compliance_applies:
        if tests.is_dir():
            problem = f"the {result.place.submitter.division} division takes no compliance tests"
            yield result.finding(tests, "compliance-division", problem, "remove them", note=True)
        return
    if not tests.is_dir():
        yield result.finding(tests, "compliance-missing", "there are no compliance tests", _RUN)
        return
    for test in result.benchmark.compliance_tests:
        folder = tests / test
        if not folder.is_dir():
            yield result.finding(folder, "compliance-missing", f"{test} was not run", _RUN)
            continue
        yield from _verdicts(result, folder)
        run = folder / PERFORMANCE_DIR
        # A test is compared with the scenario of the performance run, of which this result may be a copy.
        yield from _run(replace(result, scenario=result.measured, run=run, detail=scan_detail(run / DETAIL_FILE)), test)


def _verdicts(result: Checked, folder: Path) -> Iterator[Finding]:
    wanted = result.rules.submission.compliance[folder.name]
    for name in wanted.files:
        path = folder / name
        if not path.is_file():
            yield result.finding(path, "compliance-file", "is missing", _RUN)
        elif _PASSED not in (said := path.read_text("utf-8", errors="replace")):
            told = ", ".join(said.split("\n"))[:_SAID_LENGTH].strip(", ")
            yield result.finding(path, "compliance-failed", f"does not say {_PASSED}, but {told or 'nothing'}", _AGAIN)
        else:
            yield from check_utf_8(result, path, f"{_RUN} again")
    if wanted.accuracy_verdict:
        yield from _outputs(result, folder, wanted)


def _run(test: Checked, name: str) -> Iterator[Finding]:
    """Check a test's run: the round asks of it what it asks of a performance run, in the same scenario."""
    seeds = test.rules.test05_seeds if name == "TEST05" else test.rules.seeds
    found = check_run(test, test.run, test.detail, "PerformanceOnly", seeds)
    # TEST01 and TEST04 are run under an audit.config: that finding is not one here.
    yield from (each for each in found if each.rule != "audit-config")
    path, metric = test.run / DETAIL_FILE, test.rules.metrics.get(test.measured)
    if not path.is_file():
        return
    yield from check_measured(test)
    if test.measured != test.scenario:
        problem = f"is a run of {test.measured}, the performance run is one of {test.scenario}"
        yield test.finding(path, "log-scenario", problem, f"{_RUN} again")
    elif metric and not test.detail.missing and not is_number(test.detail.values.get(metric.key)):
        yield test.finding(path, "no-metric", "gives no result", f"{_RUN} again")


def _outputs(result: Checked, folder: Path, wanted: ComplianceTest) -> Iterator[Finding]:
    """Check that the outputs were the same, or that the accuracies of both are close, as the benchmark allows."""
    verdict, accuracy = folder / wanted.accuracy_verdict, folder / ACCURACY_DIR
    if not verdict.is_file():
        yield result.finding(verdict, "compliance-file", "is missing", _RUN)
        return
    yield from check_utf_8(result, verdict, f"{_RUN} again")
    same = _PASSED in verdict.read_text("utf-8", errors="replace")
    needed = wanted.accuracy_files if same else (*wanted.accuracy_files, *wanted.compared_files)
    missing = [name for name in needed if not (accuracy / name).is_file()]
    for name in missing:
        yield result.finding(accuracy / name, "compliance-file", "is missing", _RUN)
    for name in sorted(files(accuracy) - set(needed)):
        yield result.finding(accuracy / name, "file-list", "may not stand among these files", "move it out")
    if same or missing:
        return
    names = set(result.rules.submission.accuracy_forms[result.benchmark.accuracy_metric])
    texts = [known_accuracy(accuracy / name) for name in wanted.compared_files]
    found = [each.percent if each and each.count == 1 and set(each.values) == names else 0.0 for each in texts]
    close = 1 - result.benchmark.accuracy_fraction
    if not all(found) or abs(1 - found[0] / found[1]) > close + _ROUNDING:
        told = " and ".join(f"{each:g}" for each in found)
        problem = f"the outputs differ, and the accuracies ({told}; 0 for none) are not within {100 * close:.3g} %"
        yield result.finding(verdict, "compliance-accuracy", problem, f"{_RUN} again")
