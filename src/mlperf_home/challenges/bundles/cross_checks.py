"""Compare report, run, records, machine, challenge, and lock of a bundle with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.recomputation import has_text
from mlperf_home.challenges.bundles.rendering import render_report
from mlperf_home.challenges.bundles.report import outcome_of
from mlperf_home.challenges.bundles.report_parts import report_parts
from mlperf_home.challenges.bundles.results import MEASUREMENTS
from mlperf_home.challenges.definition.lock import lock_digest
from mlperf_home.contracts.challenges.lock import LOCK_LIMITS, ChallengeLock
from mlperf_home.contracts.challenges.machine import MACHINE_LIMITS, Machine
from mlperf_home.contracts.challenges.records import RECORD_LIMITS, RunRecord
from mlperf_home.contracts.challenges.report import REPORT_LIMITS, ChallengeReport
from mlperf_home.contracts.challenges.run import RUN_LIMITS, ChallengeRun
from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.layouts import read_layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.challenges.bundles.problems import Problem
    from mlperf_home.challenges.definition.manifest import Challenge, Mode
    from mlperf_home.contracts.challenges.bundle import BundleManifest

_REPORT = "report.json"


def report_problems(root: Path, challenge: Challenge, manifest: BundleManifest) -> Iterator[Problem]:
    """Recompute the report and yield its differences.

    Raises:
        DocumentError: a document is damaged.
        LocatedError: a measurement or an exploration's answer is damaged.
    """
    report = read_layout(root / _REPORT, ChallengeReport, REPORT_LIMITS)
    outcome = outcome_of(challenge, root, report)
    machine = read_document(root / "machine.json", Machine, MACHINE_LIMITS)
    for name, reported, expected in (
        ("results", report.results, outcome.results),
        ("explorations", report.explorations, outcome.explorations),
        ("counts", report.counts, outcome.counts),
        ("counts_not_because", report.counts_not_because, outcome.counts_not_because),
        ("sample", report.sample, manifest.sample),
        ("made_utc", report.made_utc, manifest.made_utc),
        ("version", report.version, manifest.version),
        ("machine", report.machine, machine),
    ):
        if reported != expected:
            yield _REPORT, f"{name} differs from the rest of the bundle"
    texts = render_report(report, f"{challenge.title}: report", report_parts(report))
    for ending in ("md", "html"):
        path = root / f"report.{ending}"
        if path.is_file() and not has_text(path, texts[ending]):
            yield path.name, "differs from report.json"


def run_problems(root: Path, challenge: Challenge, manifest: BundleManifest) -> Iterator[Problem]:
    """Yield disagreements of run, records, and results. Raise DocumentError for a damaged document."""
    run = read_layout(root / "run.json", ChallengeRun, RUN_LIMITS)
    identity = run.asked
    if identity.challenge != challenge.name or identity.sample != manifest.sample:
        yield "run.json", "belongs to another challenge or mode than the bundle"
    present = {path.relative_to(root).as_posix() for path in root.glob(MEASUREMENTS)}
    listed = {path for ending in run.workflows.values() for path in ending.results}
    for path in sorted(present ^ listed):
        yield path, "is not listed in run.json" if path in present else "is missing, but run.json lists it"
    modes = {workflow.name: workflow.mode(sample=manifest.sample) for workflow in challenge.workflows}
    for record in sorted(root.glob("records/*")):
        for problem in _record_problems(record, modes.get(record.name.removesuffix(".json"))):
            yield f"records/{record.name}", problem


def _record_problems(path: Path, mode: Mode | None) -> Iterator[str]:
    if mode is None:
        yield "belongs to no workflow of the challenge"
        return
    tags = read_document(path, RunRecord, RECORD_LIMITS).request.tags
    if tags != mode.call.tags:
        yield f"records {tags}; the workflow runs {mode.call.tags}"


def lock_problems(root: Path) -> Iterator[Problem]:
    """Yield differences between the run's digests and its lock. Raise DocumentError for a damaged document."""
    lock = read_layout(root / "lock.json", ChallengeLock, LOCK_LIMITS)
    identity = read_layout(root / "run.json", ChallengeRun, RUN_LIMITS).asked
    if identity.lock_sha256 != lock_digest(lock):
        yield "run.json", "has another lock digest than lock.json"
    if identity.manifest_sha256 != lock.challenge.get("_cm.json"):
        yield "run.json", "has another manifest digest than lock.json"
