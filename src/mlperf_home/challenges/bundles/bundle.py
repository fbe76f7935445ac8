"""A bundle: all that a run of a challenge has to show, in one archive with one manifest of hashes.

<challenge>/
   bundle.json                the manifest: what it is, and size and SHA-256 of every other file
   bundle.json.sig            the contributor's signature of the manifest, where one was wanted
   challenge.json  lock.json  what was run, and what it was made of
   machine.json  system.json  the machine; its description as in a submission
   run.json  records/         what was asked, how it ended, the records of the runs
   results/                   measurements, sessions, LoadGen's logs; accuracy logs truncated as in a submission
   experiments/               explorations: what they are, their answers, measurements, and the whole runs they kept
   report.json  report.md  report.html
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.forms import forms, json_text
from mlperf_home.challenges.bundles.report import make_report
from mlperf_home.challenges.bundles.report_parts import report_parts
from mlperf_home.challenges.bundles.results import KEPT_RESULTS, MEASUREMENTS
from mlperf_home.challenges.bundles.signature import sign
from mlperf_home.challenges.definition.manifest import MANIFEST_NAME
from mlperf_home.contracts.bundle import BundleManifest, FileEntry
from mlperf_home.contracts.session import read_session, sha256_of
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE
from mlperf_home.measurements.layout import (
    ACCURACY_DIR,
    ACCURACY_SESSION,
    ACCURACY_TEXT,
    PERFORMANCE_DIR,
    PERFORMANCE_SESSION,
)
from mlperf_home.measurements.store import LINES_FILE, Store, to_line
from mlperf_home.submission.delivery import pack
from mlperf_home.submission.truncation import truncate_log
from scriptgraph.files.json_reader import parse_json, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.challenges.bundles.redaction import Redaction
    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.challenges.definition.work import Work
    from mlperf_home.contracts.challenge_lock import ChallengeLock
    from mlperf_home.contracts.challenge_report import RunFacts

MANIFEST, SIGNATURE = "bundle.json", "bundle.json.sig"
RUNS = ((PERFORMANCE_SESSION, PERFORMANCE_DIR), (ACCURACY_SESSION, ACCURACY_DIR))


@dataclass(frozen=True)
class RunDescription:
    """What a bundle tells besides results: facts of the run, the lock of what is here, the system by MLPerf's keys."""

    facts: RunFacts
    lock: ChallengeLock
    system: Mapping[str, str]


def make_bundle(
    work: Work, challenge: Challenge, description: RunDescription, redaction: Redaction, sign_key: Path | None
) -> Path:
    """Write the report beside the results, and the bundle; each is whole or as it was before.

    `redaction` takes out what names a person or their machine; `sign_key` is the SSH key to sign with, if any.

    Raises:
        LocatedError: something cannot be packed or signed, or a result is damaged.
        DocumentError: a document of the run cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix=".bundle-", dir=work.root) as name:
        staged = Path(name) / challenge.name
        staged.mkdir()
        _stage(work, challenge, staged, redaction)
        _write_documents(staged, challenge, description, redaction)
        if sign_key is not None:
            sign(staged / MANIFEST, sign_key)
        target = work.root / "bundle.tar.gz"
        pack(staged, target)
        for path in staged.glob("report.*"):
            path.replace(work.root / path.name)
    return target


def _write_documents(staged: Path, challenge: Challenge, description: RunDescription, redaction: Redaction) -> None:
    """Write what the run knows besides its results: lock, system, machine, report; and the manifest of all files."""
    facts = redaction.document(description.facts)
    documents = {
        "lock": description.lock,
        "system": redaction.value(dict(description.system)),
        "machine": facts.machine,
    }
    for name, document in documents.items():
        (staged / f"{name}.json").write_text(json_text(document), encoding="utf-8")
    report = make_report(challenge, staged, facts)
    for ending, text in forms(report, f"{challenge.title}: report", report_parts(report)).items():
        (staged / f"report.{ending}").write_text(text, encoding="utf-8")
    manifest = BundleManifest(
        challenge=challenge.name,
        sample=facts.sample,
        made_utc=facts.made_utc,
        version=facts.version,
        files=file_entries(staged),
    )
    (staged / MANIFEST).write_text(json_text(manifest), encoding="utf-8")


def file_entries(root: Path) -> dict[str, FileEntry]:
    """Return size and SHA-256 of every file that a bundle's manifest lists, by its path."""
    return {
        path.relative_to(root).as_posix(): FileEntry(sha256=sha256_of(path), bytes=path.stat().st_size)
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.relative_to(root).as_posix() not in {MANIFEST, SIGNATURE}
    }


