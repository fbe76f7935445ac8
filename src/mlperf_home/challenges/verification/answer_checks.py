"""Check a bundle's answers against its accuracy runs: hash, number, the log's kept part, and the accuracy itself."""

from __future__ import annotations

import re
import struct
from math import isclose
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.accuracy.recomputing import Truths
from mlperf_home.challenges.bundles.answers import accuracy_hashes
from mlperf_home.challenges.bundles.problems import caught
from mlperf_home.contracts.runs.session import read_session
from mlperf_home.loadgen_logs.accuracy_log import (
    KEPT_BYTES,
    is_truncated,
    is_truncated_content,
    read_accuracy_text,
)
from mlperf_home.loadgen_logs.answer_reader import read_answers
from mlperf_home.loadgen_logs.answers import ANSWERS_FILE, NO_CLASS, NO_RESULT
from mlperf_home.loadgen_logs.run_log import ACCURACY_FILE
from mlperf_home.measurements.layout import ACCURACY_SESSION, ACCURACY_TEXT
from mlperf_home.samples.questions.squad import DATASET_SHA256
from mlperf_home.samples.truths import sample_labels, sample_questions
from scriptgraph.files.json_reader import parse_line
from scriptgraph.files.parsing import FaultyBytesError, parser_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlperf_home.challenges.bundles.problems import Problem
    from mlperf_home.contracts.runs.session import Session
    from mlperf_home.loadgen_logs.answers import AnswerColumn

_ENTRY = re.compile(rb"\{[^{}]*\}")
_CLASS = struct.Struct("<f")
"""The type in which the harness logs a class."""
_LARGEST_KEPT = 64 << 10
_KINDS = {"bert-99": "span"}


class AccuracyRun(NamedTuple):
    """An accuracy run of a bundle, with its answers."""

    folder: Path
    session: Session
    values: Mapping[str, float]
    answers: AnswerColumn

    @property
    def subject(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """What was answered: the benchmark, the model's name, and the dataset's hashes but those of its preparation."""
        identity = self.session.dataset.identity
        hashes = tuple((name, identity[name]) for name in ("labels_sha256", "dataset_sha256") if name in identity)
        return self.session.job.benchmark, self.folder.parent.parent.name, hashes

    def where(self, root: Path) -> str:
        """Return the run's folder within the bundle."""
        return self.folder.relative_to(root).as_posix()


def answer_problems(root: Path) -> Iterator[Problem]:
    """Yield contradictions between the answers of a bundle and its accuracy runs; nothing without answers."""
    if (root / ANSWERS_FILE).is_file():
        yield from caught(_problems(root), ANSWERS_FILE, root)


def _problems(root: Path) -> Iterator[Problem]:
    columns, folders = read_answers(root / ANSWERS_FILE), accuracy_hashes(root)
    seen = set()
    for column in columns:
        if column.log_sha256 in seen:
            yield ANSWERS_FILE, f"has the answers of the log {column.log_sha256} twice"
        elif column.log_sha256 not in folders:
            yield ANSWERS_FILE, f"has the answers of the log {column.log_sha256}, which no result in the bundle has"
        seen.add(column.log_sha256)
    for run in accuracy_runs(root):
        for problem in (*_count_problems(run), *_kept_problems(run), *accuracy_problems(run, _sample_truths(run))):
            yield ANSWERS_FILE, f"{run.where(root)}: {problem}"


def accuracy_runs(root: Path) -> Iterator[AccuracyRun]:
    """Yield the accuracy runs of a bundle that have answers.

    Raises:
        AnswersError, AccuracyTextError, IngestError: a file is damaged.
    """
    folders = accuracy_hashes(root)
    for column in read_answers(root / ANSWERS_FILE) if (root / ANSWERS_FILE).is_file() else ():
        if folder := folders.get(column.log_sha256):
            values = read_accuracy_text(folder / ACCURACY_TEXT).values
            yield AccuracyRun(folder, read_session(folder.parent / ACCURACY_SESSION), values, column)


def _count_problems(run: AccuracyRun) -> Iterator[str]:
    session, answers = run.session, run.answers
    kind = _KINDS.get(session.job.benchmark, "class")
    if answers.kind != kind:
        yield f"has answers of the kind {answers.kind}, but {session.job.benchmark} has those of the kind {kind}"
    elif kind == "class" and answers.count != session.dataset.count:
        yield f"has {answers.count} answers, but its session names {session.dataset.count} images"
    elif kind == "span" and answers.count > session.dataset.count:
        yield f"has {answers.count} answers, but its session names {session.dataset.count} parts of questions"
    total = run.values.get("total_samples")
    if kind == "class" and total is not None and answers.answered != total:
        yield f"has results of {answers.answered} images, but {ACCURACY_TEXT} counts {total:.0f}"


def _kept_problems(run: AccuracyRun) -> Iterator[str]:
    """Yield the first result in the log, or in what its truncation kept, that is another than the answer."""
    log = run.folder / ACCURACY_FILE
    if run.answers.kind != "class" or not (is_truncated(log) or log.stat().st_size <= _LARGEST_KEPT):
        return
    seen = set()
    content = log.read_bytes()
    # An entry that the truncation cut has its two ends on the two sides of the mark.
    kept = (content[:KEPT_BYTES], content[-KEPT_BYTES:]) if is_truncated_content(content) else (content,)
    for entry in (entry for part in kept for entry in _ENTRY.findall(part)):
        try:
            with parser_faults(FaultyBytesError):
                result = parse_line(entry)
                sample, logged = int(result["qsl_idx"]), int(_CLASS.unpack_from(bytes.fromhex(result["data"]))[0])
        except FaultyBytesError as error:
            yield f"the accuracy log {error}"
            return
        if sample in seen:
            continue
        seen.add(sample)
        wanted = logged if 0 <= logged < NO_CLASS else NO_CLASS
        stated = run.answers.values[sample] if 0 <= sample < run.answers.count else NO_RESULT
        if stated != wanted:
            yield f"answers {stated} to image {sample}, but the log has {logged}"
            return


def accuracy_problems(run: AccuracyRun, truths: Truths) -> Iterator[str]:
    """Yield values of accuracy.txt that do not follow from the answers, if these are the dataset's truths."""
    if not truths.know(run.answers, run.session.dataset.identity):
        return
    try:
        found = truths.accuracies(run.answers)
    except ValueError as error:
        yield f"has an impossible answer: {error}"
        return
    for name, value in found.items():
        stated = run.values.get(name)
        if stated is None or not isclose(stated, value, rel_tol=1e-9):
            yield f"{name} is {stated} in {ACCURACY_TEXT}, but the answers give {value}"


def _sample_truths(run: AccuracyRun) -> Truths:
    """Return the truths of the embedded sample; its questions are made only for a run on them."""
    if run.answers.kind == "class":
        return Truths(labels=sample_labels())
    of_sample = run.session.dataset.identity.get("dataset_sha256") == DATASET_SHA256
    return Truths(questions=sample_questions()) if of_sample else Truths()
