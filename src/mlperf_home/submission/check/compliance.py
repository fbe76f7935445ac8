"""The compliance tests of the closed division."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.results.accuracy_text import AccuracyTextError, read_accuracy_text
from mlperf_home.results.loadgen_log import DETAIL_FILE, scan_detail
from mlperf_home.submission.check.logs import check_file_list, check_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules.rounds import Benchmark
    from mlperf_home.rules.submission import ComplianceTest
    from mlperf_home.submission.check.finding import Finding, Frame
    from mlperf_home.submission.check.places import ResultPlace

_RUN = "run the compliance test"
_PASSED = "TEST PASS"
_CLOSE = 0.01


def check_compliance(frame: Frame, place: ResultPlace, benchmark: Benchmark) -> Iterator[Finding]:
    """Check the compliance tests that the division asks of a result."""
    division = frame.rules.divisions.get(place.submitter.division)
    if not division or not division.compliance_applies:
        if place.compliance.is_dir():
            problem = f"the {place.submitter.division} division takes no compliance tests"
            yield frame.note(place.compliance, "compliance-division", problem, "remove them")
        return
    if not place.compliance.is_dir():
        yield frame.finding(place.compliance, "compliance-missing", "there are no compliance tests", _RUN)
        return
    for test in benchmark.compliance_tests:
        folder = place.compliance / test
        if not folder.is_dir():
            yield frame.finding(folder, "compliance-missing", f"{test} was not run", _RUN)
            continue
        yield from _test(frame, folder, test)


def _test(frame: Frame, folder: Path, test: str) -> Iterator[Finding]:
    wanted = frame.rules.submission.compliance[test]
    for name in wanted.files:
        path = folder / name
        if not path.is_file():
            yield frame.finding(path, "compliance-file", "is missing", _RUN)
        elif _PASSED not in path.read_text("utf-8", errors="replace"):
            yield frame.finding(path, "compliance-failed", f"does not say {_PASSED}", f"{_RUN} again")
    if wanted.accuracy_verdict:
        yield from _outputs(frame, folder, wanted)
    run = folder / "performance" / frame.rules.submission.folders.run
    names = frame.rules.submission.files
    yield from check_file_list(frame, run, names.performance, names.performance_optional)
    seeds = frame.rules.test05_seeds if test == "TEST05" else frame.rules.seeds
    detail = scan_detail(run / DETAIL_FILE)
    # TEST01 and TEST04 are run under an audit.config: that finding is not one here.
    yield from (each for each in check_run(frame, run, detail, "PerformanceOnly", seeds) if each.rule != "audit-config")


def _outputs(frame: Frame, folder: Path, wanted: ComplianceTest) -> Iterator[Finding]:
    """Check that the outputs were the same, or that the accuracies of both are close, as the round allows."""
    verdict = folder / wanted.accuracy_verdict
    if not verdict.is_file():
        yield frame.finding(verdict, "compliance-file", "is missing", _RUN)
        return
    same = _PASSED in verdict.read_text("utf-8", errors="replace")
    needed = wanted.accuracy_files if same else (*wanted.accuracy_files, *wanted.compared_files)
    missing = [name for name in needed if not (folder / "accuracy" / name).is_file()]
    for name in missing:
        yield frame.finding(folder / "accuracy" / name, "compliance-file", "is missing", _RUN)
    if same or missing:
        return
    found = [_accuracy(folder / "accuracy" / name) for name in wanted.compared_files]
    if not all(found) or abs(1 - found[0] / found[1]) > _CLOSE:
        problem = f"the outputs differ, and the accuracies {found[0]:g} and {found[1]:g} are not within 1 %"
        yield frame.finding(verdict, "compliance-accuracy", problem, f"{_RUN} again")


def _accuracy(path: Path) -> float:
    try:
        values = read_accuracy_text(path).values
    except AccuracyTextError:
        return 0.0
    return [value for name, value in values.items() if name.endswith("_percent")][-1]
