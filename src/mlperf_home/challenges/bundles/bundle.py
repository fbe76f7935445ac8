"""A bundle: the documents, results, and logs of a challenge's run, in one archive with one manifest of hashes.

<challenge>/
   bundle.json                the manifest: challenge, mode, and the size and SHA-256 of every other file
   bundle.json.sig            the contributor's signature of the manifest; only with --sign_key
   contributor.json  .sig     the contributor's name, signed by itself; only with --sign_key and --submitter
   challenge.json  lock.json  the challenge's manifest; hashes and versions of the installed scripts and code
   machine.json  system.json  the machine; the system description of a submission
   run.json  checked.json     identity and endings of the run; its requirements and expected times
   records/                   the records of its workflows
   results/                   measurements, sessions, LoadGen's logs; accuracy logs truncated as in a submission
   answers.bin                the answers of all accuracy runs, in compact form
   experiments/               explorations: definitions, answers, measurements, and the results of complete runs
   report.json  report.md  report.html
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.challenges.bundles.answers import stage_answers
from mlperf_home.challenges.bundles.documents import require_readable
from mlperf_home.challenges.bundles.rendering import json_text, render_report
from mlperf_home.challenges.bundles.report import make_report, reported_workflows
from mlperf_home.challenges.bundles.report_parts import report_parts
from mlperf_home.challenges.bundles.results import KEPT_RESULTS, MEASUREMENTS
from mlperf_home.challenges.bundles.sender import CONTRIBUTOR_FILE, CONTRIBUTOR_SIGNATURE
from mlperf_home.challenges.definition.manifest import MANIFEST_NAME
from mlperf_home.contracts.challenges.bundle import BundleManifest, FileEntry
from mlperf_home.contracts.challenges.contributor import Sender
from mlperf_home.contracts.challenges.report import REPORT_LIMITS, ChallengeReport
from mlperf_home.contracts.challenges.run import RUN_LIMITS, ChallengeRun
from mlperf_home.contracts.layouts import read_layout
from mlperf_home.contracts.runs.session import read_session, sha256_of
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE
from mlperf_home.measurements.layout import (
    ACCURACY_DIR,
    ACCURACY_SESSION,
    ACCURACY_TEXT,
    PERFORMANCE_DIR,
    PERFORMANCE_SESSION,
)
from mlperf_home.measurements.storage.store import LINES_FILE, Store
from mlperf_home.submission.delivery import pack
from mlperf_home.submission.truncation import truncate_log
from scriptgraph.files.atomic import replace_text
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.challenges.bundles.redaction import Redaction
    from mlperf_home.challenges.bundles.sender import Signer
    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.challenges.definition.run_folder import RunFolder
    from mlperf_home.contracts.challenges.contributor import Contributor
    from mlperf_home.contracts.challenges.lock import ChallengeLock
    from mlperf_home.contracts.challenges.report import RunFacts

MANIFEST, SIGNATURE = "bundle.json", "bundle.json.sig"
_UNLISTED = {MANIFEST, SIGNATURE, CONTRIBUTOR_FILE, CONTRIBUTOR_SIGNATURE}
RUNS = ((PERFORMANCE_SESSION, PERFORMANCE_DIR), (ACCURACY_SESSION, ACCURACY_DIR))


@dataclass(frozen=True)
class RunDescription:
    """The contents of a bundle besides results: facts of the run, the installed lock, the system by MLPerf's keys."""

    facts: RunFacts
    lock: ChallengeLock
    system: Mapping[str, str]


def make_bundle(
    run_folder: RunFolder,
    challenge: Challenge,
    description: RunDescription,
    redaction: Redaction,
    signer: Signer | None,
) -> Path:
    """Write the report and the bundle into the run's folder, each atomically; return the bundle's path.

    `redaction` removes the names of persons and machines. `signer` signs the manifest, if there is
    one.

    Raises:
        LocatedError: packing or signing fails, a result is damaged, or the bundle is too large to be verified.
        DocumentError: a document of the run cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix=".bundle-", dir=run_folder.root) as name:
        staged = Path(name) / challenge.name
        staged.mkdir()
        _stage(run_folder, challenge, staged, redaction)
        system = run_folder.identity.hw_name
        sender = signer.sender(system) if signer else Sender(system=system)
        facts = msgspec.structs.replace(description.facts, sender=sender)
        _write_documents(staged, challenge, replace(description, facts=facts), redaction)
        if signer is not None:
            signer.sign(staged / MANIFEST)
        target = run_folder.root / "bundle.tar.gz"
        pack(staged, target)
        for path in staged.glob("report.*"):
            path.replace(run_folder.root / path.name)
    if signer is not None and signer.contributor is not None:
        _name_contributor(run_folder.root, challenge, signer.contributor)
    return target


def _name_contributor(root: Path, challenge: Challenge, contributor: Contributor) -> None:
    """Write the texts of the report beside the bundle again, with the name that only contributor.json has within it."""
    report = read_layout(root / "report.json", ChallengeReport, REPORT_LIMITS)
    texts = render_report(report, f"{challenge.title}: report", report_parts(report, contributor))
    for ending in ("md", "html"):
        replace_text(root / f"report.{ending}", texts[ending])


def _write_documents(staged: Path, challenge: Challenge, description: RunDescription, redaction: Redaction) -> None:
    """Write lock, system, machine, and report; then the manifest of all files."""
    run = read_layout(staged / "run.json", ChallengeRun, RUN_LIMITS)
    facts = redacted(redaction, description.facts)
    facts = msgspec.structs.replace(facts, workflows=reported_workflows(challenge, run))
    documents = {
        "lock": description.lock,
        "system": redaction.value(dict(description.system)),
        "machine": facts.machine,
    }
    for name, document in documents.items():
        (staged / f"{name}.json").write_text(json_text(document), encoding="utf-8")
    report = make_report(challenge, staged, facts)
    for ending, text in render_report(report, f"{challenge.title}: report", report_parts(report)).items():
        (staged / f"report.{ending}").write_text(text, encoding="utf-8")
    manifest = BundleManifest(
        challenge=challenge.name,
        sample=facts.sample,
        made_utc=facts.made_utc,
        version=facts.version,
        files=file_entries(staged),
        sender=facts.sender,
        repeats=facts.repeats,
    )
    (staged / MANIFEST).write_text(json_text(manifest), encoding="utf-8")
    require_readable(staged)


def redacted(redaction: Redaction, facts: RunFacts) -> RunFacts:
    """Return redacted facts; a key's fingerprint stays whole, for parts of it may look like a path."""
    known = redaction.document(facts)
    if facts.sender is None or known.sender is None:
        return known
    return msgspec.structs.replace(known, sender=msgspec.structs.replace(known.sender, key=facts.sender.key))


