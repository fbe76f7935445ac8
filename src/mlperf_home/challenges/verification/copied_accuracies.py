"""Check accuracies that a bundle copies: they are those that others published of the same model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.challenges.bundles.problems import caught
from mlperf_home.challenges.bundles.results import measurement_files
from mlperf_home.contracts.challenges.run import RUN_LIMITS, ChallengeRun
from mlperf_home.contracts.layouts import read_layout
from mlperf_home.measurements.latency_only import copied_values
from mlperf_home.measurements.measurement import read_measurement
from mlperf_home.published.classifiers import model_of
from mlperf_home.published.copied import copied_accuracies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.challenges.bundles.problems import Problem
    from mlperf_home.contracts.studies.estimate import CopiedAccuracy
    from mlperf_home.measurements.measurement import Measurement


def copied_problems(root: Path) -> Iterator[Problem]:
    """Yield results whose copied accuracy nobody published, or whose speed has no logs."""
    yield from caught(_problems(root), "run.json", root)


def _problems(root: Path) -> Iterator[Problem]:
    sample = read_layout(root / "run.json", ChallengeRun, RUN_LIMITS).asked.sample
    files = ((path, path.relative_to(root).as_posix()) for path in measurement_files(root))
    copying = {name: each for path, name in files if copied_values(each := read_measurement(path, name))}
    models = {name: model_of(str(each.model["name"].value)) for name, each in copying.items()}
    known = copied_accuracies([*models.values()], sample=sample) if models else {}
    for name, measurement in copying.items():
        for problem in _of(measurement, models[name], known.get(models[name])):
            yield name, problem


def _of(measurement: Measurement, model: str, known: CopiedAccuracy | None) -> Iterator[str]:
    if measurement.validity is None:
        yield "copies an accuracy, but has no performance run"
    for key, value in copied_values(measurement).items():
        if known is None or key != "top1_percent":
            yield f"/values/{key} is copied, but nobody published that of {model!r}"
        elif (value.value, value.source) != (known.percent, known.source):
            yield f"/values/{key} is {value.value} from {value.source!r}, but {known.source!r} has {known.percent}"
