"""Shorten accuracy logs for a submission, and never lose an original.

MLPerf inference v3.1: an accuracy log of 10 KiB or more is cut to its first and last 4096 bytes with a mark between
them; accuracy.txt keeps the SHA-256 of the whole log. The order of work makes every moment safe to be killed in: the
original is saved and on the disk first, then accuracy.txt gets the hash, then the short log takes the long one's
place by a rename. Run again, each step finds what is done already.

An original's name holds its SHA-256 (`mlperf_log_accuracy.<sha256>.json`), so the logs of several runs never meet, and
a copy can always be checked.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from mlperf_home.contracts.session import sha256_of
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
    """A log cannot be shortened or restored without losing something."""


class _Place(NamedTuple):
    """One log, its accuracy.txt, and the folder for its original."""

    log: Path
    accuracy_txt: Path
    originals_dir: Path

    def report(self, outcome: _Outcome, sha256: str, original: Path | None) -> LogReport:
        """Return what happened, with the original if it is there."""
        kept = original if original and original.is_file() else None
        return LogReport(self.log, outcome, sha256, kept, self.log.stat().st_size)


@dataclass(frozen=True)
class LogReport:
    """What happened to one log.

    Attributes:
        log: the log.
        outcome: "truncated"; "hashed", where only the hash was missing in accuracy.txt; "unchanged", where all was
            done before; "restored".
        sha256: of the original log.
        original: where the original is kept; None where it is not, as for a log that was never long.
        size_bytes: of the log in its place, now.
    """

    log: Path
    outcome: _Outcome
    sha256: str
    original: Path | None
    size_bytes: int


@dataclass(frozen=True)
class TreeReport:
    """What happened to the logs of a tree, in the order of their paths."""

    logs: tuple[LogReport, ...]

    @property
    def count(self) -> int:
        """How many logs this call truncated or restored."""
        return sum(report.outcome in {"truncated", "restored"} for report in self.logs)


def truncate_log(log: Path, accuracy_txt: Path, originals_dir: Path) -> LogReport:
    """Shorten one log that is too long, and see that accuracy.txt has its hash.

    The original is kept as `originals_dir/mlperf_log_accuracy.<sha256>.json`. A log below 10 KiB stays whole.
    Repeating the call changes nothing.

    Raises:
        TruncationError: a file is absent or cannot be written; accuracy.txt has the hash of another log; or the
            log was truncated before and no original tells its hash.
    """
    return _located(_truncate, _Place(log, accuracy_txt, originals_dir))


def truncate_tree(root: Path, *, originals: Path) -> TreeReport:
    """Shorten the accuracy log of every folder called `accuracy` below `root`.

    Originals are kept below `originals` under the same relative paths.

    Raises:
        TruncationError: `root` is no folder or in use, `originals` is inside it, an accuracy.txt is absent (nothing is
            changed then), or as `truncate_log` says.
    """
    return _each(_truncate, root, originals)


def restore_tree(root: Path, *, originals: Path) -> TreeReport:
    """Put the originals, whose hashes accuracy.txt has, in the place of truncated logs; the kept copies stay.

    Raises:
        TruncationError: as `truncate_tree` says, an accuracy.txt has no hash, or an original is absent or damaged.
    """
    return _each(_restore, root, originals)


def fetch_originals(root: Path, *, originals: Path, results_dir: Path) -> int:
    """Copy to `originals` what `restore_tree` needs and only `results_dir` has; give how many logs it has not.

    A submission that was generated from results has its logs truncated on the way: the originals are the results'.

    Raises:
        TruncationError: as `truncate_tree` says, or `results_dir` is no folder.
    """
    if not results_dir.is_dir():
        raise TruncationError(results_dir, "is not a folder", "give the results that the submission was made from")
    wanted: dict[str, list[_Place]] = {}
    for place in _places(root, originals):
        recorded = _recorded_hash(place.accuracy_txt)
        if recorded and is_truncated(place.log) and not _original_path(place.originals_dir, recorded).is_file():
            wanted.setdefault(recorded, []).append(place)
    for log in sorted(results_dir.rglob(ACCURACY_FILE)) if wanted else ():
        for place in wanted.pop(sha256_of(log), ()):
            _save_original(log, _recorded_hash(place.accuracy_txt), place.originals_dir)
    return sum(map(len, wanted.values()))


def _each(work: Callable[[_Place], LogReport], root: Path, originals: Path) -> TreeReport:
    places = _places(root, originals)
    with lock_submission(root, TruncationError):
        return TreeReport(tuple(_located(work, place) for place in places))


def _places(root: Path, originals: Path) -> list[_Place]:
    if not root.is_dir():
        raise TruncationError(root, "is not a folder", "give the root of a submission")
    if originals.resolve().is_relative_to(root.resolve()):
        raise TruncationError(originals, f"is inside {root}", "keep the originals outside the submission")
    # Folders of accuracy runs; a performance run's empty log is left alone.
    logs = [log for log in sorted(root.rglob(ACCURACY_FILE)) if log.parent.name == "accuracy"]
    places = [_Place(log, log.with_name(ACCURACY_TEXT), originals / log.parent.relative_to(root)) for log in logs]
    for place in places:
        # Read in all folders before anything is changed in one.
        _recorded_hash(place.accuracy_txt)
    return places


def _located(work: Callable[[_Place], LogReport], place: _Place) -> LogReport:
    try:
        return work(place)
    except OSError as error:
        problem = f"cannot be read or written ({error.strerror or error})"
        advice = "make it accessible and try again: no original is lost"
        raise TruncationError(error.filename or place.log, problem, advice) from error


def _truncate(place: _Place) -> LogReport:
    recorded = _recorded_hash(place.accuracy_txt)
    for path in (place.log, place.accuracy_txt):
        # A submission may hold no other files.
        remove_leftovers(path)
    if is_truncated(place.log):
        return _complete_truncated(place, recorded)
    sha256 = sha256_of(place.log)
    if recorded not in {"", sha256}:
        problem = f"has the hash of another log than {place.log.name} ({recorded}, not {sha256})"
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
    """See that a log truncated before has its hash: its own would be wrong, so the original's is looked up."""
    if recorded:
        return place.report("unchanged", recorded, _original_path(place.originals_dir, recorded))
    content = place.log.read_bytes()
    for kept in sorted(place.originals_dir.glob(f"{_PREFIX}*{_SUFFIX}")):
        if kept.stat().st_size >= KEPT_BYTES and shortened(kept) == content:
            sha256 = kept.name[len(_PREFIX) : -len(_SUFFIX)]
            original = _checked(kept, sha256)
            _add_hash(place.accuracy_txt, sha256)
            return place.report("hashed", sha256, original)
    problem = f"is truncated, {place.accuracy_txt.name} has no hash, and {place.originals_dir} has no original"
    raise TruncationError(place.log, problem, "put the original log back")


