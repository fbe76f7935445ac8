"""Run the front in a process of its own: `run_front.py REPOSITORY COMMAND`, the command as JSON; prints the answer."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from mlperf_home.product import PRODUCT
from scriptgraph.embed import Engine


def main() -> None:
    repository, command = sys.argv[1:]
    engine = Engine(PRODUCT, Path(repository))
    os.environ["CM_CORE_SKIP_INTERNAL_REPOS"] = "yes"  # where ours is installed, it is no other repository
    answer = engine.run_script({**json.loads(command), "out": "json"})
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
