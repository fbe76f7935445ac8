"""Verify a bundle: hash every file, find missing and extra files, recompute measurements, check the signature.

Hashes do not protect against forgery: an editor can rewrite them, and can change logs, sessions, and measurements
consistently. A signature names the person who answers for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.bundle import MANIFEST, SIGNATURE, file_entries
from mlperf_home.challenges.bundles.documents import document_problems, total_problems
from mlperf_home.challenges.bundles.problems import printable, problem_of
from mlperf_home.challenges.bundles.sender import sender_problems
from mlperf_home.challenges.definition.manifest import CHALLENGE_LIMITS, make_challenge
from mlperf_home.challenges.verification.answer_checks import answer_problems
from mlperf_home.challenges.verification.copied_accuracies import copied_problems
from mlperf_home.challenges.verification.cross_checks import document_contradictions
from mlperf_home.challenges.verification.exploration_checks import exploration_problems
from mlperf_home.challenges.verification.packing import packing_problems
from mlperf_home.challenges.verification.recomputation import experiment_problems, result_problems
from mlperf_home.contracts.challenges.bundle import MANIFEST_LIMITS, MOST_FILES, BundleManifest
from mlperf_home.contracts.challenges.lock import LOCK_LIMITS, ChallengeLock
from mlperf_home.contracts.challenges.machine import MACHINE_LIMITS, Machine
from mlperf_home.contracts.challenges.report import REPORT_LIMITS, ChallengeReport
from mlperf_home.contracts.challenges.run import RUN_LIMITS, ChallengeRun
from mlperf_home.contracts.codec import read_document
from mlperf_home.contracts.layouts import read_layout
from mlperf_home.errors import LocatedError
from mlperf_home.product import PRODUCT
from scriptgraph.embed import (
    ArchiveError,
    SignatureError,
    SshSignature,
    UnpackLimits,
    check_signature,
    extract,
    require_signers,
)
from scriptgraph.errors import DocumentError, ManifestError
from scriptgraph.files.json_reader import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.challenges.bundles.problems import Problem
    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.contracts.challenges.bundle import FileEntry

LIMITS = UnpackLimits(members=MOST_FILES, total_bytes=8 << 30, ratio=200.0, free_bytes=64 << 20)
"""LoadGen's logs compress to a tenth."""
AGAIN = "get the bundle from its contributor again"
_REQUIRED = (
    "challenge.json",
    "lock.json",
    "machine.json",
    "system.json",
    "run.json",
    "report.json",
    "report.md",
    "report.html",
)


class BundleError(LocatedError):
    """A bundle cannot be unpacked, or has no readable manifest."""


@dataclass(frozen=True)
class BundleProblem:
    """A problem of a bundle, and its file."""

    file: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}"


@dataclass(frozen=True)
class VerifiedBundle:
    """A bundle after verification.

    Attributes:
        root: the unpacked folder.
        challenge: the bundle's copy of the challenge; None if damaged.
        problems: every problem; empty for a valid bundle.
        signature: the signature; None if missing or invalid.
    """

    root: Path
    manifest: BundleManifest
    challenge: Challenge | None
    problems: tuple[BundleProblem, ...] = ()
    signature: SshSignature | None = None

    @cached_property
    def report(self) -> ChallengeReport:
        """The bundle's report; reading this and the other documents raises DocumentError if they are damaged."""
        return read_layout(self.root / "report.json", ChallengeReport, REPORT_LIMITS)

    @cached_property
    def run(self) -> ChallengeRun:
        """The run: its identity, and the endings of its workflows."""
        return read_layout(self.root / "run.json", ChallengeRun, RUN_LIMITS)

    @cached_property
    def lock(self) -> ChallengeLock:
        """The lock of the installation that made the bundle."""
        return read_layout(self.root / "lock.json", ChallengeLock, LOCK_LIMITS)

    @cached_property
    def machine(self) -> Machine:
        """The machine that made the bundle."""
        return read_document(self.root / "machine.json", Machine, MACHINE_LIMITS)


