"""Truncate accuracy logs for a submission, and never lose an original.

MLPerf inference v3.1: an accuracy log of 10 KiB or more is truncated to its first and last 4096 bytes with a mark
between them; accuracy.txt keeps the SHA-256 of the complete log. The work may be interrupted at any moment: first the
original is saved to the disk, then the hash is added to accuracy.txt, then the truncated log replaces the complete one
by a rename. A repeated call skips the steps that are done.

The name of an original holds its SHA-256 (`mlperf_log_accuracy.<sha256>.json`): logs of several runs never collide, and
a copy can always be checked.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.accuracy_log import KEPT_BYTES, is_truncated, shortened
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE
from mlperf_home.measurements.layout import ACCURACY_TEXT
from mlperf_home.submission.check.places import lock_submission
from scriptgraph.files.atomic import remove_leftovers, replace_bytes, replace_text, replacement, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIMIT_BYTES = 10 * 1024

_HASH_LINE = re.compile(r"^hash=(\w+)$", re.MULTILINE)
_CHUNK_BYTES = 1 << 20
_PREFIX, _SUFFIX = "mlperf_log_accuracy.", ".json"
_Outcome = Literal["truncated", "hashed", "unchanged", "restored"]
_RESCORE = "compute the accuracy again from the original log"


class TruncationError(LocatedError):
    """A log cannot be truncated or restored without loss."""


class _Place(NamedTuple):
    """One log, its accuracy.txt, and the folder for its original."""

    log: Path
    accuracy_txt: Path
    originals_dir: Path

    def report(self, outcome: _Outcome, sha256: str, original: Path | None) -> LogReport:
        """Return the report of an outcome, with the original if it exists."""
        kept = original if original and original.is_file() else None
        return LogReport(self.log, outcome, sha256, kept, self.log.stat().st_size)


@dataclass(frozen=True)
class LogReport:
    """The outcome for one log.

    Attributes:
        log: the log.
        outcome: "truncated"; "hashed" if only the hash was missing in accuracy.txt; "unchanged" if nothing was to be
            done; "restored".
        sha256: the hash of the original log.
        original: the copy of the original; None if there is none, as for a log that was never long.
        size_bytes: the size of the log after the call.
    """

    log: Path
    outcome: _Outcome
    sha256: str
    original: Path | None
    size_bytes: int


@dataclass(frozen=True)
class TreeReport:
    """The outcomes for the logs of a tree, in the order of their paths."""

    logs: tuple[LogReport, ...]

    @property
    def count(self) -> int:
        """The number of logs that the call truncated or restored."""
        return sum(report.outcome in {"truncated", "restored"} for report in self.logs)


def truncate_log(log: Path, accuracy_txt: Path, originals_dir: Path) -> LogReport:
    """Truncate one log if it is too long, and add its hash to accuracy.txt if that has none.

    The original is kept as `originals_dir/mlperf_log_accuracy.<sha256>.json`. A log below 10 KiB stays complete. A
    repeated call changes nothing.

    Raises:
        TruncationError: a file is absent or cannot be written; accuracy.txt has the hash of another log; or the log was
            truncated before, and its hash is unknown without its original.
    """
    return _located(_truncate, _Place(log, accuracy_txt, originals_dir))


def truncate_tree(root: Path, *, originals: Path) -> TreeReport:
    """Truncate the accuracy log of every folder called `accuracy` below `root`.

    Originals are kept below `originals` under the same relative paths.

    Raises:
        TruncationError: `root` is not a folder or is in use; `originals` is inside it; an accuracy.txt is absent (no
            log is changed then); or `truncate_log` fails.
    """
    return _process_tree(_truncate, root, originals)


def restore_tree(root: Path, *, originals: Path) -> TreeReport:
    """Replace truncated logs by their originals, found by the hashes in accuracy.txt; the copies stay.

    Raises:
        TruncationError: as in `truncate_tree`, an accuracy.txt has no hash, or an original is absent or damaged.
    """
    return _process_tree(_restore, root, originals)


def fetch_originals(root: Path, *, originals: Path, results_dir: Path) -> int:
    """Copy the originals that `restore_tree` lacks from `results_dir` to `originals`.

    Generating a submission truncates the logs in the submission; the originals stay in the folder of results.

    Returns:
        The number of logs without an original in either folder.

    Raises:
        TruncationError: as in `truncate_tree`, or `results_dir` is not a folder.
    """
    if not results_dir.is_dir():
        raise TruncationError(results_dir, "is not a folder", "pass the results that the submission was generated from")
    missing: dict[str, list[_Place]] = {}
    for place in _places(root, originals):
        recorded = _recorded_hash(place.accuracy_txt)
        if recorded and is_truncated(place.log) and not _original_path(place.originals_dir, recorded).is_file():
            missing.setdefault(recorded, []).append(place)
    log = results_dir
    try:
        for log in sorted(results_dir.rglob(ACCURACY_FILE)) if missing else ():
            sha256 = sha256_of(log)
            for place in missing.pop(sha256, ()):
                _save_original(log, sha256, place.originals_dir)
    except OSError as error:
        problem = f"cannot be read or written ({error.strerror})"
        raise TruncationError(error.filename or log, problem, "make it accessible, and repeat the command") from None
    return sum(map(len, missing.values()))


def _process_tree(process: Callable[[_Place], LogReport], root: Path, originals: Path) -> TreeReport:
    places = _places(root, originals)
    with lock_submission(root, TruncationError):
        return TreeReport(tuple(_located(process, place) for place in places))


def _places(root: Path, originals: Path) -> list[_Place]:
    if not root.is_dir():
        raise TruncationError(root, "is not a folder", "pass the root of a submission")
    if originals.resolve().is_relative_to(root.resolve()):
        raise TruncationError(originals, f"is inside {root}", "keep the originals outside the submission")
    # Only accuracy runs: the accuracy log of a performance run is empty.
    logs = [log for log in sorted(root.rglob(ACCURACY_FILE)) if log.parent.name == "accuracy"]
    places = [_Place(log, log.with_name(ACCURACY_TEXT), originals / log.parent.relative_to(root)) for log in logs]
    for place in places:
        # An unreadable accuracy.txt must fail before any log is changed.
        _recorded_hash(place.accuracy_txt)
    return places


def _located(process: Callable[[_Place], LogReport], place: _Place) -> LogReport:
    try:
        return process(place)
    except OSError as error:
        problem = f"cannot be read or written ({error.strerror or error})"
        advice = "make it accessible and run the command again; no original is lost"
        raise TruncationError(error.filename or place.log, problem, advice) from error


def _truncate(place: _Place) -> LogReport:
    recorded = _recorded_hash(place.accuracy_txt)
    for path in (place.log, place.accuracy_txt):
        # The round does not allow other files in a submission.
        remove_leftovers(path)
    if is_truncated(place.log):
        return _complete_truncated(place, recorded)
    sha256 = sha256_of(place.log)
    if recorded not in {"", sha256}:
        problem = f"has the hash of another log ({recorded}, not that of {place.log.name}, {sha256})"
        raise TruncationError(place.accuracy_txt, problem, _RESCORE)
    is_long = place.log.stat().st_size >= LIMIT_BYTES
    original = _save_original(place.log, sha256, place.originals_dir) if is_long else None
    if not recorded:
        _add_hash(place.accuracy_txt, sha256)
    if original is None:
        return place.report("unchanged" if recorded else "hashed", sha256, None)
    replace_bytes(place.log, shortened(original))
    return place.report("truncated", sha256, original)


def _complete_truncated(place: _Place, recorded: str) -> LogReport:
    """Add the hash of a log that was truncated before: it is the hash of the original, which must exist."""
    if recorded:
        return place.report("unchanged", recorded, _original_path(place.originals_dir, recorded))
    content, every = place.log.read_bytes(), sorted(place.originals_dir.glob(f"{_PREFIX}*{_SUFFIX}"))
    alike = [kept for kept in every if kept.stat().st_size >= KEPT_BYTES and shortened(kept) == content]
    if len(alike) == 1:
        sha256 = alike[0].name[len(_PREFIX) : -len(_SUFFIX)]
        original = _checked(alike[0], sha256)
        _add_hash(place.accuracy_txt, sha256)
        return place.report("hashed", sha256, original)
    problem = f"is truncated, {place.accuracy_txt.name} has no hash, and {place.originals_dir} has "
    if alike:
        problem += f"{len(alike)} originals with these first and last {KEPT_BYTES} bytes"
        raise TruncationError(place.log, problem, "move the originals of other runs out of that folder")
    raise TruncationError(place.log, f"{problem}no original", "put the original log there")


def _restore(place: _Place) -> LogReport:
    recorded = _recorded_hash(place.accuracy_txt)
    if not recorded:
        raise TruncationError(place.accuracy_txt, "has no hash", _RESCORE)
    original = _original_path(place.originals_dir, recorded)
    if not is_truncated(place.log):
        if sha256_of(place.log) != recorded:
            raise TruncationError(place.accuracy_txt, f"does not have the hash of {place.log.name}", _RESCORE)
        return place.report("unchanged", recorded, original)
    _copy_checked(original, place.log, recorded)
    return place.report("restored", recorded, original)


def _original_path(originals_dir: Path, sha256: str) -> Path:
    return originals_dir / f"{_PREFIX}{sha256}{_SUFFIX}"


def _save_original(log: Path, sha256: str, originals_dir: Path) -> Path:
    """Copy `log` to the originals, onto the disk; check and keep an existing copy."""
    kept = _original_path(originals_dir, sha256)
    if kept.exists():
        return _checked(kept, sha256)
    originals_dir.mkdir(parents=True, exist_ok=True)
    _copy_checked(log, kept, sha256)
    sync_folder(originals_dir.parent)
    return kept


def _copy_checked(source: Path, target: Path, sha256: str) -> None:
    """Replace `target` by a copy of `source` if the copy has the hash `sha256`; raise TruncationError otherwise."""
    digest = hashlib.sha256()
    with replacement(target) as copy, source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            copy.write(chunk)
        if digest.hexdigest() != sha256:
            raise TruncationError(source, f"does not have the SHA-256 {sha256}", "replace it by an intact copy")


def _checked(kept: Path, sha256: str) -> Path:
    if sha256_of(kept) != sha256:
        raise TruncationError(
            kept, "is damaged: its content does not match the hash in its name", "move it away or repair it"
        )
    return kept


def _recorded_hash(accuracy_txt: Path) -> str:
    """Return the hash in accuracy.txt, or an empty string."""
    try:
        hashes = set(_HASH_LINE.findall(accuracy_txt.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise TruncationError(accuracy_txt, f"cannot be read ({reason})", "compute the accuracy first") from error
    if len(hashes) > 1:
        raise TruncationError(accuracy_txt, f"has {len(hashes)} different hashes", _RESCORE)
    return str(hashes.pop()) if hashes else ""


def _add_hash(accuracy_txt: Path, sha256: str) -> None:
    text = accuracy_txt.read_text(encoding="utf-8")
    # The hash needs a line of its own to be found.
    separator = "" if not text or text.endswith("\n") else "\n"
    replace_text(accuracy_txt, f"{text}{separator}hash={sha256}\n")
