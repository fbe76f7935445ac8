"""Measure our own program, `mlperf-home`, against `cm` with the same short commands: CPU time, in turns.

python benchmarks/own_program.py [--rounds 15] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from engine_cost import CHECKOUT, Command, compile_packages
from rounds import Goal, WayComparison, load_before, report

WORDS = {
    "one step": ("run", "script", "--tags=detect,os"),
    "list of the cache": ("find", "cache"),
    "list of scripts": ("find", "script", "detect"),
}
SMALLEST = "cm --version"
# A list of scripts is not short: it reads every manifest.
SHORT = ("one step", "list of the cache")
GOALS = (
    *(Goal(f"{name}: mlperf-home / cm", f"mlperf-home, {name}", (f"cm, {name}",), 0.6, at_most=True) for name in SHORT),
    Goal("one step: mlperf-home / the smallest cm", "mlperf-home, one step", (SMALLEST,), 1.0, at_most=True),
)


def prepare(home: Path) -> dict[str, Command]:
    """Return the commands to measure; both programs share a home."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CM_")}
    environment |= {"CM_REPOS": str(home), "NO_COLOR": "1"}
    environment.pop("PYTHONPATH", None)
    programs = {name: Path(sys.executable).with_name(name) for name in ("mlperf-home", "cm")}
    for program in programs.values():
        if not program.exists():
            sys.exit(f"{program}: is not installed beside this Python; run `pip install .`")
    if not find_spec("cm_mlperf_home"):
        Command((str(programs["cm"]), "add", "repo", f"--path={CHECKOUT}"), environment)()
    ways = {
        f"{program}, {name}": Command((str(path), *words), environment)
        for name, words in WORDS.items()
        for program, path in programs.items()
    }
    return {**ways, SMALLEST: Command((str(programs["cm"]), "--version"), environment)}


def main() -> int:
    """Measure, report, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    compile_packages()
    load = load_before()
    with tempfile.TemporaryDirectory() as folder:
        comparison = WayComparison("CPU ms")
        comparison.run(prepare(Path(folder)), options.rounds)
    facts = {"load_before": load, "python": sys.version.split()[0]}
    return 0 if report(comparison, GOALS, facts, options.json) else 1


if __name__ == "__main__":
    sys.exit(main())
