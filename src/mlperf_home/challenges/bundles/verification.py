"""Verify a bundle: every file hashed, nothing missing or extra, measurements recomputed, signature checked.

What a signature adds: whoever changes a file can write its hash anew, and whoever changes logs, sessions and
measurements together in a way that fits cannot be told from an honest run. A signature says who answers for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.bundle import MANIFEST, SIGNATURE, file_entries
from mlperf_home.challenges.bundles.cross_checks import lock_problems, report_problems, run_problems
from mlperf_home.challenges.bundles.faults import fault_of, file_of
from mlperf_home.challenges.bundles.packing import packing_problems
from mlperf_home.challenges.bundles.recomputation import experiment_problems, result_problems
from mlperf_home.challenges.bundles.signature import Signature, SignatureError, check, require_list
from mlperf_home.challenges.definition.manifest import CHALLENGE_LIMITS, make_challenge
from mlperf_home.contracts.bundle import MANIFEST_LIMITS, MOST_FILES, BundleManifest
from mlperf_home.contracts.challenge_lock import LOCK_LIMITS, ChallengeLock
from mlperf_home.contracts.challenge_report import REPORT_LIMITS, ChallengeReport
from mlperf_home.contracts.challenge_run import RUN_LIMITS, ChallengeRun
from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.layouts import read_layout
from mlperf_home.contracts.machine import MACHINE_LIMITS, Machine
from mlperf_home.errors import LocatedError
from scriptgraph.embed import ArchiveError, Limits, extract
from scriptgraph.errors import DocumentError, ManifestError
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.challenges.bundles.faults import Problem
    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.contracts.bundle import FileEntry

LIMITS = Limits(members=MOST_FILES, total_bytes=8 << 30, ratio=200.0, free_bytes=64 << 20)
"""LoadGen's logs are packed to a tenth."""
_AGAIN = "take the bundle from its maker again"
_NEEDED = ("challenge.json", "lock.json", "machine.json", "system.json", "run.json", "report.json", "report.md")


class BundleError(LocatedError):
    """A bundle cannot be read at all."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: in which file, and what."""

    file: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}"


@dataclass(frozen=True)
class Verified:
    """A bundle that was read.

    Attributes:
        root: its unpacked folder.
        challenge: the challenge as it was; None where that is damaged.
        findings: all that is wrong; empty for a good bundle.
        signature: who signed; None without a good signature.
    """

    root: Path
    manifest: BundleManifest
    challenge: Challenge | None
    findings: tuple[Finding, ...] = ()
    signature: Signature | None = None

    @property
    def report(self) -> ChallengeReport:
        """The report in it; reading it, as the other documents, raises DocumentError if it is damaged."""
        return read_layout(self.root / "report.json", ChallengeReport, REPORT_LIMITS)

    @property
    def run(self) -> ChallengeRun:
        """How its workflows ended."""
        return read_layout(self.root / "run.json", ChallengeRun, RUN_LIMITS)

    @property
    def lock(self) -> ChallengeLock:
        """What it was made with."""
        return read_layout(self.root / "lock.json", ChallengeLock, LOCK_LIMITS)

    @property
    def machine(self) -> Machine:
        """The machine that it was made on."""
        return read_document(self.root / "machine.json", Machine, MACHINE_LIMITS)


