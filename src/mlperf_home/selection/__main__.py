"""`python -m mlperf_home.selection --plan F --out F`: a trial of engines; it runs in any engine's environment."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import print_line, read_document, write_document
from mlperf_home.contracts.runs.progress import OpeningEvent, print_failure
from mlperf_home.contracts.runs.selection import TrialPlan
from mlperf_home.datasets.base import EXIT_BAD_INPUT
from mlperf_home.engines.base import BackendError
from mlperf_home.selection.bench import ProcessBench
from mlperf_home.selection.trial import select

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trial of a plan, write its outcome, and return the exit code."""
    parser = argparse.ArgumentParser(prog="mlperf_home.selection", description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="the plan of the trial")
    parser.add_argument("--out", type=Path, required=True, help="the file for the outcome")
    options = parser.parse_args(arguments)
    plan = read_document(options.plan, TrialPlan)
    plan.work_dir.mkdir(parents=True, exist_ok=True)
    try:
        chosen = select(plan, ProcessBench(plan, lambda name: print_line(OpeningEvent(backend=name))))
    except BackendError as error:
        print_failure(error)
        return EXIT_BAD_INPUT
    write_document(options.out, chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
