"""Where the whole accuracy logs are kept once a submission has the short ones.

An original's name holds its SHA-256 (`mlperf_log_accuracy.<sha256>.json`), so the logs of several runs never meet,
and a copy can always be checked.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mlperf_home.contracts.session import sha256_of
from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.accuracy_log import KEPT_BYTES, shortened
from scriptgraph.files.atomic import replacement, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK_BYTES = 1 << 20
_PREFIX = "mlperf_log_accuracy."
_SUFFIX = ".json"


class TruncationError(LocatedError):
    """A log cannot be shortened or restored without losing something."""


def original_path(originals_dir: Path, sha256: str) -> Path:
    """Give the place of the original with this hash."""
    return originals_dir / f"{_PREFIX}{sha256}{_SUFFIX}"


def save_original(log: Path, sha256: str, originals_dir: Path) -> Path:
    """Copy `log` to its place, onto the disk, or find that it is there; nothing is ever overwritten.

    Raises:
        TruncationError: what is there is not what its name says, or the log changed meanwhile.
    """
    kept = original_path(originals_dir, sha256)
    if kept.exists():
        _check(kept, sha256)
        return kept
    originals_dir.mkdir(parents=True, exist_ok=True)
    copy_checked(log, kept, sha256)
    sync_folder(originals_dir.parent)
    return kept


def copy_checked(source: Path, target: Path, sha256: str) -> None:
    """Put a copy of `source` in the place of `target` if, and only if, it has this hash.

    Raises:
        TruncationError: it has another; `target` is as it was.
    """
    digest = hashlib.sha256()
    with replacement(target) as copy, source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            copy.write(chunk)
        if digest.hexdigest() != sha256:
            raise TruncationError(source, f"does not have the SHA-256 {sha256}", "find an intact copy")


def find_original(truncated: Path, originals_dir: Path) -> tuple[Path, str] | None:
    """Find the original, with its hash, from which a truncated log was made; None if it is not here."""
    content = truncated.read_bytes()
    for kept in sorted(originals_dir.glob(f"{_PREFIX}*{_SUFFIX}")):
        if kept.stat().st_size >= KEPT_BYTES and shortened(kept) == content:
            sha256 = kept.name[len(_PREFIX) : -len(_SUFFIX)]
            _check(kept, sha256)
            return kept, sha256
    return None


def _check(kept: Path, sha256: str) -> None:
    if sha256_of(kept) != sha256:
        raise TruncationError(kept, "is damaged: its content is not what its name says", "move it away or repair it")
