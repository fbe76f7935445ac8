"""Measure how Offline grows with the cores: 1, 2, 4, ... all of them, and ways to share them between streams.

Run `python benchmarks/scaling.py [--kind=KIND ...] [--json=FILE]` in an environment with the engines, on an otherwise
idle machine. It prints a table and writes a JSON file to send back, which holds no name of the machine. Each number of
cores is measured with several streams x threads; where there are several nodes (NUMA), on one node, spread over them,
and with placed streams. Each way runs through LoadGen in a process of its own, and the ways take turns. It exits with
1 if a way failed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rounds import load_before
from scaling_data import KINDS, SampleData
from scaling_ways import Way, plan_ways
from work_folder import work_folder

from mlperf_home.engines.base import BackendError
from mlperf_home.machine.cpu.cpu import read_cpu
from mlperf_home.machine.cpu.cpuinfo import LSCPU
from mlperf_home.machine.cpu.placement import core_kinds, read_cores

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMAT = 1
_TIMEOUT_S = 600
_CPU_FACTS = (
    "model_name", "architecture", "sockets", "cores", "threads_per_core", "logical_cpus", "numa_nodes", "governor",
    "hypervisor", "cgroup_cpus", "features",
)  # fmt: skip


@dataclass
class WayFigures:
    """A way and its samples per second, one for each round; `failure` is the first error line of a failed one."""

    way: Way
    rates: list[float] = field(default_factory=list)
    engine: str = ""
    failure: str = ""

    def measure(self, order: dict[str, Any]) -> None:
        """Measure once more, unless the way has failed."""
        if self.failure:
            return
        order = {**order, **asdict(self.way)}
        command = [sys.executable, str(Path(__file__).with_name("scaling_run.py"))]
        try:
            done = subprocess.run(
                command, input=json.dumps(order), capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            self.failure = f"took longer than {_TIMEOUT_S} s"
            return
        if done.returncode:
            self.failure = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            return
        figures = json.loads(done.stdout.splitlines()[-1])
        self.rates.append(figures["samples_per_second"])
        self.engine = f"{figures['engine']} {figures['version']}"

    @property
    def document(self) -> dict[str, Any]:
        """The way and its figures as JSON."""
        rates = self.rates
        spread = {"median": statistics.median(rates), "lowest": min(rates), "highest": max(rates)} if rates else {}
        return {
            "name": self.way.name,
            **asdict(self.way),
            "samples_per_second": rates,
            **spread,
            "failure": self.failure,
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and write the figures; return the exit code."""
    options = _parse(arguments)
    load, cores, data, runs = load_before(), read_cores(), SampleData(work_folder()), []
    for name in options.kind:
        kind = KINDS[name]
        model = options.model or kind.model
        try:
            order = data.order(kind, model, options.seconds)
        except BackendError as error:
            print(f"scaling.py: {error}", file=sys.stderr)
            return 2
        ways = [WayFigures(way) for way in plan_ways(cores, places=kind.places)]
        for number in range(options.rounds):
            first = number % len(ways)
            for way in ways[first:] + ways[:first]:
                print(f"{name}, round {number + 1} of {options.rounds}: {way.way.name}", file=sys.stderr)
                way.measure(order)
        _print(name, ways)
        engine = next((way.engine for way in ways if way.engine), None)
        runs.append({"kind": name, "engine": engine, "model": model.name, "ways": [way.document for way in ways]})
    settings = {"rounds": options.rounds, "seconds": options.seconds, "scenario": "Offline, through LoadGen"}
    document = {"format": FORMAT, "settings": settings, "machine": machine_facts(load), "runs": runs}
    options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten: {options.json}")
    return 1 if any(way["failure"] for run in runs for way in run["ways"]) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scaling.py", description="Measure how Offline grows with the cores.")
    parser.add_argument(
        "--kind", choices=KINDS, action="append", help="a model on an engine; repeatable (default: all)"
    )
    parser.add_argument("--model", type=Path, help="your own file in place of the sample's model, for one --kind")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (%(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="approximate seconds of a measurement (%(default)s)")
    parser.add_argument("--json", type=Path, default=Path("scaling.json"), help="the file to write (%(default)s)")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds must be at least 1, and --seconds above 0")
    if options.model and len(options.kind or ()) != 1:
        parser.error("--model needs exactly one --kind")
    absent = [name for name in options.kind or () if not KINDS[name].installed]
    options.kind = options.kind or [name for name, kind in KINDS.items() if kind.installed]
    if absent or not options.kind:
        parser.error(f"this Python lacks the packages of {', '.join(absent or KINDS)}; pip install '.[test]'")
    return options


def _print(name: str, ways: Sequence[WayFigures]) -> None:
    """Print a table; the last column is the rate for each core over the best rate of one core."""
    ones = [statistics.median(way.rates) for way in ways if way.rates and way.way.cores == 1]
    print(f"\n{name:38} samples/s    lowest   highest   of one core's")
    for way in ways:
        if not way.rates:
            print(f"{way.way.name:38} failed: {way.failure}")
            continue
        median = statistics.median(way.rates)
        share = f"{median / way.way.cores / max(ones):15.2f}" if ones else f"{'unknown':>15}"
        print(f"{way.way.name:38} {median:9.1f} {min(way.rates):9.1f} {max(way.rates):9.1f} {share}")


def machine_facts(load: float) -> dict[str, Any]:
    """Return what the figures depend on: CPU, cores, nodes, kernel and load, without names of the machine."""
    cores, cpu = read_cores(), read_cpu(_lscpu())
    return {
        **{name: getattr(cpu, name) for name in _CPU_FACTS},
        "caches": [asdict(cache) for cache in cpu.caches],
        "usable_cores": [asdict(core) for core in cores],
        "core_kinds": dict(core_kinds(cores)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average_1min_before": load,
    }


def _lscpu() -> str | None:
    try:
        done = subprocess.run(LSCPU, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