def verify(bundle: Path, into: Path, allowed_signers: Path | None = None) -> VerifiedBundle:
    """Unpack a bundle into `into`, an empty or missing folder, and check all of it; the folder stays.

    With `allowed_signers`, a missing signature, or one of another key, is a problem.

    Raises:
        BundleError: the bundle cannot be unpacked safely, or has no readable manifest.
        SignatureError: the list of allowed signers does not exist.
    """
    if allowed_signers is not None:
        require_signers(allowed_signers)
    try:
        extract(bundle, into, LIMITS)
    except ArchiveError as error:
        problem = str(error).removeprefix(f"{bundle}: ").removeprefix(f"{bundle}, ")
        raise BundleError(bundle, problem, AGAIN) from error
    root = _folder_of(bundle, into)
    signature, problems = _check_signature(root, allowed_signers)
    manifest, challenge, found = verify_folder(bundle, root)
    problems += [*sender_problems(root, manifest.sender, signature), *found, *packing_problems(bundle)]
    located = (BundleProblem(printable(file), text) for file, text in problems)
    return VerifiedBundle(root, manifest, challenge, tuple(dict.fromkeys(located)), signature)


def verify_folder(bundle: Path, root: Path) -> tuple[BundleManifest, Challenge | None, list[Problem]]:
    """Check the files of an unpacked bundle; return manifest, challenge, and problems, the most telling first.

    Raises:
        BundleError: it has no readable manifest, or its documents are too large together.
    """
    for file, problem in total_problems(root):
        raise BundleError(f"{bundle}: {file}", problem, AGAIN)
    manifest = read_manifest(bundle, root)
    challenge, of_challenge = read_challenge(root)
    missing = [(name, "is missing") for name in _REQUIRED if not (root / name).is_file()]
    problems = [*_file_problems(root, manifest.files), *missing, *of_challenge, *document_problems(root)]
    if challenge is not None:
        if not missing:
            problems += document_contradictions(root, challenge, manifest)
        problems += [*result_problems(root), *experiment_problems(root), *exploration_problems(root)]
        problems += copied_problems(root)
    problems += answer_problems(root)
    return manifest, challenge, problems


def _check_signature(root: Path, allowed_signers: Path | None) -> tuple[SshSignature | None, list[Problem]]:
    if (root / SIGNATURE).is_file():
        try:
            return check_signature(root / MANIFEST, root / SIGNATURE, allowed_signers, PRODUCT.name), []
        except SignatureError as error:
            return None, [(SIGNATURE, printable(f"{error.problem}; {error.advice}"))]
    return None, [(SIGNATURE, "is missing: the bundle has no signature")] if allowed_signers else []


def _folder_of(bundle: Path, into: Path) -> Path:
    """Return the only folder of a bundle. Raise BundleError if it holds anything else."""
    paths = sorted(into.iterdir())
    if len(paths) != 1 or not paths[0].is_dir():
        names = ", ".join(path.name for path in paths[:5])
        raise BundleError(bundle, f"is no bundle: it holds {names or 'nothing'} instead of one folder", AGAIN)
    return paths[0]


def read_manifest(bundle: Path, root: Path) -> BundleManifest:
    """Read the manifest of an unpacked bundle. Raise BundleError if it is damaged, or of another folder."""
    where = f"{bundle}: {MANIFEST}"
    try:
        manifest = read_layout(root / MANIFEST, BundleManifest, MANIFEST_LIMITS)
    except DocumentError as error:
        raise BundleError(where, problem_of(error), AGAIN) from None
    if manifest.challenge != root.name:
        raise BundleError(where, f"names another challenge than its folder {root.name!r}", AGAIN)
    return manifest


def _file_problems(root: Path, listed: Mapping[str, FileEntry]) -> Iterator[Problem]:
    present = file_entries(root)
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            yield name, "is missing"
        elif name not in listed:
            yield name, "is not listed in the manifest"
        elif listed[name] != present[name]:
            yield name, "was changed: size or hash differs from the manifest"
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or (path.is_file() and path.stat().st_nlink > 1):
            yield name, "is a link; bundles hold only files and folders"
        elif path.is_dir() and not any(path.iterdir()):
            yield name, "is an empty folder; bundles hold none"


def read_challenge(root: Path) -> tuple[Challenge | None, list[Problem]]:
    """Return the challenge of an unpacked bundle, None if it is damaged, and its problems."""
    path = root / "challenge.json"
    try:
        document = read_json(path, CHALLENGE_LIMITS)
        if isinstance(document, dict):
            document.pop("guides", None)  # bundles leave these files out
        challenge = make_challenge(document, path)
    except (DocumentError, ManifestError) as error:
        return None, [(path.name, problem_of(error))]
    other = challenge.name != root.name
    return challenge, [(path.name, f"names the challenge {challenge.name!r}, not {root.name!r}")] if other else []
