"""`python -m mlperf_home.exploration.live.estimate --request request.json`: measure a few models, estimate all.

The estimate is written to the folder of the request's study. Standard output has one event a line. A stopped estimate
resumes: its journal lies in the folder until the estimate is written.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from msgspec import structs

from mlperf_home.contracts.codec import print_line, write_document
from mlperf_home.contracts.studies.estimate import ESTIMATE_FILE, EstimateDocument, EstimateRequest, read_request
from mlperf_home.contracts.studies.events import StudyAnswered, StudyDoing
from mlperf_home.exploration.definition.journal import Journal
from mlperf_home.exploration.definition.meter import JournaledMeter, PointFailedError, failure_warning
from mlperf_home.exploration.definition.settings import study_identity
from mlperf_home.exploration.live.jobs import Engines
from mlperf_home.exploration.live.meter import LiveMeter
from mlperf_home.exploration.live.plan import space_of
from mlperf_home.exploration.live.probes import probe_points
from mlperf_home.harness.program import run_program
from mlperf_home.prediction.estimate import estimate
from mlperf_home.published.results import shipped_results

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.exploration.definition.meter import Meter


def main() -> int:
    """Make the estimate; return the exit status."""
    return run_program(
        "mlperf_home.exploration.live.estimate",
        "estimate latencies",
        "--request",
        _answer,
    )


def _answer(path: Path) -> None:
    print_line(StudyAnswered(answer=make_estimate(read_request(path))))


def make_estimate(request: EstimateRequest) -> Path:
    """Measure, estimate and write the estimate; return its path."""
    study, space = request.study, space_of(request.study)
    identity = study_identity(space, study.priors, study.settings)
    identity |= {"rounds": request.rounds, "probe_s": request.probe_s, "models": sorted(study.candidates)}
    path, journal_path = study.folder / ESTIMATE_FILE, study.folder / "journal.jsonl"
    with Journal(journal_path, identity) as journal, Engines(study.engines) as engines:
        meter = JournaledMeter(LiveMeter(study, engines, lambda _: None), journal)
        measured = measure_and_estimate(request, meter, journal.damages)
        if study.results is not None:
            measured = structs.replace(measured, warnings=(*measured.warnings, *run_officially(request, meter)))
        write_document(path, measured)
        # The next estimate measures anew.
        journal_path.unlink()
        (study.folder / "settled.json").unlink(missing_ok=True)
        shutil.rmtree(study.folder / "running", ignore_errors=True)
    return path


def measure_and_estimate(request: EstimateRequest, meter: Meter, damages: list[str]) -> EstimateDocument:
    """Probe the models that have files, in random order in each round; return the estimate of all."""
    space = space_of(request.study)
    points = [point for point in space.points if point.model in request.study.candidates]
    absent = [f"{model} is left out: {reason}" for model, reason in request.study.absent.items()]
    probes = probe_points(points, meter, request.rounds, request.probe_s, request.study.settings.seed)
    models = list(dict.fromkeys(point.model for point in space.points))
    warnings = [*damages, *absent, *probes.warnings]
    return estimate(request, models, probes.measured, shipped_results(request.results), warnings, probes.spent_s)


def run_officially(request: EstimateRequest, meter: Meter) -> list[str]:
    """Run each measured model by the round's rules, so that its latency has logs; return the warnings of failures."""
    points = [point for point in space_of(request.study).points if point.model in request.study.candidates]
    warnings = []
    for number, point in enumerate(points):
        print_line(StudyDoing(what=f"official run of {point.name}", done=number, of=len(points)))
        try:
            meter.official(point)
        except PointFailedError as error:
            warnings.append(failure_warning(point.name, error))
    return warnings


if __name__ == "__main__":
    sys.exit(main())
