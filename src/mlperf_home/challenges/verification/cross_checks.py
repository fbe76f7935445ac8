"""Compare report, run, records, machine, challenge, and lock of a bundle with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.challenges.bundles.first_form import first_form
from mlperf_home.challenges.bundles.problems import caught
from mlperf_home.challenges.bundles.rendering import render_report
from mlperf_home.challenges.bundles.report_parts import report_parts
from mlperf_home.challenges.definition.lock import states_lock
from mlperf_home.challenges.definition.manifest import MANIFEST_NAME
from mlperf_home.challenges.verification.contradictions import first_contradiction
from mlperf_home.challenges.verification.derivation import BundleDocuments
from mlperf_home.challenges.verification.recomputation import has_text
from mlperf_home.challenges.verification.run_checks import (
    machine_problems,
    record_problems,
    run_problems,
    system_problems,
)
from mlperf_home.contracts.challenges.lock import LOCK_LIMITS, ChallengeLock
from mlperf_home.contracts.challenges.machine import MACHINE_LIMITS, Machine
from mlperf_home.contracts.challenges.report import REPORT_LIMITS, ChallengeReport
from mlperf_home.contracts.challenges.run import CHECK_LIMITS, RUN_LIMITS, ChallengeRun, RunCheck
from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.layouts import read_layout
from mlperf_home.contracts.runs.session import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlperf_home.challenges.bundles.problems import Problem
    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.contracts.challenges.bundle import BundleManifest


def document_contradictions(root: Path, challenge: Challenge, manifest: BundleManifest) -> Iterator[Problem]:
    """Yield disagreements of the documents; a damaged document leaves only the checks that need it out."""
    loaded: list[BundleDocuments] = []

    def load() -> Iterator[Problem]:
        loaded.append(_load(root, challenge, manifest))
        yield from ()

    yield from caught(load(), "bundle.json", root)
    for documents in loaded:
        for compared in _compared(documents):
            yield from caught(_difference(compared), compared.file, root)
        yield from caught(_challenge_problems(documents), "challenge.json", root)
        yield from caught(_lock_difference_problems(documents), "report.json", root)
        yield from caught(_text_problems(documents), "report.md", root)
        yield from caught(run_problems(documents), "run.json", root)
        yield from record_problems(documents)
        yield from caught(machine_problems(documents), "machine.json", root)
        yield from caught(system_problems(documents), "system.json", root)


def _load(root: Path, challenge: Challenge, manifest: BundleManifest) -> BundleDocuments:
    """Read the documents. Raise DocumentError if one is damaged."""
    checked = root / "checked.json"
    return BundleDocuments(
        root=root,
        challenge=challenge,
        manifest=manifest,
        run=read_layout(root / "run.json", ChallengeRun, RUN_LIMITS),
        lock=read_layout(root / "lock.json", ChallengeLock, LOCK_LIMITS),
        machine=read_document(root / "machine.json", Machine, MACHINE_LIMITS),
        report=read_layout(root / "report.json", ChallengeReport, REPORT_LIMITS),
        checked=read_document(checked, RunCheck, CHECK_LIMITS) if checked.is_file() else None,
    )


class _Compared(NamedTuple):
    """A document, and the function that derives it from the others."""

    file: str
    stated: object
    derive: Callable[[], object]


def _compared(documents: BundleDocuments) -> Iterator[_Compared]:
    yield _Compared("report.json", documents.report, documents.derived_report)
    yield _Compared("run.json", documents.run, documents.derived_run)
    yield _Compared("bundle.json", documents.manifest, documents.derived_manifest)
    if documents.checked is not None:
        yield _Compared("checked.json", documents.checked, documents.derived_checks)


def _difference(compared: _Compared) -> Iterator[Problem]:
    difference = first_contradiction(compared.stated, compared.derive())
    if difference is not None:
        yield compared.file, str(difference)


def _challenge_problems(documents: BundleDocuments) -> Iterator[Problem]:
    if documents.lock.challenge != {MANIFEST_NAME: sha256_of(documents.root / "challenge.json")}:
        yield "challenge.json", "has another hash than lock.json gives for the challenge"


def _lock_difference_problems(documents: BundleDocuments) -> Iterator[Problem]:
    for position, text in enumerate(documents.report.lock_differences):
        if not states_lock(text, documents.lock):
            yield "report.json", f"/lock_differences/{position} does not end with what lock.json holds"


def _text_problems(documents: BundleDocuments) -> Iterator[Problem]:
    report, root = documents.report, documents.root
    title = f"{documents.challenge.title}: report"
    present, first = render_report(report, title, report_parts(report)), first_form(report, title)
    for ending in ("md", "html"):
        if not any(has_text(root / f"report.{ending}", texts[ending]) for texts in (present, first)):
            yield f"report.{ending}", "differs from report.json"
