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
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.bundles.report import (
    KEPT_RESULTS,
    MEASUREMENTS,
    forms,
    json_text,
    make_report,
    report_parts,
)
from mlperf_home.challenges.bundles.signature import sign
from mlperf_home.challenges.definition.manifest import MANIFEST_NAME
from mlperf_home.contracts.session import sha256_of
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.challenges.definition.work import Work

SCHEMA = "mlperf-home/bundle/1"
MANIFEST, SIGNATURE = "bundle.json", "bundle.json.sig"
RUNS = ((PERFORMANCE_SESSION, PERFORMANCE_DIR), (ACCURACY_SESSION, ACCURACY_DIR))
# An absolute path of two parts or more that is no part of an address or of another word; the system's own stay.
_ABSOLUTE = re.compile(
    r"(?<![\w<>.:/~-])/(?!(?:usr|bin|sbin|lib|lib64|proc|sys|etc|dev)/)[\w.@+~:-]+(?:/[\w.@+~:-]+)+/?"
)
_SHORTEST = 2


class Redaction:
    """Takes what names a person or a machine out of texts: folders get a word, other paths keep their end."""

    def __init__(self, folders: Mapping[str, Path], names: Iterable[str] = ()) -> None:
        """Take folders by what stands in their place ("<home>"), and names, replaced where one is a whole value."""
        written = {str(path).rstrip("/"): token for token, path in folders.items()}
        self._folders = [
            (re.compile(re.escape(path) + r"(?![\w.@+~-])"), token)
            for path, token in sorted(written.items(), key=lambda each: (-len(each[0]), each[0]))
            if len(path) >= _SHORTEST
        ]
        self._names = frozenset(name for name in names if name)

    def text(self, text: str) -> str:
        """Return a text without them."""
        if text in self._names:
            return "<name>"
        for path, token in self._folders:
            text = path.sub(token, text)
        return _ABSOLUTE.sub(lambda found: f"<elsewhere>/{found.group().rstrip('/').rpartition('/')[2]}", text)

    def value(self, value: Any) -> Any:
        """Return JSON without them, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(each) for each in value]
        return value


def make_bundle(
    work: Work, challenge: Challenge, facts: Mapping[str, Any], redaction: Redaction, sign_key: Path | None
) -> Path:
    """Write the report beside the results, and the bundle; each is whole or as it was before.

    `facts` are what the report tells besides results, with `lock`, the lock of what is here, `machine` and `system`;
    `redaction` takes out what names a person or their machine; `sign_key` is the SSH key to sign with, if any.

    Raises:
        LocatedError: something cannot be read, packed or signed.
    """
    with tempfile.TemporaryDirectory(prefix=".bundle-", dir=work.root) as name:
        staged = Path(name) / challenge.name
        staged.mkdir()
        _stage(work, challenge, staged, redaction)
        _write_documents(staged, challenge, facts, redaction)
        if sign_key is not None:
            sign(staged / MANIFEST, sign_key)
        target = work.root / "bundle.tar.gz"
        pack(staged, target)
        for path in staged.glob("report.*"):
            path.replace(work.root / path.name)
    return target


def _write_documents(staged: Path, challenge: Challenge, facts: Mapping[str, Any], redaction: Redaction) -> None:
    """Write what the run knows besides its results: lock, system, machine, report; and the manifest of all files."""
    told = redaction.value({key: value for key, value in facts.items() if key not in {"lock", "system"}})
    system = redaction.value(facts["system"])
    for file, document in (("lock", facts["lock"]), ("system", system), ("machine", told["machine"])):
        (staged / f"{file}.json").write_text(json_text(document), encoding="utf-8")
    report = make_report(challenge, staged, told)
    for ending, text in forms(report, f"{challenge.title}: report", report_parts(report)).items():
        (staged / f"report.{ending}").write_text(text, encoding="utf-8")
    manifest = {"schema": SCHEMA, "challenge": challenge.name, "files": file_entries(staged)}
    manifest |= {key: told[key] for key in ("sample", "made_utc", "version")}
    (staged / MANIFEST).write_text(json_text(manifest), encoding="utf-8")


def file_entries(root: Path) -> dict[str, dict[str, Any]]:
    """Return size and SHA-256 of every file that a bundle's manifest lists, by its path."""
    return {
        path.relative_to(root).as_posix(): {"sha256": sha256_of(path), "bytes": path.stat().st_size}
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
        lines = [redaction.value(json.loads(to_line(each))) for each in Store(source).measurements()]
        if lines:
            text = "".join(f"{json.dumps(line, sort_keys=True, ensure_ascii=False)}\n" for line in lines)
            (target / LINES_FILE).write_text(text, encoding="utf-8")
        for result in sorted({path.parent for run, _ in RUNS for path in source.glob(f"{KEPT_RESULTS}/{run}")}):
            _stage_result(result, target / result.relative_to(source), redaction)


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
        for name in json.loads((source / session).read_text("utf-8"))["logs"]:
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
    document = redaction.value(json.loads(source.read_text(encoding="utf-8")))
    target.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
