"""Write the sample: `python -m mlperf_home.samples.questions --out DIR [--seed N] [--questions N]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.datasets.base import report
from mlperf_home.samples.questions import write_sample
from mlperf_home.samples.questions.squad import QUESTIONS, SEED

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, print one JSON line with their paths, and return the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.samples.questions", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    parser.add_argument("--seed", type=int, default=SEED, help="the generator's seed (%(default)s)")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="the number of questions (%(default)s)")
    options = parser.parse_args(arguments)

    def write() -> dict[str, str]:
        files = write_sample(options.out, seed=options.seed, questions=options.questions)
        return {name: str(path) for name, path in files._asdict().items()}

    return report(write)


if __name__ == "__main__":
    sys.exit(main())
