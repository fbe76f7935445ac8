"""How long a board of many bundles takes: to collect, to judge, to make the index again, to publish.

The bundles have real shape (logs, sessions, records, up to 81 models) and are made up from published rows; some
contributors lie. Prints seconds of CPU time, with those of the processes that verify, and what the judge says of honest
results and of each lie.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.leaderboard.collect.collector import manifest_digest, stored_rows
from mlperf_home.leaderboard.site.publish import publish
from mlperf_home.leaderboard.site.site_data import site_data
from mlperf_home.leaderboard.store.board import Board
from mlperf_home.leaderboard.store.index import BoardIndex
from mlperf_home.testing.synthetic.boards import collected, judged, opened
from mlperf_home.testing.synthetic.bundles import BundleMaker, SyntheticContributor
from mlperf_home.testing.synthetic.machines import crowd_of, published_machines

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.testing.synthetic.machines import SyntheticMachine

STATES = ("replicated", "consistent", "plausible", "verified", "disputed")
SCALE = 0.67


def cpu_s() -> float:
    """Return the CPU time of this process and of its ended children."""
    return sum(os.times()[:4])


def lies() -> dict[str, Callable[[SyntheticMachine], SyntheticMachine]]:
    """Return the lies by name; each turns an honest machine into a lying one."""
    others = published_machines()

    def another(machine: SyntheticMachine, *, runtime: bool) -> SyntheticMachine:
        return next(each for each in others if each.cpu != machine.cpu and (each.runtime == machine.runtime) == runtime)

    return {
        f"all x {SCALE}": lambda machine: machine.scaled(SCALE),
        f"one of ten x {SCALE}": lambda machine: machine.scaled(SCALE, list(machine.latencies_ms)[::10]),
        "another CPU's": lambda machine: another(machine, runtime=True).again(machine.seed).called(machine),
        "half another engine's": lambda machine: machine.mixed_with(another(machine, runtime=False)),
    }


@dataclass
class Bundles:
    """Bundles by path, each with what its contributor does; and the seconds that each took."""

    does: dict[Path, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)


def make(folder: Path, count: int, models: int, share: float) -> Bundles:
    """Make bundles; a share of the contributors lies, each kind in turn."""
    maker, made, kinds = BundleMaker(folder), Bundles(), list(lies().items())
    every = round(1 / share) if share else count + 1
    for number, honest in enumerate(crowd_of(count, contributors=4), 1):
        machine = honest.only(models)
        does, lie = kinds[number // every % len(kinds)] if number % every == 0 else ("honest", lambda machine: machine)
        key = folder / f"key-{number}"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
        began = cpu_s()
        made.does[maker.bundle(lie(machine), SyntheticContributor(f"test-{number}", key))] = does
        made.seconds.append(cpu_s() - began)
    return made


def measure(folder: Path, made: Bundles) -> tuple[dict[str, float], dict[str, Counter[str]]]:
    """Return the times in seconds, and the states of results by what their contributors do."""
    board, times = Board(folder / "board"), {"make a bundle": statistics.median(made.seconds)}

    def timed(name: str, began: float) -> None:
        times[name] = cpu_s() - began

    with opened(board) as index:
        began = cpu_s()
        found = collected(board, index, list(made.does))
        timed("collect all", began)
        if found.refused:
            raise SystemExit(f"refused: {found.refused}")
        for name in ("judge all", "judge again"):
            began = cpu_s()
            judged(board, index)
            timed(name, began)
        began = cpu_s()
        data = site_data(board, index, ())
        publish(board, data, folder / "site")
        timed("publish", began)
        results = index.results()
    for path in board.folder.glob("index.sqlite*"):
        path.unlink()
    began = cpu_s()
    with closing(BoardIndex(board, stored_rows(board))) as index:
        if index.results() != results:
            raise SystemExit("the index that was made again has other results")
    timed("make the index again", began)
    does = {manifest_digest(path): does for path, does in made.does.items()}
    states: dict[str, Counter[str]] = defaultdict(Counter)
    for each in results:
        states[does[each.result.bundle]][each.judgement.state] += 1
    return times, states


def main() -> int:
    """Print both tables; return 1 if a lie was replicated more often than not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundles", type=int, default=100)
    parser.add_argument("--models", type=int, default=81)
    parser.add_argument("--lying", type=float, default=0.1, help="the share of contributors who lie")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        made = make(Path(name), options.bundles, options.models, options.lying)
        size = statistics.median(path.stat().st_size for path in made.does)
        times, states = measure(Path(name), made)
    print(f"{options.bundles} bundles of {options.models} results, {size / 1e6:.2f} MB each\n")
    print("| step | CPU seconds |\n|---|---|")
    for step, seconds in times.items():
        print(f"| {step} | {seconds:.2f} |")
    print(f"\n| results | number | {' | '.join(STATES)} |\n|---|---|{'---|' * len(STATES)}")
    for does, counts in states.items():
        shares = (f"{100 * counts[state] / counts.total():.0f} %" for state in STATES)
        print(f"| {does} | {counts.total()} | {' | '.join(shares)} |")
    if options.json:
        figures = {"times": times, "states": states, "bundle_bytes": size}
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    lying = sum((counts for does, counts in states.items() if does != "honest"), Counter[str]())
    return int(2 * lying["replicated"] > lying.total())


if __name__ == "__main__":
    sys.exit(main())