def file_entries(root: Path) -> dict[str, FileEntry]:
    """Return size and SHA-256 of every file in a bundle by path, without manifest, contributor and signatures."""
    return {
        path.relative_to(root).as_posix(): FileEntry(sha256=sha256_of(path), bytes=path.stat().st_size)
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.relative_to(root).as_posix() not in _UNLISTED
    }


def _stage(run_folder: RunFolder, challenge: Challenge, staged: Path, redaction: Redaction) -> None:
    """Copy the challenge's manifest, run, records, results with their answers, and experiments."""
    shutil.copyfile(challenge.folder / MANIFEST_NAME, staged / "challenge.json")
    for name in ("run.json", "checked.json"):
        _copy_json(run_folder.root / name, staged / name, redaction)
    for path in sorted((run_folder.root / "records").glob("*.json")):
        _copy_json(path, staged / "records" / path.name, redaction)
    for path in sorted(run_folder.root.glob(MEASUREMENTS)):
        _stage_result(path.parent, staged / path.parent.relative_to(run_folder.root), redaction)
    for source in sorted(path.parent for path in run_folder.root.glob("experiments/*/experiment.json")):
        target = staged / "experiments" / source.name
        for path in filter(Path.is_file, (source / "experiment.json", source / "answer.json")):
            _copy_json(path, target / path.name, redaction)
        _stage_lines(source, target, redaction)
        for result in sorted({path.parent for run, _ in RUNS for path in source.glob(f"{KEPT_RESULTS}/{run}")}):
            _stage_result(result, target / result.relative_to(source), redaction)
    stage_answers(run_folder.root, staged)


def _stage_lines(source: Path, target: Path, redaction: Redaction) -> None:
    """Copy the stored measurements of an experiment; write no file without any."""
    lines = [redaction.value(asdict(each)) for each in Store(source).measurements()]
    if lines:
        text = "".join(f"{json.dumps(line, sort_keys=True, ensure_ascii=False)}\n" for line in lines)
        (target / LINES_FILE).write_text(text, encoding="utf-8")


def _stage_result(source: Path, target: Path, redaction: Redaction) -> None:
    """Copy the measurement, settings, sessions, and session logs of a result; ignore other files."""
    target.mkdir(parents=True)
    if (source / "measurement.json").is_file():
        _copy_json(source / "measurement.json", target / "measurement.json", redaction)
    for path in filter(Path.is_file, (source / "user.conf", source / "mlperf.conf")):
        (target / path.name).write_text(redaction.text(path.read_text("utf-8")), encoding="utf-8")
    for session, logs in ((session, logs) for session, logs in RUNS if (source / session).is_file()):
        _copy_json(source / session, target / session, redaction)
        (target / logs).mkdir(parents=True)
        for name in read_session(source / session).logs:
            shutil.copyfile(source / logs / name, target / logs / name)
    texts, accuracy = (source / ACCURACY_DIR / ACCURACY_TEXT, source / ACCURACY_TEXT), target / ACCURACY_DIR
    text = next(filter(Path.is_file, texts), None)
    if text is not None and accuracy.is_dir():
        shutil.copyfile(text, accuracy / ACCURACY_TEXT)
        # The results keep the full log, so truncation's copy of it is dropped.
        with tempfile.TemporaryDirectory(prefix=".originals-", dir=target.parent) as originals:
            truncate_log(accuracy / ACCURACY_FILE, accuracy / ACCURACY_TEXT, Path(originals) / "kept")


def _copy_json(source: Path, target: Path, redaction: Redaction) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # Keep the order of keys: a measurement holds parts of its session as text.
    document = redaction.value(read_json(source))
    target.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
