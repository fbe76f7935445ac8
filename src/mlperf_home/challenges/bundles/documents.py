"""The files of a bundle: their places, and the limits of each document; packing and verification share them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.problems import Problem, problem_of
from mlperf_home.challenges.definition.manifest import CHALLENGE_LIMITS
from mlperf_home.contracts.challenges.bundle import MANIFEST_LIMITS, MOST_FILES
from mlperf_home.contracts.challenges.contributor import CONTRIBUTOR_LIMITS
from mlperf_home.contracts.challenges.lock import LOCK_LIMITS
from mlperf_home.contracts.challenges.machine import MACHINE_LIMITS
from mlperf_home.contracts.challenges.records import RECORD_LIMITS
from mlperf_home.contracts.challenges.report import REPORT_LIMITS
from mlperf_home.contracts.challenges.run import CHECK_LIMITS, RUN_LIMITS
from mlperf_home.contracts.runs.latencies import LATENCIES_FILE, LATENCY_LIMITS
from mlperf_home.contracts.studies.answer import ANSWER_LIMITS
from mlperf_home.contracts.studies.experiment import EXPERIMENT_LIMITS
from mlperf_home.errors import LocatedError
from mlperf_home.measurements.measurement import MEASUREMENT_LIMITS
from mlperf_home.measurements.storage.store import LINES_FILE
from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import DOCUMENT, Limits, parse_json, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SYSTEM_LIMITS = Limits(size=1 << 20, depth=1, values=1_000)
"""MLPerf's system description has some 40 keys."""
ALL_BYTES, ALL_VALUES = 512 << 20, 10_000_000
"""The limits of all JSON documents of a bundle together: an exploration of 10,000 points has some 4,000,000 values in
its measurements."""

_RESULT = r"(results/[^/]+|experiments/[^/]+/results)/[^/]+_results/[^/]+/[^/]+/[^/]+"
_DOCUMENTS = {
    "bundle.json": MANIFEST_LIMITS,
    "contributor.json": CONTRIBUTOR_LIMITS,
    "challenge.json": CHALLENGE_LIMITS,
    "lock.json": LOCK_LIMITS,
    "machine.json": MACHINE_LIMITS,
    "system.json": SYSTEM_LIMITS,
    "run.json": RUN_LIMITS,
    "checked.json": CHECK_LIMITS,
    "report.json": REPORT_LIMITS,
    "records/[^/]+.json": RECORD_LIMITS,
    f"{_RESULT}/measurement.json": MEASUREMENT_LIMITS,
    f"{_RESULT}/(performance|accuracy)-session.json": DOCUMENT,
    f"{_RESULT}/performance/run_1/{LATENCIES_FILE}": LATENCY_LIMITS,
    "experiments/[^/]+/experiment.json": EXPERIMENT_LIMITS,
    "experiments/[^/]+/answer.json": ANSWER_LIMITS,
    f"experiments/[^/]+/{LINES_FILE}": MEASUREMENT_LIMITS,
}
_LIMITS = [(re.compile(pattern.replace(".", r"\.")), limits) for pattern, limits in _DOCUMENTS.items()]
_LOG = r"mlperf_log_[^/]+"
_OTHER_FILES = re.compile(
    rf"(bundle|contributor)\.json\.sig|report\.(md|html)|answers\.bin|{_RESULT}/((user|mlperf)\.conf|performance/run_1/{_LOG}"
    rf"|accuracy/({_LOG}|accuracy\.txt))"
)
_ADVICE = "explore fewer points, or run fewer workflows into one folder"


class OversizedError(LocatedError):
    """A document of a bundle exceeds the limits that verification reads it with."""


def limits_of(name: str) -> Limits | None:
    """Return the limits of a document by its path in a bundle, for each line of a `.jsonl`; None for another file."""
    return next((limits for pattern, limits in _LIMITS if pattern.fullmatch(name)), None)


def require_readable(root: Path) -> None:
    """Raise OversizedError if verification could not read a document of a bundle that is about to be packed."""
    if sum(1 for _ in root.rglob("*")) >= MOST_FILES:
        raise OversizedError(root.name, f"cannot be bundled: it has more than {MOST_FILES:,} files", _ADVICE)
    for name, problem in (*total_problems(root), *document_problems(root)):
        raise OversizedError(name, f"cannot be bundled: it {problem}", _ADVICE)


def total_problems(root: Path) -> Iterator[Problem]:
    """Yield a problem if the documents of a bundle are too large together to be read."""
    size = values = 0
    for path in (path for path in root.rglob("*.json*") if path.is_file() and limits_of(_name(path, root))):
        size += path.stat().st_size
        if size > ALL_BYTES:
            yield "bundle.json", f"lists documents of more than {ALL_BYTES:,} bytes together"
            return
        content = path.read_bytes()
        values += sum(content.count(mark) for mark in (b",", b"[", b"{"))
        if values > ALL_VALUES:
            yield "bundle.json", f"lists documents of more than {ALL_VALUES:,} values together"
            return


def document_problems(root: Path) -> Iterator[Problem]:
    """Yield the files that are no part of a bundle, and the documents that are no JSON within their limits."""
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        name = _name(path, root)
        limits = limits_of(name)
        try:
            if limits is None and not _OTHER_FILES.fullmatch(name):
                yield name, "is no part of a bundle"
            elif limits is not None and path.suffix == ".jsonl":
                _check_lines(path, limits)
            elif limits is not None:
                read_json(path, limits, unique=True)
        except DocumentError as error:
            yield name, problem_of(error)


def _check_lines(path: Path, limits: Limits) -> None:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(limits.size + 2):
            number += 1
            parse_json(line.removesuffix(b"\n"), f"{path}, line {number}", limits, unique=True)


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
