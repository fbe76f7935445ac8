"""Results of a board, made from published machines: each has a CPU of its own, and may be measured by several keys."""

from __future__ import annotations

import numpy as np

from mlperf_home.contracts.leaderboard.results import BoardResult, MachineClass
from mlperf_home.prediction.crowd import Crowd, crowd_of
from mlperf_home.published.results import shipped_results

FEATURES = ("avx2", "f16c", "fma")


def crowd() -> Crowd:
    """Return the published machines that have all common models."""
    results = shipped_results("images")
    common = set.intersection(*(set(table) for _, table in results.latencies() if len(table) > 60))
    return crowd_of(results, [each.name for each in results.models if each.name in common])


def result(number: int, key: str = "key-1", latency_ms: float = 10.0, **changes: object) -> BoardResult:
    """Return a result with its own logs; `changes` replace its fields, of which `receipt` sets the bundle too."""
    receipt = changes.pop("receipt", 1)
    fields: dict[str, object] = {
        "id": f"r{number}",
        "kind": "measured",
        "bundle": f"bundle-{receipt}",
        "receipt": receipt,
        "batch": receipt,
        "path": f"results/{number:04}",
        "key": key,
        "contributor": f"contributor of {key}",
        "machine": f"machine of {key}",
        "features": FEATURES,
        "of": MachineClass(cpu="Some CPU", cores=4, runtime="litert"),
        "round": "v3.1",
        "benchmark": "resnet",
        "scenario": "SingleStream",
        "model": "mobilenet-v1/1.0/224/fp32",
        "sample": False,
        "validity": "VALID",
        "official": True,
        "metrics": {"latency_ms": latency_ms},
        "logs": (f"log-{number}",),
    }
    return BoardResult(**{**fields, **changes})


def machine_results(  # noqa: PLR0913 - one machine in one call
    of: int, key: str, *, start: int = 0, factor: float = 1.0, receipt: int = 1, noise: float = 0.02, cpu: str = ""
) -> list[BoardResult]:
    """Return the results of one key on the published machine number `of`, all times multiplied by `factor`."""
    known = crowd()
    random = np.random.default_rng(start + receipt)
    logs = known.logs[of] + random.normal(0, noise, len(known.models))
    kind = MachineClass(cpu=cpu or f"CPU {of}", cores=4, runtime=known.systems[of].runtime)
    return [
        result(start + number, key, float(np.exp(log)) * factor, model=model, of=kind, receipt=receipt)
        for number, (model, log) in enumerate(zip(known.models, logs, strict=True))
    ]
