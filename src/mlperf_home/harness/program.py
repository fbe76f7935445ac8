"""What the programs in the workload's environment share: one file as argument, and failures as events."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.progress import print_failure
from mlperf_home.errors import LocatedError
from mlperf_home.harness.child import die_with_parent
from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from collections.abc import Callable

EXIT_REFUSED = 65


def run_program(module: str, description: str, option: str, act: Callable[[Path], object]) -> int:
    """Call `act` with the file of the command line's only option; return the exit status.

    The program ends with its parent, and by exception at SIGTERM. An error of ours is an event on standard output.
    """
    parser = argparse.ArgumentParser(prog=module, description=description)
    parser.add_argument(option, dest="file", type=Path, required=True, help="a JSON file")
    path = parser.parse_args().file
    die_with_parent(os.getppid())
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        act(path)
    except (LocatedError, ScriptGraphError) as error:
        print_failure(error)
        return EXIT_REFUSED
    return 0
