"""Measure the engine's overhead: the CPU time of `cm` commands whose steps do nothing, against the smallest command.

python benchmarks/engine_cost.py [--many 10000] [--rounds 15] [--json FILE]
"""

from __future__ import annotations

import argparse
import compileall
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cm_repositories import CHAIN, write_automations, write_entries, write_scripts
from rounds import Goal, WayComparison, load_before, report

CHECKOUT = Path(__file__).resolve().parents[1]
FEW = 200
FLOOR, STEP, ALONE, CHAINED, KEPT = "floor", "cm run script, one step", "one step", "chain of ten", "ten cached steps"
MANY_SCRIPTS, MANY_ENTRIES, ONE_KEPT, ONE_MS = ", many scripts", ", many entries", "a cached step", "one ms"
GOALS = (
    Goal("one step / floor", STEP, (FLOOR,), 1.4, at_most=True),
    Goal("chain of ten / floor", CHAINED, (FLOOR,), 2.0, at_most=True),
    Goal("a cached step, in ms", ONE_KEPT, (ONE_MS,), 2.0, at_most=True),
    Goal("one step, many scripts / few", ALONE + MANY_SCRIPTS, (ALONE,), 1.2, at_most=True),
    Goal("chain of ten, many scripts / few", CHAINED + MANY_SCRIPTS, (CHAINED,), 1.2, at_most=True),
    Goal("ten cached steps, many scripts / few", KEPT + MANY_SCRIPTS, (KEPT,), 1.2, at_most=True),
    Goal("ten cached steps, many entries / few", KEPT + MANY_ENTRIES, (KEPT,), 1.2, at_most=True),
)


@dataclass(frozen=True)
class Command:
    """A `cm` command and its environment variables."""

    words: tuple[str, ...]
    environment: dict[str, str]

    def __call__(self) -> float:
        """Run the command and return its CPU time, user and system, in milliseconds."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        completed = subprocess.run(self.words, env=self.environment, capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if completed.returncode:
            sys.exit(f"{' '.join(self.words)}: {completed.stdout}{completed.stderr}")
        return 1e3 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def prepare(folder: Path, many: int) -> dict[str, Command]:
    """Write the repositories and caches, and return the commands to measure."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CM_")}
    environment |= {"CM_REPOS": str(folder / "cm"), "NO_COLOR": "1"}
    environment.pop("PYTHONPATH", None)
    program = Path(sys.executable).with_name("cm")
    if not program.exists():
        sys.exit(f"{program}: cm is not installed beside this Python; run `pip install .`")
    (folder / "cm").mkdir()
    write_automations(folder / "automations")
    for root in [folder / "automations", *([] if find_spec("cm_mlperf_home") else [CHECKOUT])]:
        Command((str(program), "add", "repo", f"--path={root}"), environment)()
    for name, count in (("few", FEW), ("many", many)):
        write_scripts(folder / name, count)
        write_entries(folder / f"home-{name}", count)

    def run(tags: str, scripts: str = "few", entries: str = "few") -> Command:
        words = (str(program), "run", "engine", f"--tags={tags}", f"--home={folder / f'home-{entries}'}")
        return Command(words, {**environment, "BENCHMARK_REPOSITORY": str(folder / scripts)})

    return {
        FLOOR: Command((str(program), "run", "floor", "--tags=detect,os"), environment),
        STEP: Command((str(program), "run", "script", "--tags=detect,os"), environment),
        ALONE: run("alone"),
        CHAINED: run("chain,link-0"),
        KEPT: run("keeper"),
        ALONE + MANY_SCRIPTS: run("alone", scripts="many"),
        CHAINED + MANY_SCRIPTS: run("chain,link-0", scripts="many"),
        KEPT + MANY_SCRIPTS: run("keeper", scripts="many"),
        KEPT + MANY_ENTRIES: run("keeper", entries="many"),
    }


def compile_packages() -> None:
    """Compile the measured packages, which not every installer does, so that no command compiles them."""
    for package in ("cmind", "scriptgraph", "mlperf_home", "cm_mlperf_home"):
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            compileall.compile_dir(folder, quiet=2)


def main() -> int:
    """Measure, report, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--many", type=int, default=10_000, help="the large number of scripts and entries")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    compile_packages()
    load = load_before()
    with tempfile.TemporaryDirectory() as folder:
        comparison = WayComparison("CPU ms")
        comparison.run(prepare(Path(folder), options.many), options.rounds)
    figures = comparison.figures
    figures[ONE_KEPT] = [(ten - none) / CHAIN for ten, none in zip(figures[KEPT], figures[ALONE], strict=True)]
    figures[ONE_MS] = [1.0] * options.rounds
    facts = {"many": options.many, "few": FEW, "load_before": load, "python": sys.version.split()[0]}
    return 0 if report(comparison, GOALS, facts, options.json) else 1


if __name__ == "__main__":
    sys.exit(main())
