"""The questions for calibrating a quantisation: an even part of a file that is not the evaluation's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.squad.reading import OFFICIAL_SHA256
from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_text
from scriptgraph.files.json_reader import Limits, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_QUESTIONS = 1024
_LIMITS = Limits(size=64 << 20, depth=16, values=5_000_000)
_ADVICE = "pass questions of the model's training with --calibration_path"


def refuse_evaluation(source: Path, evaluation: Path | None) -> None:
    """Raise DatasetError if a file has the questions of the evaluation: SQuAD's, or the user's own file."""
    digest = sha256_of(source)
    if digest == OFFICIAL_SHA256 or (evaluation is not None and digest == sha256_of(evaluation)):
        raise DatasetError(source, "has the questions of the evaluation, which must not calibrate a model", _ADVICE)


def write_part(source: Path, target: Path) -> Path:
    """Write at most MOST_QUESTIONS questions, which lie evenly in the source, with their contexts.

    Raises:
        DatasetError: the source is not in SQuAD v1.1 format.
    """
    try:
        document = read_json(source, _LIMITS)
        questions = list(_questions(document))
    except DocumentError as error:
        raise DatasetError(source, error.problem, _ADVICE) from None
    except (KeyError, TypeError) as error:
        raise DatasetError(source, f"is not in SQuAD v1.1 format (no {error})", _ADVICE) from None
    step = max(1.0, len(questions) / MOST_QUESTIONS)
    chosen = [questions[int(number * step)] for number in range(min(len(questions), MOST_QUESTIONS))]
    article = {
        "title": "calibration",
        "paragraphs": [{"context": text, "qas": [question]} for text, question in chosen],
    }
    replace_text(target, json.dumps({"version": document.get("version", "1.1"), "data": [article]}))
    return target


def _questions(document: Any) -> Iterator[tuple[str, Any]]:
    for article in document["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                yield paragraph["context"], question