def _stage(work: Work, challenge: Challenge, staged: Path, redaction: Redaction) -> None:
    """Copy what was run and its results; of experiments answers, measurements and the whole runs they kept."""
    shutil.copyfile(challenge.folder / MANIFEST_NAME, staged / "challenge.json")
    _copy_json(work.root / "run.json", staged / "run.json", redaction)
    for path in sorted((work.root / "records").glob("*.json")):
        _copy_json(path, staged / "records" / path.name, redaction)
    for path in sorted(work.root.glob(MEASUREMENTS)):
        _stage_result(path.parent, staged / path.parent.relative_to(work.root), redaction)
    for source in sorted(path.parent for path in work.root.glob("experiments/*/experiment.json")):
        target = staged / "experiments" / source.name
        for path in filter(Path.is_file, (source / "experiment.json", source / "answer.json")):
            _copy_json(path, target / path.name, redaction)
        _stage_lines(source, target, redaction)
        for result in sorted({path.parent for run, _ in RUNS for path in source.glob(f"{KEPT_RESULTS}/{run}")}):
            _stage_result(result, target / result.relative_to(source), redaction)


def _stage_lines(source: Path, target: Path, redaction: Redaction) -> None:
    """Copy the measurements of an experiment, if it has any."""
    lines = [redaction.value(parse_json(to_line(each), Store(source).path)) for each in Store(source).measurements()]
    if lines:
        text = "".join(f"{json.dumps(line, sort_keys=True, ensure_ascii=False)}\n" for line in lines)
        (target / LINES_FILE).write_text(text, encoding="utf-8")


def _stage_result(source: Path, target: Path, redaction: Redaction) -> None:
    """Copy a result: what is named by its sessions, and nothing else."""
    target.mkdir(parents=True)
    if (source / "measurement.json").is_file():
        _copy_json(source / "measurement.json", target / "measurement.json", redaction)
    for path in filter(Path.is_file, (source / "user.conf", source / "mlperf.conf")):
        (target / path.name).write_text(redaction.text(path.read_text("utf-8")), encoding="utf-8")
    for session, logs in (each for each in RUNS if (source / each[0]).is_file()):
        _copy_json(source / session, target / session, redaction)
        (target / logs).mkdir(parents=True)
        for name in read_session(source / session).logs:
            shutil.copyfile(source / logs / name, target / logs / name)
    texts, accuracy = (source / ACCURACY_DIR / ACCURACY_TEXT, source / ACCURACY_TEXT), target / ACCURACY_DIR
    text = next(filter(Path.is_file, texts), None)
    if text is not None and accuracy.is_dir():
        shutil.copyfile(text, accuracy / ACCURACY_TEXT)
        # The whole log stays with the results, so the copy that truncation keeps is not needed.
        with tempfile.TemporaryDirectory(prefix=".originals-", dir=target.parent) as originals:
            truncate_log(accuracy / ACCURACY_FILE, accuracy / ACCURACY_TEXT, Path(originals) / "kept")


def _copy_json(source: Path, target: Path, redaction: Redaction) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # The order stays: measurements hold what a session has as text.
    document = redaction.value(read_json(source))
    target.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
