"""Count the verdicts of replays over true differences and noise: docs/challenges.md has the table.

Runs are off by a factor whose logarithm has the noise as its standard deviation, independently of each other.
"""

from __future__ import annotations

import argparse
import math
import random
from collections import Counter

from mlperf_home.measurements.equivalence import RepeatedValue, compare

DIFFERENCES = (0.0, 0.05, 0.1, 0.15, 0.2)
NOISES = (0.01, 0.03, 0.05, 0.1)
RUNS = ((1, 1), (1, 3), (1, 5), (3, 3), (5, 5))


def replays(difference: float, noise: float, runs: tuple[int, int], values: int, count: int) -> Counter[str]:
    """Return the numbers of verdicts on whole replays of `values` values each."""
    chance = random.Random(f"{difference} {noise} {runs} {values}")  # noqa: S311 - a simulation

    def drawn(mean: float, number: int) -> tuple[float, ...]:
        return tuple(mean * math.exp(chance.gauss(0, noise)) for _ in range(number))

    found: Counter[str] = Counter()
    for _ in range(count):
        pairs = [RepeatedValue(drawn(1.0, runs[0]), drawn(1 + difference, runs[1])) for _ in range(values)]
        verdicts = {each.verdict for each in compare(pairs)}
        whole = "inconclusive" if len(verdicts) > 1 else next(iter(verdicts))
        found["not reproduced" if "not reproduced" in verdicts else whole] += 1
    return found


def main() -> None:
    """Print a table: reproduced / not reproduced, as shares of the replays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=1000)
    parser.add_argument("--values", type=int, default=1, help="the number of values in a replay")
    options = parser.parse_args()
    print("| runs then, now; noise | " + " | ".join(f"{each:.0%}" for each in DIFFERENCES) + " |")
    print("|" + "---|" * (len(DIFFERENCES) + 1))
    for runs in RUNS:
        for noise in NOISES:
            cells = []
            for difference in DIFFERENCES:
                found = replays(difference, noise, runs, options.values, options.replays)
                shares = (found[name] / options.replays for name in ("reproduced", "not reproduced"))
                cells.append(" / ".join(f"{share:.2f}" for share in shares))
            print(f"| {runs[0]}, {runs[1]}; {noise:.0%} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
