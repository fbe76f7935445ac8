"""Predict published machines from a few of their models, without the machines of their CPU's family or runtime.

Prints the error of latencies that were not measured, the share that the 90 % intervals contain, and the width to one
side; the share of the true front that is not called dominated, the share of the predicted front that is true, and the
share of all models that is left. The intervals of a machine are calibrated without its group.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.studies.estimate import PROBES
from mlperf_home.pareto.front import front
from mlperf_home.prediction.calibration import calibrate
from mlperf_home.prediction.crowd import Crowd, crowd_of
from mlperf_home.prediction.estimate import SURE
from mlperf_home.prediction.fronts import predicted_front
from mlperf_home.prediction.gaussian import NOISE_SD, learn
from mlperf_home.prediction.probes import choose_probes
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.published.results import UNKNOWN_RUNTIME, shipped_results

if TYPE_CHECKING:
    from numpy.typing import NDArray

Z90 = 1.645
ROWS = [row for row in read_classifiers() if not row.sample]
ACCURACIES = [row.accuracy(as_published=False)[0] or 0.0 for row in ROWS]


def judge(crowd: Crowd, groups: NDArray[np.str_], probes: int, seeds: int) -> list[dict[str, object]]:
    """Predict each machine without its group, `seeds` times with other noise; return a row for each prediction."""
    rows: list[dict[str, object]] = []
    for group in np.unique(groups):
        others = crowd.only(groups != group)
        model = learn(others)
        places = crowd.places(choose_probes(model, crowd.models, probes))
        rest = np.setdiff1d(np.arange(len(crowd.models)), places)
        runtime = UNKNOWN_RUNTIME if groups is crowd.runtimes else ""
        for number in np.flatnonzero(groups == group).tolist():
            reach = calibrate(others, places, runtime or crowd.systems[number].runtime)
            for seed in range(seeds):
                random = np.random.default_rng(seed)
                true = crowd.logs[number]
                found = model.predict(places, true[places] + random.normal(0, NOISE_SD, probes))
                off = np.abs(true - found.mean)[rest]
                true_front = np.array(front(list(zip(true, ACCURACIES, strict=True)), ("min", "max")))
                judged = predicted_front(found.mean, found.covariance, ACCURACIES, SURE * reach)
                kept = judged.dominator < 0
                half = reach * found.sd[rest]
                rows.append(
                    {
                        "group": str(group),
                        "errors": np.expm1(off).tolist(),
                        "covered": float(np.mean(off <= half)),
                        "naive": float(np.mean(off <= Z90 * found.sd[rest])),
                        "width": float(np.median(np.expm1(half))),
                        "front_recall": float((kept & true_front).sum() / true_front.sum()),
                        "front_precision": float((judged.front & true_front).sum() / max(1, judged.front.sum())),
                        "left": float(kept.mean()),
                    }
                )
    return rows


def show(title: str, rows: list[dict[str, object]]) -> dict[str, float]:
    """Print the figures of some predictions as a row of a table; return them."""
    errors = np.concatenate([np.array(row["errors"]) for row in rows])
    figures = {
        "median_error": float(np.median(errors)),
        "p90_error": float(np.quantile(errors, 0.9)),
        "coverage": float(np.mean([row["covered"] for row in rows])),
        "worst_coverage": float(min(row["covered"] for row in rows)),  # type: ignore[type-var]
        "width": float(np.median([row["width"] for row in rows])),
        **{key: float(np.mean([row[key] for row in rows])) for key in ("front_recall", "front_precision", "left")},
    }
    print(f"| {title} | " + " | ".join(f"{value:.1%}" for value in figures.values()) + " |", flush=True)
    return figures


def main() -> int:
    """Print the tables; return 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probes", type=int, nargs="*", default=[3, 5, PROBES, 12, 16])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    models = [row.model for row in ROWS]
    crowd = crowd_of(shipped_results("images"), models)
    sure = crowd.only(crowd.runtimes != UNKNOWN_RUNTIME)
    print(f"{len(crowd.systems)} machines, {len(models)} models\n")
    columns = (
        *("left out", "median error", "90th percentile", "coverage", "worst machine", "width"),
        *("front kept", "front right", "left"),
    )
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    document: dict[str, object] = {"machines": len(crowd.systems), "models": len(models)}
    reached = True
    for probes in options.probes:
        families = judge(crowd, crowd.families, probes, options.seeds)
        figures = show(f"family of CPU, {probes} measured", families)
        document[f"families, {probes} measured"] = figures
        if probes == PROBES:
            reached = figures["median_error"] <= 0.07 and 0.87 <= figures["coverage"] <= 0.93
            for group in sorted({str(row["group"]) for row in families}):
                rows = [row for row in families if row["group"] == group]
                document[group] = show(f"- {group} ({len(rows) // options.seeds})", rows)
            classes = judge(sure, sure.runtimes, probes, options.seeds)
            document["runtimes"] = show(f"runtime class, {probes} measured", classes)
            for group in sorted({str(row["group"]) for row in classes}):
                rows = [row for row in classes if row["group"] == group]
                document[group] = show(f"- {group} ({len(rows) // options.seeds})", rows)
    print(f"\nmedian error <= 7 %, coverage 87 to 93 %, {PROBES} measured: {'reached' if reached else 'MISSED'}")
    if options.json:
        options.json.write_text(json.dumps({**document, "reached": reached}, indent=1), encoding="utf-8")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