def verify(bundle: Path, into: Path, allowed_signers: Path | None = None) -> Verified:
    """Unpack a bundle into a folder that is empty or not there, and stays; look at everything in it.

    With `allowed_signers`, a bundle without a signature of theirs is wrong.

    Raises:
        BundleError: it cannot be unpacked safely, or has no manifest.
        SignatureError: there is no such list.
    """
    if allowed_signers is not None:
        require_list(allowed_signers)
    try:
        extract(bundle, into, LIMITS)
    except ArchiveError as error:
        told = str(error).removeprefix(f"{bundle}: ").removeprefix(f"{bundle}, ")
        raise BundleError(bundle, told, _AGAIN) from error
    root = _folder_of(bundle, into)
    manifest = _read_manifest(bundle, root)
    challenge, problems = _challenge(root)
    problems = [*packing_problems(bundle), *_file_problems(root, manifest.files), *problems]
    missing = [(name, "is missing") for name in _NEEDED if not (root / name).is_file()]
    problems += missing
    if challenge is not None:
        problems += [*result_problems(root), *experiment_problems(root)]
        if not missing:
            problems += _document_problems(root, challenge, manifest)
    signature, findings = _check_signature(root, allowed_signers)
    findings += [Finding(*each) for each in problems]
    return Verified(root, manifest, challenge, tuple(dict.fromkeys(findings)), signature)


def _check_signature(root: Path, allowed_signers: Path | None) -> tuple[Signature | None, list[Finding]]:
    if (root / SIGNATURE).is_file():
        try:
            return check(root / MANIFEST, root / SIGNATURE, allowed_signers), []
        except SignatureError as error:
            return None, [Finding(SIGNATURE, f"{error.problem}; {error.advice}")]
    return None, [Finding(SIGNATURE, "is missing: the bundle is not signed")] if allowed_signers else []


def _folder_of(bundle: Path, into: Path) -> Path:
    """Return the one folder that a bundle holds."""
    found = sorted(into.iterdir())
    if len(found) != 1 or not found[0].is_dir():
        names = ", ".join(path.name for path in found[:5])
        raise BundleError(bundle, f"is no bundle: it holds {names or 'nothing'} in place of one folder", _AGAIN)
    return found[0]


def _read_manifest(bundle: Path, root: Path) -> BundleManifest:
    where = f"{bundle}: {MANIFEST}"
    try:
        manifest = read_layout(root / MANIFEST, BundleManifest, MANIFEST_LIMITS)
    except DocumentError as error:
        raise BundleError(where, fault_of(error), _AGAIN) from None
    if manifest.challenge != root.name:
        raise BundleError(where, f"is of another challenge than its folder {root.name!r}", _AGAIN)
    return manifest


def _document_problems(root: Path, challenge: Challenge, manifest: BundleManifest) -> Iterator[Problem]:
    """Yield what does not agree among the documents; each check ends with the first damaged document."""
    yield from _caught(root, "report.json", report_problems(root, challenge, manifest))
    yield from _caught(root, "run.json", run_problems(root, challenge, manifest))
    yield from _caught(root, "lock.json", lock_problems(root))


def _caught(root: Path, name: str, found: Iterator[Problem]) -> Iterator[Problem]:
    try:
        yield from found
    except (DocumentError, LocatedError) as error:
        yield file_of(error, root), fault_of(error)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:  # in a measurement
        yield name, f"cannot be compared with the rest of the bundle ({error!r})"


def _file_problems(root: Path, listed: Mapping[str, FileEntry]) -> Iterator[Problem]:
    there = file_entries(root)
    for name in sorted(listed.keys() | there.keys()):
        if name not in there:
            yield name, "is missing"
        elif name not in listed:
            yield name, "is extra: the manifest does not list it"
        elif listed[name] != there[name]:
            yield name, "was changed: it is not what the manifest lists"
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or (path.is_file() and path.stat().st_nlink > 1):
            yield name, "is a link: a bundle has none"
        elif path.is_dir() and not any(path.iterdir()):
            yield name, "is an empty folder: a bundle has none"


def _challenge(root: Path) -> tuple[Challenge | None, list[Problem]]:
    path = root / "challenge.json"
    try:
        document = read_json(path, CHALLENGE_LIMITS)
        if isinstance(document, dict):
            document.pop("guides", None)  # they are not in the bundle
        challenge = make_challenge(document, path)
    except (DocumentError, ManifestError) as error:
        return None, [(path.name, fault_of(error))]
    other = challenge.name != root.name
    return challenge, [(path.name, f"is of the challenge {challenge.name!r}")] if other else []
