"""The answers of a bundle's accuracy runs: one file, in which results share what they have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.loadgen_logs.accuracy_log import kept_hash
from mlperf_home.loadgen_logs.answer_reader import read_answers
from mlperf_home.loadgen_logs.answer_writer import write_answers
from mlperf_home.loadgen_logs.answers import ANSWERS_FILE
from mlperf_home.measurements.layout import ACCURACY_DIR, ACCURACY_TEXT

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.loadgen_logs.answers import AnswerColumn


def accuracy_hashes(root: Path) -> dict[str, Path]:
    """Return the folder of each accuracy run below a folder, by the hash of its log that accuracy.txt keeps.

    Equal logs of several results have equal answers; the first is returned.
    """
    found: dict[str, Path] = {}
    for text in sorted(root.glob(f"**/{ACCURACY_DIR}/{ACCURACY_TEXT}")):
        if digest := kept_hash(text):
            found.setdefault(digest, text.parent)
    return found


def stage_answers(source: Path, staged: Path) -> None:
    """Put the answers beside each result's accuracy log in `source` into one file of a staged bundle.

    Answers that belong to another log are left out, and so are results of earlier versions, which kept none.

    Raises:
        AnswersError: answers are damaged, or too many.
    """
    columns = []
    for digest, folder in accuracy_hashes(staged).items():
        kept = source / folder.relative_to(staged) / ANSWERS_FILE
        if kept.is_file():
            columns += [each for each in read_answers(kept) if each.log_sha256 == digest]
    if columns:
        write_answers(staged / ANSWERS_FILE, columns)


def bundle_answers(root: Path) -> dict[str, AnswerColumn]:
    """Return the answers in an unpacked bundle, by the hash of their accuracy log; none in those of earlier versions.

    Raises:
        AnswersError: the answers are damaged.
    """
    path = root / ANSWERS_FILE
    return {each.log_sha256: each for each in read_answers(path)} if path.is_file() else {}
