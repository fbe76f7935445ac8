"""Run `cm run script` in this process and print the answer: `run_command.py REPOSITORY COMMAND_AS_JSON`."""

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
    os.environ["CM_CORE_SKIP_INTERNAL_REPOS"] = "yes"  # an installed copy would be another repository
    answer = engine.run_script({**json.loads(command), "out": "json"})
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
