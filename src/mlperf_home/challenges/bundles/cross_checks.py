"""Compare the documents of a bundle with each other: report, run, records, machine, challenge and lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.forms import forms
from mlperf_home.challenges.bundles.recomputation import has_text
from mlperf_home.challenges.bundles.report import outcome_of
from mlperf_home.challenges.bundles.report_parts import report_parts
from mlperf_home.challenges.bundles.results import MEASUREMENTS
from mlperf_home.challenges.definition.lock import lock_digest
from mlperf_home.contracts.challenge_lock import LOCK_LIMITS, ChallengeLock
from mlperf_home.contracts.challenge_report import REPORT_LIMITS, ChallengeReport
from mlperf_home.contracts.challenge_run import RUN_LIMITS, ChallengeRun
from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.layouts import read_layout
from mlperf_home.contracts.machine import MACHINE_LIMITS, Machine
from mlperf_home.contracts.records import RECORD_LIMITS, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.challenges.bundles.faults import Problem
    from mlperf_home.challenges.definition.manifest import Challenge, Mode
    from mlperf_home.contracts.bundle import BundleManifest

_REPORT = "report.json"


def report_problems(root: Path, challenge: Challenge, manifest: BundleManifest) -> Iterator[Problem]:
    """Compute the report again from what is beside it. Raise DocumentError or LocatedError for a damaged document."""
    report = read_layout(root / _REPORT, ChallengeReport, REPORT_LIMITS)
    outcome = outcome_of(challenge, root, report)
    machine = read_document(root / "machine.json", Machine, MACHINE_LIMITS)
    for name, told, found in (
        ("results", report.results, outcome.results),
        ("explorations", report.explorations, outcome.explorations),
        ("counts", report.counts, outcome.counts),
        ("counts_not_because", report.counts_not_because, outcome.counts_not_because),
        ("sample", report.sample, manifest.sample),
        ("made_utc", report.made_utc, manifest.made_utc),
        ("version", report.version, manifest.version),
        ("machine", report.machine, machine),
    ):
        if told != found:
            yield _REPORT, f"{name} is not what the rest of the bundle gives"
    texts = forms(report, f"{challenge.title}: report", report_parts(report))
    for ending in ("md", "html"):
        path = root / f"report.{ending}"
        if path.is_file() and not has_text(path, texts[ending]):
            yield path.name, "is not what report.json gives"


def run_problems(root: Path, challenge: Challenge, manifest: BundleManifest) -> Iterator[Problem]:
    """Check that run, records and results tell of the same workflows; raise as `report_problems` does."""
    run = read_layout(root / "run.json", ChallengeRun, RUN_LIMITS)
    if run.asked.challenge != challenge.name or run.asked.sample != manifest.sample:
        yield "run.json", "is of another challenge or mode than the bundle"
    there = {path.relative_to(root).as_posix() for path in root.glob(MEASUREMENTS)}
    named = {path for ending in run.workflows.values() for path in ending.results}
    for path in sorted(there ^ named):
        yield path, "is missing in run.json" if path in there else "is missing, but run.json names it"
    modes = {workflow.name: workflow.mode(sample=manifest.sample) for workflow in challenge.workflows}
    for record in sorted(root.glob("records/*")):
        for problem in _record_problems(record, modes.get(record.name.removesuffix(".json"))):
            yield f"records/{record.name}", problem


def _record_problems(path: Path, mode: Mode | None) -> Iterator[str]:
    if mode is None:
        yield "is of no workflow of the challenge"
        return
    tags = read_document(path, RunRecord, RECORD_LIMITS).request.tags
    if tags != mode.call.tags:
        yield f"is the record of {tags}, not of the workflow's {mode.call.tags}"


def lock_problems(root: Path) -> Iterator[Problem]:
    """Check that the run was made with the lock and the manifest beside it; raise as `report_problems` does."""
    lock = read_layout(root / "lock.json", ChallengeLock, LOCK_LIMITS)
    asked = read_layout(root / "run.json", ChallengeRun, RUN_LIMITS).asked
    if asked.lock_sha256 != lock_digest(lock):
        yield "run.json", "was run with another lock than lock.json"
    if asked.manifest_sha256 != lock.challenge.get("_cm.json"):
        yield "run.json", "was run from another manifest than lock.json says"
