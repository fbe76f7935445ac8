"""Measure the time to append, index and find 100,000 measurements, as ratios to reading the lines as JSON."""

from __future__ import annotations

import argparse
import json
import math
import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.experiments.fronts import fronts_of, read_axes
from mlperf_home.measurements.measurement import Measurement, Value
from mlperf_home.measurements.storage.index import Index, MeasurementFilter
from mlperf_home.measurements.storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def made_up(count: int) -> Iterator[Measurement]:
    """Make measurements with the facts of a published table."""
    fact = Value("x", "copied", "made up")
    first = Measurement(
        "v3.1", "mobilenets", "SingleStream", True, "made up for a benchmark", None, (), ("made up",),
        {"name": fact, "version": fact}, dict.fromkeys(("name", "family", "multiplier", "precision"), fact),
        dict.fromkeys(("organization", "platform", "cpu", "name", "sockets", "cores"), fact), {}, {}, (),
    )  # fmt: skip
    chance = random.Random(1)  # noqa: S311 - nothing secret
    for number in range(count):
        latency_ms = 1 + number / 100
        # Slower models are more accurate on average, so the front has many members.
        values = {
            "latency_ms": latency_ms,
            "top1_percent": 10 * math.log(latency_ms) - chance.expovariate(0.2),
            "energy_mj": latency_ms * chance.uniform(1, 4),
        }
        yield replace(first, values={name: Value(value, "copied", "made up") for name, value in values.items()})


def timed(name: str, call: Callable[[], object], base_s: float | None = None) -> float:
    """Time a call, and print the time and its ratio to `base_s`."""
    began = time.perf_counter()
    call()
    took_s = time.perf_counter() - began
    print(f"{name:40} {took_s:7.2f} s" + (f"  {took_s / base_s:6.2f} x" if base_s else ""), flush=True)
    return took_s


def main() -> None:
    """Measure every operation once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    count = parser.parse_args().count
    measurements = list(made_up(count))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        append_s = timed("append", lambda: store.append(measurements))
        base_s = timed("read the lines as JSON", lambda: [json.loads(line) for _, line in store.lines()])
        print(f"{'append / reading as JSON':40} {append_s / base_s:18.2f} x")
        timed("load as measurements", lambda: list(store.measurements()), base_s)
        timed("index, from nothing", lambda: Index(store).__exit__(None, None, None), base_s)
        timed("open the index again", lambda: Index(store).__exit__(None, None, None), base_s)
        two = read_axes(["latency_ms", "top1_percent"], ())
        three = read_axes(["latency_ms", "top1_percent", "energy_mj"], ())
        timed("the front of two metrics", lambda: fronts_of(measurements, two), base_s)
        timed("the front of three metrics", lambda: fronts_of(measurements, three), base_s)
        with Index(store) as index:
            timed(
                "find 1 in 1,000",
                lambda: list(index.find(MeasurementFilter(at_most={"values.latency_ms": 1 + count / 1e5}))),
                base_s,
            )


if __name__ == "__main__":
    main()
