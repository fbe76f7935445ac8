"""Published rows as results of a board: a class of their own, without contributor, logs or verdicts."""

from __future__ import annotations

import hashlib
from functools import cache

from mlperf_home.contracts.leaderboard.results import BoardResult, MachineClass
from mlperf_home.published.results import UNKNOWN_RUNTIME, shipped_results

# A graphics processor's, and one that nothing can be compared with.
_NO_CPU_OR_UNKNOWN = frozenset({"armnn-opencl", UNKNOWN_RUNTIME})


@cache
def published_rows(name: str) -> tuple[BoardResult, ...]:
    """Return the shipped results called `name` (images, berts, sample) that can be compared.

    Systems with live preprocessing, or without a known runtime on a CPU, are left out. Raise PublishedTableError if the
    file is damaged.
    """
    results = shipped_results(name)
    metrics = ("latency_ms", "samples_per_second", "energy_mj", "power_w")
    accuracy = {"resnet": "top1_percent"}.get(results.benchmark, "f1_percent")
    rows = []
    for number, row in enumerate(results.rows):
        system = results.systems[row.system]
        if system.live_preprocessing or system.runtime in _NO_CPU_OR_UNKNOWN:
            continue
        values = {each: value for each in metrics if (value := getattr(row, each)) is not None}
        if row.accuracy_percent is not None:
            values[accuracy] = row.accuracy_percent
        cores = int(system.cores) if system.cores.isdecimal() else None
        rows.append(
            BoardResult(
                id=hashlib.sha256(f"{results.source}\n{name}\n{number}".encode()).hexdigest()[:16],
                kind="published",
                path=str(number),
                contributor=system.organization,
                system=system.name,
                machine=f"published-{name}-{row.system}",
                of=MachineClass(cpu=system.cpu or system.name, cores=cores, runtime=system.runtime),
                round=system.round,
                benchmark=results.benchmark,
                scenario=results.scenarios[row.scenario],
                model=results.models[row.model].name,
                sample=results.sample,
                metrics=values,
            )
        )
    return tuple(rows)


def rows_beside(*, sample: bool) -> list[BoardResult]:
    """Return the published rows that stand beside a board's own results: a board of samples has made-up ones."""
    return [row for name in (("sample",) if sample else ("images", "berts")) for row in published_rows(name)]
