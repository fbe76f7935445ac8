"""The ending of every command that reads or makes datasets: one line of JSON, or one line of what is wrong."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from mlperf_home.errors import LocatedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EXIT_BAD_INPUT = 65


def report(work: Callable[[], Mapping[str, Any]]) -> int:
    """Do the work, print what it returns, and return the exit code."""
    try:
        outcome = work()
    except LocatedError as error:
        print(f"mlperf-home: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    print(json.dumps(outcome))
    return 0
