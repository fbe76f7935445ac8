"""Explorations as a challenge leaves them: a description, an answer, kept results, and measurements."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from submission_results import ours
from submission_tree import BERT

from mlperf_home.contracts.codec import encode
from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.contracts.studies.experiment import ExplorationOrigin
from mlperf_home.contracts.studies.race import Settings
from mlperf_home.contracts.studies.space import SpaceDocument
from mlperf_home.contracts.studies.study import RunConditions
from mlperf_home.experiments.experiment import Experiments
from mlperf_home.measurements.ingest import ingest

if TYPE_CHECKING:
    from pathlib import Path

RUNNING = RunConditions(
    round="v3.1", benchmark="bert-99", scenario="Offline", style="valid", dataset_kind="squad", sample=True,
    stall_timeout_s=300.0, test_query_count=None, options={},
)  # fmt: skip


def origin(*points: str) -> ExplorationOrigin:
    """Return the study of some points, each a model."""
    space = SpaceDocument(
        schema=1, name="space", axes={"model": (*points, "last")}, model_axes=("model",), constraints=()
    )
    return ExplorationOrigin(
        space=space,
        settings=Settings(),
        searcher="race",
        budget_s=None,
        running=RUNNING,
        engines={"x": "1"},
        system="box",
    )


def exploration_answer(*points: str) -> dict[str, Any]:
    """Return an answer with these points on the front, and one dropped."""

    def standing(point: str, against: tuple[str, ...]) -> dict[str, Any]:
        return {
            "point": point,
            "model": point,
            "values": {"latency_ms": 1.5, "top1_percent": 70.0},
            "intervals": {"latency_ms": [1.25, 1.75], "top1_percent": [70.0, 70.0]},
            "accuracy_source": "measured on 10 samples",
            "against": against,
            "official": {},
            "likely": not against,
            "failed": "",
        }

    metrics = [{"name": "latency_ms", "direction": "min"}, {"name": "top1_percent", "direction": "max"}]
    shares = {"share": 0.125, "share_without_official": 0.0625}
    return {
        "schema": 1,
        "name": "space",
        "sample": True,
        "system": "box",
        "metrics": metrics,
        "confidence": 0.95,
        "front": [standing(point, ()) for point in points],
        "undecided": [],
        "dropped": [standing("last", points[:1])],
        "work": {"spent_s": {"official": 1.0, "probe": 1.0}, "exhaustive_s": 16.0, "left_s": 0.0, **shares},
        "warnings": [],
    }


def explore(root: Path, *points: str) -> None:
    """Write an exploration: an answer, kept results, their measurements, and one measurement without a result."""
    study = Experiments(root).begin("study", "exploration", ["mobilenet"], encode(origin(*points)), sample=True)
    study.answer.write_text(json.dumps(exploration_answer(*points)))
    folder = study.folder / "results"
    if not folder.exists():
        kept = ours(folder, sample=True)
        early = root.parent / "early"
        shutil.copytree(kept, early, ignore=shutil.ignore_patterns("accuracy*", "measurement.json"))
        elsewhere = ours(root.parent / "elsewhere", sample=True)
        session = json.loads((elsewhere / "performance-session.json").read_text())
        detail = elsewhere / "performance" / "run_1" / "mlperf_log_detail.txt"
        detail.write_text(detail.read_text().replace("109.5", "99.5"))
        session["logs"] = {name: _log(detail.with_name(name)) for name in session["logs"]}
        (elsewhere / "performance-session.json").write_text(json.dumps(session))
        study.store.append([ingest(early), ingest(kept, model_name=BERT), ingest(elsewhere)])


def _log(path: Path) -> dict[str, Any]:
    return {"sha256": sha256_of(path), "bytes": path.stat().st_size}
