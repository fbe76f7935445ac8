"""Made-up bundles: a run's folder with results, records and documents, packed and signed as real ones are."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.bundle import RunDescription, make_bundle
from mlperf_home.challenges.bundles.redaction import Redaction
from mlperf_home.challenges.bundles.report import reported_workflows
from mlperf_home.challenges.bundles.sender import signer_of
from mlperf_home.challenges.definition.manifest import MANIFEST_NAME, make_challenge
from mlperf_home.challenges.definition.run_folder import DONE, RunFolder
from mlperf_home.challenges.verification.checked import CheckedRun
from mlperf_home.contracts.challenges.report import RunFacts
from mlperf_home.contracts.challenges.run import Estimate, RunCheck, WorkflowEnding
from mlperf_home.contracts.codec import write_document
from mlperf_home.measurements.measurement import Value
from mlperf_home.product import PRODUCT
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.testing.synthetic.documents import (
    CHALLENGE,
    ENDED,
    STARTED,
    WORKFLOW,
    challenge_document,
    identity_of,
    lock_of,
    machine_of,
    system_of,
    write_record,
)
from mlperf_home.testing.synthetic.logs import LogWriter
from mlperf_home.testing.synthetic.results import write_result
from scriptgraph.embed import installed_versions

if TYPE_CHECKING:
    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.contracts.challenges.machine import Machine
    from mlperf_home.testing.synthetic.machines import SyntheticMachine

IMAGES = 500
_PROCESSES = 1_000


@dataclass(frozen=True)
class SyntheticContributor:
    """Who signs made-up bundles: a name, and an SSH key; without a key, nobody."""

    name: str
    key: Path | None = None


@dataclass(frozen=True)
class BundleMaker:
    """Makes bundles in a folder, which keeps the challenge and the salt of names.

    Attributes:
        images: the number of images that accuracy runs answer.
    """

    folder: Path
    images: int = IMAGES

    def bundle(self, machine: SyntheticMachine, contributor: SyntheticContributor, repeats: str = "") -> Path:
        """Return the bundle of a machine; `repeats` is the digest of the manifest that it replays."""
        target = self.folder / f"{contributor.name}-{machine.seed}.tar.gz"
        with tempfile.TemporaryDirectory(prefix=".run-", dir=self.folder) as name:
            return self._packed(Path(name), machine, contributor, repeats).replace(target)

    def _packed(self, root: Path, machine: SyntheticMachine, contributor: SyntheticContributor, repeats: str) -> Path:
        challenge, facts = self._challenge(), machine_of(machine)
        lock = lock_of(challenge)
        run_folder = RunFolder(root, identity_of(challenge, lock, f"TEST_machine_{machine.cores}_cores"))
        self._write_results(run_folder, machine, facts)
        results = run_folder.measurements(WORKFLOW)
        run_folder.ended(WORKFLOW, WorkflowEnding(status=DONE, started_utc=STARTED, ended_utc=ENDED, results=results))
        write_record(run_folder, challenge)
        stated = RunCheck(required=(), expected=(Estimate(WORKFLOW, None, None, "the probe was skipped"),))
        checked = CheckedRun(challenge, run_folder.run, facts).derived(stated, complete=True)
        write_document(root / "checked.json", checked)
        described = RunDescription(
            RunFacts(
                sample=True,
                state=challenge.state(date.fromisoformat(ENDED[:10])),
                made_utc=ENDED,
                version=installed_versions([PRODUCT.name])[PRODUCT.name] or "not installed",
                extra_options="",
                lock_differences=(),
                workflows=reported_workflows(challenge, run_folder.run),
                required=checked.required,
                expected=checked.expected,
                machine=facts,
                repeats=repeats,
            ),
            lock,
            system_of(run_folder.identity.hw_name, facts),
        )
        key = contributor.key
        signer = signer_of(key, contributor.name, "", self.folder / "state") if key else None
        return make_bundle(run_folder, challenge, described, Redaction({}), signer)

    def _write_results(self, run_folder: RunFolder, machine: SyntheticMachine, facts: Machine) -> None:
        name = run_folder.identity.hw_name
        stated = {
            "name": name,
            "host_processor_model_name": facts.cpu_model,
            "sockets": facts.sockets,
            "cores": facts.cores_per_socket,
            "memory_total_bytes": facts.memory_bytes,
        }
        system = {key: Value(value, "copied") for key, value in stated.items()}
        rows = {row.model: row for row in read_classifiers()}
        for number, model in enumerate(sorted(machine.latencies_ms)):
            writer = LogWriter(self.images, _PROCESSES * (machine.seed + 1) + number)
            place = Path(f"results/{WORKFLOW}/sample_results") / name / rows[model].name / "singlestream"
            write_result(run_folder.root / place, machine, rows[model], writer, system)

    def _challenge(self) -> Challenge:
        """Return the challenge of made-up bundles, whose manifest is written if it is absent."""
        path = self.folder / "repository" / "challenge" / CHALLENGE / MANIFEST_NAME
        document = challenge_document()
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(document, indent=1), encoding="utf-8")
        return make_challenge(document, path)
