"""Report the container that this runs in, as one line of JSON: `python -m scriptgraph.cli.container.inside PATH...`.

It runs in each new image before the command does, so it imports little.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from scriptgraph.files.control_groups import memory_limit_bytes


def main(paths: list[str]) -> None:
    """Print the CPUs and the memory of this process, and which of the paths it can read and write."""
    facts = {
        "cpus": sorted(os.sched_getaffinity(0)),
        "memory_bytes": memory_limit_bytes(Path("/"))[0],
        "readable": [path for path in paths if os.access(path, os.R_OK)],
        "writable": [path for path in paths if os.access(path, os.W_OK)],
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1:])
