"""The program `mlperf-home`: the commands of `cm`, also where cm is not on the path."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scriptgraph.embed import Command

# The least new objects for a search for garbage; imports make thousands, and no garbage.
_YOUNG_OBJECTS = 50_000


def main() -> None:
    """Run the command line, and end the process with its exit status."""
    gc.set_threshold(_YOUNG_OBJECTS)
    from mlperf_home.actions import action_function  # noqa: PLC0415 - after the line above
    from mlperf_home.product import PRODUCT  # noqa: PLC0415 - as above
    from scriptgraph.embed import Program  # noqa: PLC0415 - as above

    status = Program(PRODUCT, action_function, _commands).run(sys.argv[1:])
    sys.stderr.flush()
    # Nothing is left to do: to take Python's modules apart would cost a short command a tenth of its time.
    os._exit(status)


def _commands() -> Iterable[Command]:
    from mlperf_home.command_line import commands  # noqa: PLC0415 - imports the tables of all commands

    return commands()


if __name__ == "__main__":
    main()
