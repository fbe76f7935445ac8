"""Compare SingleStream with and without the harness's own times, in turns within one run of LoadGen.

Run `python benchmarks/kept_latencies.py [--model F.tflite ...]` with LiteRT or tflite-runtime installed. Each 20
queries are issued in the other way; LoadGen's trace has the latency of each query, and the time until the next. The
medians of neighbouring groups' ratios are printed with 95 % intervals, and the size of what is kept. It exits with 1 if
an interval of the latencies' ratio lies above 1.01.
"""

from __future__ import annotations

import json
import math
import re
import statistics
import sys
from typing import TYPE_CHECKING, Any

from image_job import Images, open_engine, read_job
from rounds import load_before
from sample_job import no_collections
from through_loadgen import ThroughLoadGen

from mlperf_home.contracts.codec import to_line
from mlperf_home.harness.queries.sut import DirectSut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from image_job import OpenEngine

    from mlperf_home.harness.queries.parts import SutParts

_BOUND = 1.01
_FEWEST, _MOST, _GROUP = 400, 40_000, 20
_SAMPLE = re.compile(r'"name":"Sample".*"query_seq":(\d+),.*"complete_ns":(\d+)')
_LOOP = re.compile(r'"name":"SampleLoop".*"dur":([\d.]+)')
LATENCY, PERIOD = "latency", "time between queries"


class AlternatingSut(DirectSut):
    """The SUT of SingleStream, which keeps the latencies of every other group of queries."""

    def __init__(self, parts: SutParts) -> None:
        super().__init__(parts)
        self._kept, self._number = super().issue, 0

    def issue(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Issue in the way whose turn it is."""
        self._number += 1
        (self._kept if kept(self._number - 1) else self._unkept)(ids, indices)

    def _unkept(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        parts = self._parts
        try:
            parts.watchdog.expect_one()
            infer, lengths = self._prepared[indices[0]]
            parts.respond(ids, infer(), lengths)
            parts.watchdog.done_one()
        except BaseException as error:  # noqa: BLE001 - an exception that reaches LoadGen aborts the process
            parts.fail(error)


def kept(number: int) -> bool:
    """Whether the latency of a query is kept."""
    return number // _GROUP % 2 == 0


class TracedLoadGen(ThroughLoadGen):
    """Runs with LoadGen's trace."""

    def start(self, sut: Any, settings: Any, folder: Any) -> None:
        """Run LoadGen once, with its trace."""
        real = self._loadgen

        class Traced:
            """LoadGen's module, which starts each run with a trace."""

            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

            def StartTestWithLogSettings(self, *arguments: Any) -> None:  # noqa: N802 - LoadGen's name
                """Start a run."""
                arguments[3].enable_trace = True
                real.StartTestWithLogSettings(*arguments)

        self._loadgen = Traced()
        super().start(sut, settings, folder)
        self._loadgen = real
        self.trace = (folder / "mlperf_log_trace.json").read_text("utf-8")


def main() -> int:
    """Compare each engine with each model; return the exit code."""
    load = load_before()
    job = read_job("SingleStream with and without kept latencies", rounds=5)
    images = Images()
    no_collections()
    documents: list[dict[str, Any]] = []
    for engine in job.backends:
        for model in job.models:
            opened = open_engine(engine, model, images, streams=1)
            documents.append({"engine": engine, "model": model.name, **_compare(opened, job.rounds, job.seconds)})
            opened.backend.close()
    reached = all(each["ratios"][LATENCY]["low"] <= _BOUND for each in documents)
    if job.json_path is not None:
        text = json.dumps({"load_before": load, "reached": reached, "runs": documents}, indent=2)
        job.json_path.write_text(text + "\n", encoding="utf-8")
    return 0 if reached else 1


def _compare(opened: OpenEngine, rounds: int, seconds: float) -> dict[str, Any]:
    arguments = opened.backend, opened.samples, opened.grid
    first = ThroughLoadGen("SingleStream", *arguments, _FEWEST, "resnet").run()
    count = min(_MOST, max(_FEWEST, int(seconds * first.values["result_qps_with_loadgen_overhead"])))
    loadgen = TracedLoadGen("SingleStream", *arguments, count, "resnet")
    made: list[SutParts] = []

    def make(_scenario: str, parts: SutParts) -> AlternatingSut:
        made[:] = [parts]
        return AlternatingSut(parts)

    logs: dict[str, list[float]] = {LATENCY: [], PERIOD: []}
    plain_us: dict[str, list[float]] = {LATENCY: [], PERIOD: []}
    for number in range(rounds + 1):
        loadgen.run(make=make)
        by_number = {int(each): int(ns) / 1e3 for each, ns in _SAMPLE.findall(loadgen.trace)}
        times = {LATENCY: [by_number[each] for each in sorted(by_number)]}
        times[PERIOD] = [float(us) for us in _LOOP.findall(loadgen.trace)]
        for name, values in times.items() if number else ():
            groups = [statistics.median(values[at : at + _GROUP]) for at in range(0, len(values), _GROUP)]
            logs[name] += [math.log(a / b) for a, b in zip(groups[::2], groups[1::2], strict=False)]
            plain_us[name] += groups[1::2]
    print(f"\n{opened.engine}, {opened.model.name}, {count} queries, {rounds} rounds")
    ratios = {name: _interval(each) for name, each in logs.items()}
    for name, each in ratios.items():
        plain = statistics.median(plain_us[name])
        print(f"{name:22} {plain:9.2f} us, ratio {each['median']:.4f} ({each['low']:.4f} to {each['high']:.4f})")
    document = made[0].times.document()
    size, taken = len(to_line(document)), document.count if document else 0
    print(f"{size} bytes for {taken} latencies; the trace has {len(loadgen.trace) / count:.0f} bytes a query")
    return {"queries": count, "ratios": ratios, "bytes": size, "latencies": taken}


def _interval(logs: Sequence[float]) -> dict[str, float]:
    """Return the median of ratios and its 95 % interval, by order statistics."""
    ordered, reach = sorted(logs), 0.98 * math.sqrt(len(logs))
    places = {"median": len(logs) / 2, "low": len(logs) / 2 - reach, "high": len(logs) / 2 + reach}
    return {name: math.exp(ordered[max(0, min(len(logs) - 1, int(place)))]) for name, place in places.items()}


if __name__ == "__main__":
    sys.exit(main())
