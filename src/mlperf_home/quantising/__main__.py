"""`python -m mlperf_home.quantising --model F --features DIR --questions F --out F`: quantise a BERT model to int8."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.contracts.codec import print_line
from mlperf_home.contracts.runs.grids import Grid
from mlperf_home.contracts.runs.progress import print_failure
from mlperf_home.datasets.base import EXIT_BAD_INPUT, DatasetError
from mlperf_home.datasets.squad.reading import read_dataset
from mlperf_home.engines import registry
from mlperf_home.engines.base import LENGTHS, BackendError, EngineSetup
from mlperf_home.quantising.quantise import F1_GATE, quantise, split_questions
from mlperf_home.selection.accuracy_check import QuestionFiles, check_f1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.selection.accuracy_check import F1Estimate

_GRID = Grid(LENGTHS, (1,) * len(LENGTHS))


def main(arguments: Sequence[str] | None = None) -> int:
    """Quantise and check a model, print one JSON line, and return the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.quantising", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the dense ONNX model")
    parser.add_argument("--features", type=Path, required=True, help="the features of the calibration questions")
    parser.add_argument("--questions", type=Path, required=True, help="the calibration questions, not the evaluation's")
    parser.add_argument("--out", type=Path, required=True, help="the file of the int8 model")
    options = parser.parse_args(arguments)
    try:
        print_line(_quantise(options.model, QuestionFiles(options.features, options.questions), options.out))
    except (BackendError, DatasetError) as error:
        print_failure(error)
        return EXIT_BAD_INPUT
    return 0


def _quantise(model: Path, files: QuestionFiles, out: Path) -> dict[str, Any]:
    split = split_questions(len(read_dataset(files.questions).examples), files.questions)
    version = quantise(model, files.features, split.calibration, out)
    before, after = (_f1(path, files, split.check.tolist()) for path in (model, out))
    if after.percent < F1_GATE * before.percent:
        out.unlink()
        problem = f"its F1 falls from {before.percent:.2f} to {after.percent:.2f} on {before.questions} questions"
        raise BackendError(f"model {model}: {problem}, below {F1_GATE:.0%}; use the dense model")
    return {
        "f1_before_percent": before.percent,
        "f1_after_percent": after.percent,
        "questions": before.questions,
        "calibrated": len(split.calibration),
        "nncf_version": version,
    }


def _f1(model: Path, files: QuestionFiles, questions: list[int]) -> F1Estimate:
    backend = registry.make("openvino")
    with tempfile.TemporaryDirectory() as work_dir:
        # The same arithmetic for both, whatever the CPU has.
        backend.open(EngineSetup(model, Path(work_dir), _GRID, options={"precision": "f32", "fixed_shapes": False}))
        try:
            return check_f1(backend, _GRID, files, questions)
        finally:
            backend.close()


if __name__ == "__main__":
    sys.exit(main())
