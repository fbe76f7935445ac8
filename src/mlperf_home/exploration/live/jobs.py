"""A point's runs as the harness takes them: jobs, conf files, and where they lie."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_home.exploration.live.axes import BACKEND, backend_job, option_words
from mlperf_home.harness.user_conf import Wanted, target_key, user_conf, user_conf_text
from mlperf_home.measurements.layout import ResultFolder, result_folder
from mlperf_home.rules import load_round, mlperf_conf

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlperf_home.exploration.definition.space import Point
    from mlperf_home.exploration.live.plan import StudyPlan

_LEAST_QUERIES = 20
# Below what any of our models takes: LoadGen prepares queries for it, and must not run out of them. Latency may be
# bimodal, so that what was measured before says little; 100,000 queries are prepared in a moment.
_FASTEST_MS = 0.02


@dataclass(frozen=True)
class Asked:
    """One run of a point.

    Attributes:
        mode: performance or accuracy.
        user_conf: the file's text.
        part: the first sample, and the one after the last; None: all.
    """

    mode: str
    user_conf: str
    part: tuple[int, int] | None = None


def backend_of(plan: StudyPlan, point: Point) -> str:
    """Return the engine that a point runs on."""
    return str(point.values.get(BACKEND) or next(iter(plan.engines)))


def official_folder(plan: StudyPlan, point: Point) -> ResultFolder:
    """Return the folder of a point's result; its options are part of the system's configuration, as in results."""
    system, words = plan.engines[backend_of(plan, point)].system, option_words(point)
    system += f"-{words}" if words else ""
    running, name = plan.running, plan.candidates[point.model].name
    return result_folder(plan.folder / "results", running.style, system, name, running.scenario)


def write_job(plan: StudyPlan, point: Point, asked: Asked, chosen: Mapping[str, Any], folder: ResultFolder) -> Path:
    """Write a job with its conf files into a folder of its own; `chosen`: engine options beside the point's own."""
    running, candidate = plan.running, plan.candidates[point.model]
    rules = load_round(running.round)
    folder.root.mkdir(parents=True, exist_ok=True)
    plan.work_dir.mkdir(parents=True, exist_ok=True)
    (folder.root / "mlperf.conf").write_text(mlperf_conf(rules), encoding="utf-8")
    (folder.root / "user.conf").write_text(asked.user_conf, encoding="utf-8")
    dataset: dict[str, Any] = {"kind": running.dataset_kind, "path": candidate.dataset}
    if asked.part:
        first, last = asked.part
        dataset |= {"first": last - first, **({"after": first} if first else {})}
    job = {
        "round": running.round,
        "benchmark": running.benchmark,
        "loadgen_model": rules.benchmarks[running.benchmark].loadgen_model,
        "scenario": running.scenario,
        "mode": asked.mode,
        "backend": {
            "name": backend_of(plan, point),
            "model_path": candidate.path,
            **backend_job(point, {**running.options, **chosen}),
        },
        "dataset": dataset,
        "user_conf": str(folder.root / "user.conf"),
        "mlperf_conf": str(folder.root / "mlperf.conf"),
        "work_dir": str(plan.work_dir),
        "out_dir": str(folder.logs(asked.mode)),
        "session_path": str(folder.session(asked.mode)),
        "calibration_path": str(plan.folder / "calibration.json"),
        "stall_timeout_s": running.stall_timeout_s,
        "sample": running.sample,
    }
    path = folder.root / f"{asked.mode}-job.json"
    path.write_text(json.dumps(job, indent=1) + "\n", encoding="utf-8")
    return path


def probe_conf(plan: StudyPlan, seconds: float, target: float | None) -> str:
    """Write user.conf of a probe that lasts so long; `target` is what was measured before, in LoadGen's unit."""
    running = plan.running
    key = target_key(running.scenario)
    expected, least_ms = (1.0, 0) if target is None else (target, round(seconds * 1000))
    if key == "target_latency":
        expected, least_ms = _FASTEST_MS, round(seconds * 1000)
    values = {key: expected, "min_duration": least_ms, "min_query_count": _LEAST_QUERIES}
    return user_conf(load_round(running.round).benchmarks[running.benchmark].loadgen_model, running.scenario, values)


def run_conf(plan: StudyPlan, run: str, target: float | None) -> str:
    """Write user.conf of an official run, or of an accuracy run."""
    running = plan.running
    wanted = Wanted(running.benchmark, running.scenario, run, running.style, running.test_query_count, measured=target)
    return user_conf_text(load_round(running.round), wanted)
