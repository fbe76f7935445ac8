"""`python -m mlperf_home.exploration.live.narrow --request request.json`: one stage of narrowing a race.

The models fetched so far are probed, the others predicted. The next ones to fetch are written beside the journal, in
the folder of the exploration. Standard output has one event a line. A stage that is repeated measures nothing twice.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import print_line, write_document
from mlperf_home.contracts.studies.estimate import FEWEST_MEASURED
from mlperf_home.contracts.studies.events import StudyAnswered
from mlperf_home.contracts.studies.narrowing import (
    NARROWING_FILE,
    NarrowingDocument,
    NarrowingRequest,
    read_narrowing_request,
)
from mlperf_home.contracts.studies.study import LeftOutModel
from mlperf_home.exploration.definition.journal import Journal
from mlperf_home.exploration.definition.meter import JournaledMeter
from mlperf_home.exploration.definition.settings import study_identity
from mlperf_home.exploration.live.jobs import Engines
from mlperf_home.exploration.live.meter import LiveMeter
from mlperf_home.exploration.live.plan import space_of
from mlperf_home.exploration.live.probes import probe_points
from mlperf_home.harness.program import run_program
from mlperf_home.prediction.estimate import EstimateError, predict_machine
from mlperf_home.prediction.narrowing import narrow
from mlperf_home.published.results import shipped_results

if TYPE_CHECKING:
    from pathlib import Path

    from mlperf_home.exploration.definition.meter import Meter

JOURNAL = "narrowing.jsonl"
"""The observations of the stages, beside the race's own journal."""


def main() -> int:
    """Make the stage; return the exit status."""
    return run_program(
        "mlperf_home.exploration.live.narrow",
        "narrow a race",
        "--request",
        _answer,
    )


def _answer(path: Path) -> None:
    print_line(StudyAnswered(answer=make_stage(read_narrowing_request(path))))


def make_stage(request: NarrowingRequest) -> Path:
    """Probe, predict, and write what is found; return its path."""
    study = request.study
    identity = study_identity(space_of(study), study.priors, study.settings)
    identity |= {"rounds": request.rounds, "probe_s": request.probe_s}
    path = study.folder / NARROWING_FILE
    with Journal(study.folder / JOURNAL, identity) as journal, Engines(study.engines) as engines:
        meter = JournaledMeter(LiveMeter(study, engines, lambda _: None), journal)
        write_document(path, probe_and_narrow(request, meter, journal.damages))
    return path


def probe_and_narrow(request: NarrowingRequest, meter: Meter, damages: list[str]) -> NarrowingDocument:
    """Probe the models that were fetched; return the next ones, and those that need not be fetched.

    Raises:
        EstimateError: too few models could be measured.
        CrowdError: the results have too few machines.
    """
    study = request.study
    points = space_of(study).points
    models = list(dict.fromkeys(point.model for point in points))
    fetched = [point for point in points if point.model in study.candidates]
    probes = probe_points(fetched, meter, request.rounds, request.probe_s, study.settings.seed)
    unusable = {*study.candidates, *study.absent} - probes.measured.keys()
    found = {model: each for model, each in request.accuracies.items() if model not in unusable}
    following: tuple[str, ...] = ()
    left_out: dict[str, LeftOutModel] = {}
    if set(models) - probes.measured.keys() - unusable:
        if len(probes.measured) < FEWEST_MEASURED:
            problem = f"{len(probes.measured)} models could be measured, a prediction needs {FEWEST_MEASURED}"
            first = next(iter([*study.absent.values(), *probes.warnings]), "see the messages above")
            raise EstimateError(study.space.name, problem, f"the first reason: {first}")
        machine = predict_machine(shipped_results(request.results), models, probes.measured, request.runtime)
        narrowed = narrow(machine, {model: each.percent for model, each in found.items()})
        following = narrowed.following(frozenset({*probes.measured, *unusable}), request.stage)
        left_out = {
            model: LeftOutModel(
                **each._asdict(),
                fetched=model in probes.measured,
                accuracy_percent=found[model].percent,
                accuracy_source=found[model].source,
            )
            for model, each in narrowed.dominated.items()
        }
    return NarrowingDocument(
        schema=1,
        stage=request.stage,
        following=following,
        measured={model: each.latency_ms for model, each in probes.measured.items()},
        left_out=left_out,
        absent=study.absent,
        spent_s=probes.spent_s,
        warnings=tuple(damages),
    )


if __name__ == "__main__":
    sys.exit(main())
