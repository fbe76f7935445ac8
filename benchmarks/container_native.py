"""Compare a container with this machine: the same command in both, by turns.

    python benchmarks/container_native.py --pairs=20 --engine=podman --container=--docker_base_image=IMAGE \
        -- --tags=run,mlperf,mobilenet,tflite,_sample --scenario=SingleStream

The words after `--` are those of `cm run script`; `--container` adds one of `cm docker script`, and may be repeated.
Each pair begins with the other of the two, so that a state of the machine meets both. The median of the pairs' ratios
is printed with its 95 % interval by ranks, which needs no distribution. The exit code is 1 unless the median is within
1 %.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

_GOAL = 0.01
_FEWEST_FOR_INTERVAL = 6


def main() -> int:
    """Run the pairs, print the ratios, and return the exit code."""
    arguments = _arguments()
    ways = {
        "native": ["run", "script"],
        "container": ["docker", "script", f"--container_engine={arguments.engine}", *arguments.container],
    }
    figures: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        for pair in range(arguments.pairs + 1):
            names = list(ways) if pair % 2 else list(reversed(ways))
            for name in names:
                results = Path(folder, f"{name}-{pair}")
                figure = _measured([*ways[name], *arguments.words], results, arguments.value)
                if pair:  # the first pair makes caches and the image
                    figures[name].append(figure)
            if pair:
                print(f"pair {pair}: {figures['container'][-1] / figures['native'][-1]:.4f}", file=sys.stderr)
    ratios = [inside / outside for inside, outside in zip(figures["container"], figures["native"], strict=True)]
    median = statistics.median(ratios)
    for name, values in figures.items():
        print(f"{name}: median {arguments.value} {statistics.median(values):.6g}")
    low, high = median_interval(ratios)
    print(f"container / native: {median:.4f}, 95 % interval {low:.4f} to {high:.4f}, {len(ratios)} pairs")
    if arguments.json:
        arguments.json.write_text(json.dumps({"value": arguments.value, "figures": figures}, indent=1) + "\n")
    return 0 if abs(median - 1) <= _GOAL else 1


def median_interval(values: list[float]) -> tuple[float, float]:
    """Return the 95 % interval of the median, between two of the sorted values; all of them if they are few."""
    count, ordered = len(values), sorted(values)
    if count < _FEWEST_FOR_INTERVAL:
        return ordered[0], ordered[-1]
    below, rank = 0.0, 0
    while (below := below + math.comb(count, rank) / 2**count) <= 0.025:
        rank += 1
    return ordered[rank - 1], ordered[count - rank]


def _measured(words: list[str], results: Path, value: str) -> float:
    """Run a command, and return a value of its only performance run."""
    argv = ["cm", *words, f"--results_dir={results}", "--quiet"]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(argv)}: status {ended.returncode}\n{ended.stdout[-2000:]}{ended.stderr[-4000:]}")
    found = [json.loads(path.read_text())["values"] for path in results.rglob("measurement.json")]
    known = [values[value]["value"] for values in found if values.get(value, {}).get("value")]
    if len(known) != 1:
        names = sorted({name for values in found for name in values})
        sys.exit(f"{results}: {len(known)} measurements have {value}; the values are {', '.join(names)}")
    return float(known[0])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--engine", choices=("docker", "podman"), default="podman")
    parser.add_argument("--container", action="append", default=[], help="a word of `cm docker script`")
    parser.add_argument("--value", default="latency_p90.00_ms", help="the value of the measurement to compare")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("words", nargs="+")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