def _restore(place: _Place) -> LogReport:
    recorded = _recorded_hash(place.accuracy_txt)
    if not recorded:
        raise TruncationError(place.accuracy_txt, "has no hash", _RESCORE)
    original = _original_path(place.originals_dir, recorded)
    if not is_truncated(place.log):
        if sha256_of(place.log) != recorded:
            raise TruncationError(place.accuracy_txt, f"has the hash of another log than {place.log.name}", _RESCORE)
        return place.report("unchanged", recorded, original)
    _copy_checked(original, place.log, recorded)
    return place.report("restored", recorded, original)


def _original_path(originals_dir: Path, sha256: str) -> Path:
    return originals_dir / f"{_PREFIX}{sha256}{_SUFFIX}"


def _save_original(log: Path, sha256: str, originals_dir: Path) -> Path:
    """Copy `log` to its place, onto the disk, or find that it is there; nothing is ever overwritten."""
    kept = _original_path(originals_dir, sha256)
    if kept.exists():
        return _checked(kept, sha256)
    originals_dir.mkdir(parents=True, exist_ok=True)
    _copy_checked(log, kept, sha256)
    sync_folder(originals_dir.parent)
    return kept


def _copy_checked(source: Path, target: Path, sha256: str) -> None:
    """Put a copy of `source` in the place of `target` if, and only if, it has this hash."""
    digest = hashlib.sha256()
    with replacement(target) as copy, source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            copy.write(chunk)
        if digest.hexdigest() != sha256:
            raise TruncationError(source, f"does not have the SHA-256 {sha256}", "find an intact copy")


def _checked(kept: Path, sha256: str) -> Path:
    if sha256_of(kept) != sha256:
        raise TruncationError(kept, "is damaged: its content is not what its name says", "move it away or repair it")
    return kept


def _recorded_hash(accuracy_txt: Path) -> str:
    """Return the hash that accuracy.txt has, or an empty string."""
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
    # A hash at the end of another line would not be found.
    separator = "" if not text or text.endswith("\n") else "\n"
    replace_text(accuracy_txt, f"{text}{separator}hash={sha256}\n")
