"""An estimate of all latencies of a machine from a few: intervals, the front, and the place among published systems."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlperf_home.contracts.studies.estimate import (
    FEWEST_MEASURED,
    EstimateCrowd,
    EstimateDocument,
    EstimateRequest,
    ModelEstimate,
)
from mlperf_home.errors import LocatedError
from mlperf_home.prediction.calibration import CONFIDENCE, calibrate, is_known
from mlperf_home.prediction.crowd import crowd_of
from mlperf_home.prediction.fronts import predicted_front
from mlperf_home.prediction.gaussian import NOISE_SD, learn
from mlperf_home.published.positions import positions_of, why_no_position

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlperf_home.prediction.crowd import Crowd
    from mlperf_home.prediction.gaussian import Prediction
    from mlperf_home.published.results import PublishedResults

SURE = 1.5
"""The ratio of the difference that decides about the front to half an interval; benchmarks/prediction.py judges it."""

_FAR = 4.0
_NOISY = 0.15
_Z = 1.645  # half of an interval of 90 %, in standard deviations of a normal distribution


class EstimateError(LocatedError):
    """Too few models were measured."""


class MeasuredLatency(NamedTuple):
    """A measured latency, and the standard deviation of its logarithm."""

    latency_ms: float
    noise_sd: float


def measured_latency(values_ms: Sequence[float]) -> MeasuredLatency:
    """Return the median of a model's probes, and its noise: at least that of a short probe."""
    logs = np.log(values_ms)
    error = float(logs.std(ddof=1)) / math.sqrt(len(logs)) if len(logs) > 1 else 0.0
    return MeasuredLatency(float(np.exp(np.median(logs))), math.hypot(NOISE_SD, error))


class MachinePrediction(NamedTuple):
    """The latencies of a machine, and half the width of calibrated intervals in standard deviations."""

    crowd: Crowd
    prediction: Prediction
    reach: float


def predict_machine(
    results: PublishedResults, models: Sequence[str], measured: Mapping[str, MeasuredLatency], runtime: str
) -> MachinePrediction:
    """Predict the latencies of `models` from the measured ones.

    Raises:
        CrowdError: the results have too few machines.
    """
    crowd = crowd_of(results, models)
    places = crowd.places(list(measured))
    logs = np.log([each.latency_ms for each in measured.values()])
    noise = np.array([each.noise_sd for each in measured.values()])
    return MachinePrediction(crowd, learn(crowd).predict(places, logs, noise), calibrate(crowd, places, runtime))


def estimate(
    request: EstimateRequest,
    models: Sequence[str],
    measured: Mapping[str, MeasuredLatency],
    results: PublishedResults,
    warnings: Sequence[str] = (),
    spent_s: float = 0.0,
) -> EstimateDocument:
    """Return the estimate of `models` from those that were measured.

    Raises:
        EstimateError: fewer than `FEWEST_MEASURED` models were measured.
        CrowdError: the results have too few machines.
    """
    if len(measured) < FEWEST_MEASURED:
        problem = f"{len(measured)} models were measured, an estimate needs {FEWEST_MEASURED}"
        raise EstimateError(request.study.space.name, problem, "see the warnings above; repeat the command")
    crowd, prediction, reach = predict_machine(results, models, measured, request.runtime)
    known = is_known(crowd, request.runtime)
    facts = EstimateCrowd(
        source=results.source,
        licence=results.licence,
        machines=len(crowd.systems),
        families=len(set(crowd.families.tolist())),
        runtimes=tuple(sorted(set(crowd.runtimes.tolist()))),
        runtime_known=known,
        distance=prediction.distance,
    )
    reason = why_no_position(results, request.runtime)
    latencies = [(model, each.latency_ms) for model, each in measured.items()]
    return EstimateDocument(
        schema=1,
        name=request.study.space.name,
        sample=request.sample,
        system=next(iter(request.study.engines.values())).system,
        cpu=request.cpu,
        engine=request.engine,
        runtime=request.runtime,
        confidence=CONFIDENCE,
        models=tuple(_model_estimates(request, models, measured, prediction, reach)),
        positions=() if reason else tuple(positions_of(results, request.runtime, latencies)),
        no_position=reason,
        crowd=facts,
        spent_s=spent_s,
        warnings=(*warnings, *_doubts(facts, request.runtime), *_noisy(measured)),
    )


def _doubts(crowd: EstimateCrowd, runtime: str) -> list[str]:
    """Return the reasons for which intervals are wider than usual."""
    doubts = []
    if not crowd.runtime_known:
        doubts.append(
            f"no published machine used {runtime}: the intervals are as wide as for a runtime that the crowd lacks"
        )
    if crowd.distance > _FAR:
        doubts.append(f"this machine is unlike the published ones ({crowd.distance:.1f} times their variance)")
    return doubts


def _noisy(measured: Mapping[str, MeasuredLatency]) -> list[str]:
    """Return the warning that probes of one model differ, if some do."""
    noisy = [model for model, each in measured.items() if each.noise_sd > _NOISY]
    if not noisy:
        return []
    share = f"{len(noisy)} of {len(measured)} measured models"
    return [f"the probes of {share} differ much: repeat this on a quiet machine, with more --rounds"]


def _model_estimates(
    request: EstimateRequest,
    models: Sequence[str],
    measured: Mapping[str, MeasuredLatency],
    prediction: Prediction,
    reach: float,
) -> list[ModelEstimate]:
    copied = [request.accuracies.get(model) for model in models]
    percents = [math.nan if each is None else each.percent for each in copied]
    standings = predicted_front(prediction.mean, prediction.covariance, percents, SURE * max(reach, _Z))
    rows = []
    for place, (model, accuracy) in enumerate(zip(models, copied, strict=True)):
        own = measured.get(model)
        center = float(prediction.mean[place]) if own is None else math.log(own.latency_ms)
        half = reach * float(prediction.sd[place]) if own is None else _Z * own.noise_sd
        best = int(standings.dominator[place])
        rows.append(
            ModelEstimate(
                model=model,
                origin="predicted" if own is None else "measured",
                latency_ms=math.exp(center),
                interval_ms=(math.exp(center - half), math.exp(center + half)),
                accuracy_percent=accuracy.percent if accuracy else None,
                accuracy_source=accuracy.source if accuracy else "nobody published it",
                standing="front" if standings.front[place] else "dominated" if best >= 0 else "undecided",
                dominated_by=models[best] if best >= 0 else None,
            )
        )
    return rows
