"""Take bundles into a board: each is verified in a process with limits, then stored, then receipted.

A killed collector leaves at most an archive without a receipt, which the next one replaces.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.challenges.bundles.bundle import MANIFEST
from mlperf_home.challenges.bundles.problems import grouped
from mlperf_home.challenges.bundles.sender import CONTRIBUTOR_FILE, CONTRIBUTOR_SIGNATURE, read_contributor
from mlperf_home.challenges.verification.confinement import Confinement, verify_confined
from mlperf_home.challenges.verification.verification import LIMITS, BundleError, read_manifest
from mlperf_home.contracts.leaderboard.events import KnownName, Receipt
from mlperf_home.contracts.leaderboard.keys import first_keys
from mlperf_home.contracts.leaderboard.limits import MOST_BYTES
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.leaderboard.collect.rows import bundle_rows
from mlperf_home.leaderboard.store.board import now_utc
from mlperf_home.submission.delivery import pack
from scriptgraph.embed import extract

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlperf_home.challenges.verification.verification import VerifiedBundle
    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.leaderboard.store.board import Board
    from mlperf_home.leaderboard.store.index import BoardIndex

USUAL = Confinement()
"""The limits of the verification of a bundle."""


@dataclass
class Collected:
    """What became of bundles.

    Attributes:
        taken: the receipts of new ones, by file.
        known: the numbers of the receipts of those that the board had, by file.
        refused: the reasons, by file.
    """

    taken: dict[Path, Receipt] = field(default_factory=dict)
    known: dict[Path, int] = field(default_factory=dict)
    refused: dict[Path, str] = field(default_factory=dict)


class RefusedError(Exception):
    """A bundle is not taken; the text says why."""


def stored_rows(board: Board) -> Callable[[Receipt], list[BoardResult]]:
    """Return the function that reads the results of a taken bundle from its archive."""

    def read(receipt: Receipt) -> list[BoardResult]:
        with tempfile.TemporaryDirectory(prefix=".rows-", dir=board.folder) as name:
            unpacked = Path(name) / "bundle"
            extract(board.archive(receipt, Path(name)), unpacked, LIMITS)
            return bundle_rows(next(unpacked.iterdir()), receipt)

    return read


def collect(
    board: Board,
    index: BoardIndex,
    bundles: Sequence[Path],
    say: Callable[[str], None],
    limits: Confinement = USUAL,
) -> Collected:
    """Take bundles into a held board and its index; one that cannot be taken leaves the others alone."""
    done = Collected()
    batch = next_batch(index)
    for number, path in enumerate(bundles, 1):
        try:
            _take(board, index, path, batch, done, limits)
        except (RefusedError, BundleError) as error:
            done.refused[path] = error.problem if isinstance(error, BundleError) else str(error)
        said = f"refused: {done.refused[path]}" if path in done.refused else "taken" if path in done.taken else "known"
        say(f"bundle {number} of {len(bundles)}, {path.name}: {said}")
    return done


def next_batch(index: BoardIndex) -> int:
    """Return the number of the next batch."""
    return max((receipt.batch for receipt in index.receipts()), default=0) + 1


def _take(board: Board, index: BoardIndex, path: Path, batch: int, done: Collected, limits: Confinement) -> None:
    with tempfile.TemporaryDirectory(prefix=".taking-", dir=board.folder) as name:
        verified, digest = check_bundle(path, Path(name), limits)
        if receipt := index.receipt_of(digest):
            done.known[path] = receipt.number
            return
        done.taken[path] = take_checked(board, index, verified, digest, Path(name), batch)


def check_bundle(path: Path, scratch: Path, limits: Confinement = USUAL) -> tuple[VerifiedBundle, str]:
    """Verify a bundle in a process with limits; return it, and the SHA-256 of its manifest.

    Raises:
        RefusedError: it is too large, or has problems.
        BundleError: it is no bundle.
    """
    if path.stat().st_size > MOST_BYTES:
        raise RefusedError(f"it has more than {MOST_BYTES >> 20} MiB")
    verified = verify_confined(path, scratch / "bundle", None, limits)
    if verified.problems:
        raise RefusedError("; ".join(grouped((each.file, each.problem) for each in verified.problems)[:3]))
    return verified, sha256_of(verified.root / MANIFEST)


def take_checked(
    board: Board, index: BoardIndex, verified: VerifiedBundle, digest: str, scratch: Path, batch: int | None = None
) -> Receipt:
    """Store a verified bundle in a held board, then write its receipt; return it.

    Args:
        board: the board.
        index: its index.
        verified: the bundle, which the board has not taken yet.
        digest: the SHA-256 of its manifest.
        scratch: a folder for files meanwhile.
        batch: the number of the batch; by default it is one of its own.

    Raises:
        RefusedError: it does not belong here.
    """
    root, manifest = verified.root, verified.manifest
    samples = manifest.sample or any(each.made_up for each in verified.report.results)
    if samples != board.settings.sample:
        kinds = ("real results", "samples")
        raise RefusedError(f"it holds {kinds[samples]}, and this is a board of {kinds[board.settings.sample]}")
    if not verified.report.results:
        raise RefusedError("it holds no result")
    name = _name_of(board, index, verified)
    for file in (CONTRIBUTOR_FILE, CONTRIBUTOR_SIGNATURE):
        (root / file).unlink(missing_ok=True)
    archive = scratch / "stored.tar.gz"
    pack(root, archive)
    sender = manifest.sender
    receipt = Receipt(
        number=max((each.number for each in index.receipts()), default=0) + 1,
        batch=next_batch(index) if batch is None else batch,
        bundle=digest,
        archive=sha256_of(archive),
        taken_utc=now_utc(),
        made_utc=manifest.made_utc,
        challenge=manifest.challenge,
        key=verified.signature.key if verified.signature else "",
        contributor=sender.contributor if sender and verified.signature else "",
        repeats=manifest.repeats,
        results=0,
    )
    rows = bundle_rows(root, receipt)
    receipt = msgspec.structs.replace(receipt, results=len(rows))
    board.objects.keep(archive, digest)
    if name is not None:
        board.keep_name(receipt.contributor, name)
    board.journal.append([receipt])
    index.catch_up({digest: rows})
    return receipt


def _name_of(board: Board, index: BoardIndex, verified: VerifiedBundle) -> KnownName | None:
    """Return the name to keep for a bundle. Raise RefusedError if another key has it, or if this key has another."""
    sender, signature = verified.manifest.sender, verified.signature
    if sender is None or signature is None or not (verified.root / CONTRIBUTOR_FILE).is_file():
        return None
    if sender.contributor in index.forgotten():
        return None
    contributor = read_contributor(verified.root)
    name = KnownName(name=contributor.name, link=contributor.link, key=signature.key)
    owners = first_keys(index.key_facts()["successor"])
    for known in board.names().values():
        same_owner = owners.get(known.key, known.key) == owners.get(name.key, name.key)
        if known.name.lower() == name.name.lower() and not same_owner:
            raise RefusedError(f"another key uses the name {name.name}")
        if same_owner and known.name.lower() != name.name.lower():
            raise RefusedError(f"its key has the name {known.name} here, not {name.name}")
    return name


def bundle_files(folder: Path) -> list[Path]:
    """Return the bundles in a folder and below it, or the one bundle at a path."""
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.rglob("*.tar.gz") if path.is_file())


def names_of(board: Board) -> Mapping[str, str]:
    """Return the names of contributors by pseudonym."""
    return {contributor: known.name for contributor, known in board.names().items()}


def manifest_digest(bundle: Path) -> str:
    """Return the SHA-256 of the manifest in a bundle's archive. Raise BundleError if it has none."""
    with tempfile.TemporaryDirectory() as name:
        extract(bundle, Path(name), LIMITS)
        root = next(Path(name).iterdir())
        read_manifest(bundle, root)
        return sha256_of(root / MANIFEST)
