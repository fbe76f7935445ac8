"""Derive run, manifest, and report of a bundle from its other documents, and compare each as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.challenges.bundles.report import make_report, reported_workflows
from mlperf_home.challenges.bundles.results import MEASUREMENTS
from mlperf_home.challenges.definition.lock import lock_digest
from mlperf_home.challenges.definition.run_folder import NOT_RUN
from mlperf_home.challenges.verification.checked import CheckedRun
from mlperf_home.contracts.challenges.report import RunFacts
from mlperf_home.contracts.challenges.run import RunCheck, WorkflowEnding
from mlperf_home.contracts.runs.session import sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.contracts.challenges.bundle import BundleManifest
    from mlperf_home.contracts.challenges.contributor import Sender
    from mlperf_home.contracts.challenges.lock import ChallengeLock
    from mlperf_home.contracts.challenges.machine import Machine
    from mlperf_home.contracts.challenges.report import ChallengeReport
    from mlperf_home.contracts.challenges.run import ChallengeRun


@dataclass(frozen=True)
class BundleDocuments:
    """The documents of a bundle that repeat each other.

    Attributes:
        root: the unpacked bundle.
        checked: the checks before the run; None in bundles of 0.1.
    """

    root: Path
    challenge: Challenge
    manifest: BundleManifest
    run: ChallengeRun
    lock: ChallengeLock
    machine: Machine
    report: ChallengeReport
    checked: RunCheck | None

    @property
    def made_utc(self) -> str:
        """The end of the last workflow, ISO 8601; "" if none has ended."""
        return max((ending.ended_utc for ending in self.run.workflows.values()), default="")

    def derived_manifest(self) -> BundleManifest:
        """Return the manifest with mode and time of the run, and the version of the report."""
        return msgspec.structs.replace(
            self.manifest,
            sample=self.run.asked.sample,
            made_utc=self.made_utc,
            version=self.report.version,
            sender=self._sender(self.report.sender),
            repeats=self.report.repeats,
        )

    def _sender(self, stated: Sender | None) -> Sender | None:
        """Return the sender with the system of the run; version 0.1 told none."""
        return stated and msgspec.structs.replace(stated, system=self.run.asked.hw_name)

    def derived_run(self) -> ChallengeRun:
        """Return the run with the hashes of challenge and lock, and with the results in each workflow's folder."""
        asked = msgspec.structs.replace(
            self.run.asked,
            challenge=self.challenge.name,
            sample=self.manifest.sample,
            manifest_sha256=sha256_of(self.root / "challenge.json"),
            lock_sha256=lock_digest(self.lock),
        )
        paths = sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(MEASUREMENTS))
        results: dict[str, tuple[str, ...]] = dict.fromkeys(self.run.workflows, ())
        for path in paths:
            workflow = path.split("/")[1]
            results[workflow] = (*results.get(workflow, ()), path)
        unended = WorkflowEnding(status=NOT_RUN)
        workflows = {
            name: msgspec.structs.replace(self.run.workflows.get(name, unended), results=found)
            for name, found in results.items()
        }
        return msgspec.structs.replace(self.run, asked=asked, workflows=workflows)

    def stated_checks(self) -> RunCheck:
        """Return requirements and expected times as the run stored them, or as the report of 0.1 has them."""
        return self.checked or RunCheck(required=self.report.required, expected=self.report.expected)

    def derived_checks(self) -> RunCheck:
        """Return requirements and expected times that follow from challenge, run, and machine."""
        checked = CheckedRun(self.challenge, self.run, self.machine)
        return checked.derived(self.stated_checks(), complete=self.checked is not None)

    def derived_report(self) -> ChallengeReport:
        """Return the report of this bundle.

        The options of the user's environment and the differences from the challenge's lock are the report's own; other
        checks compare them with records and lock.
        """
        checked = self.derived_checks()
        made = datetime.fromisoformat(self.made_utc)
        facts = RunFacts(
            sample=self.run.asked.sample,
            state=self.challenge.state(made.date()),
            made_utc=self.made_utc,
            version=self.manifest.version,
            extra_options=self.report.extra_options,
            lock_differences=self.report.lock_differences,
            workflows=reported_workflows(self.challenge, self.run),
            required=checked.required,
            expected=checked.expected,
            machine=self.machine,
            sender=self._sender(self.manifest.sender),
            repeats=self.manifest.repeats,
        )
        return make_report(self.challenge, self.root, facts)
