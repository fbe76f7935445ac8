"""The compliance tests of the closed division."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.results.loadgen_log import DETAIL_FILE, scan_detail
from mlperf_home.submission.check.logs import check_file_list, check_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.rules.rounds import Benchmark
    from mlperf_home.submission.check.finding import Finding, Frame
    from mlperf_home.submission.check.places import ResultPlace

_RUN = "run the compliance test"
_PASSED = "TEST PASS"


def check_compliance(frame: Frame, place: ResultPlace, benchmark: Benchmark) -> Iterator[Finding]:
    """Check the compliance tests that the division asks of a result."""
    division = frame.rules.divisions.get(place.submitter.division)
    if not division or not division.compliance_applies:
        if place.compliance.is_dir():
            problem = f"the {place.submitter.division} division takes no compliance tests"
            yield frame.note(place.compliance, "compliance-division", problem, "remove them")
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
    for name in wanted.accuracy_files:
        if not (folder / "accuracy" / name).is_file():
            yield frame.finding(folder / "accuracy" / name, "compliance-file", "is missing", _RUN)
    run = folder / "performance" / frame.rules.submission.folders.run
    names = frame.rules.submission.files
    yield from check_file_list(frame, run, names.performance, names.performance_optional)
    seeds = frame.rules.test05_seeds if test == "TEST05" else frame.rules.seeds
    detail = scan_detail(run / DETAIL_FILE)
    # TEST01 and TEST04 are run under an audit.config: that finding is not one here.
    yield from (each for each in check_run(frame, run, detail, "PerformanceOnly", seeds) if each.rule != "audit-config")
