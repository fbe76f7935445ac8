"""Check an exploration's description, answer, and measurements against each other."""

from __future__ import annotations

from collections import Counter
from math import isclose
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.challenges.bundles.problems import caught
from mlperf_home.challenges.verification.contradictions import first_contradiction, value_text
from mlperf_home.contracts.codec import decode, read_document
from mlperf_home.contracts.studies.answer import AnswerMetric, read_answer, study_work
from mlperf_home.contracts.studies.experiment import EXPERIMENT_LIMITS, ExperimentDescription, ExplorationOrigin
from mlperf_home.exploration.definition.space import make_space
from mlperf_home.measurements.storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_home.challenges.bundles.problems import Problem
    from mlperf_home.contracts.studies.answer import AnswerDocument, Standing


def exploration_problems(root: Path) -> Iterator[Problem]:
    """Yield disagreements within the experiments of a bundle."""
    for folder in sorted(root.glob("experiments/*")):
        where = folder.relative_to(root).as_posix()
        yield from caught(_of_experiment(folder, where), f"{where}/experiment.json", root)


def _of_experiment(folder: Path, where: str) -> Iterator[Problem]:
    path = folder / "experiment.json"
    experiment = read_document(path, ExperimentDescription, EXPERIMENT_LIMITS)
    if experiment.name != folder.name:
        yield f"{where}/{path.name}", f"/name is {value_text(experiment.name)}, but its folder is {folder.name!r}"
    if experiment.kind != "exploration":
        return
    origin = decode(experiment.made_by, ExplorationOrigin, path)
    if experiment.sample != origin.running.sample:
        yield f"{where}/{path.name}", f"/sample is {value_text(experiment.sample)}, but its study says the opposite"
    if (folder / "answer.json").is_file():
        answer = read_answer(folder / "answer.json")
        if difference := first_contradiction(answer, _derived(answer, origin)):
            yield f"{where}/answer.json", str(difference)
        for problem in (*_point_problems(answer, origin), *_standing_problems(answer)):
            yield f"{where}/answer.json", problem
    running = origin.running
    # Without a dataset, the images of the runs are the sample's.
    sample = running.sample or running.without_dataset
    expected = (running.round, running.benchmark, running.scenario, sample)
    for stored in Store(folder).measurements():
        found = (stored.round, stored.benchmark, stored.scenario, stored.sample)
        if found != expected:
            yield f"{where}/{Store(folder).path.name}", f"has a measurement of {found}, but the study is of {expected}"


def _derived(answer: AnswerDocument, origin: ExplorationOrigin) -> AnswerDocument:
    """Return the answer with the facts of its study, and with the shares of its work."""
    directions, stated = origin.settings.directions, answer.work
    work = study_work(stated.spent_s, stated.exhaustive_s, stated.left_s)
    shares = ((each.share, each.share_without_official) for each in (stated, work))
    # The seconds were added up in another order.
    close = all(isclose(*pair, rel_tol=1e-9) for pair in zip(*shares, strict=True))
    return msgspec.structs.replace(
        answer,
        name=origin.space.name,
        sample=origin.running.sample,
        without_dataset=origin.running.without_dataset,
        system=origin.system,
        metrics=tuple(AnswerMetric(name=name, direction=each) for name, each in directions.items()),
        work=stated if close else work,
    )


def _point_problems(answer: AnswerDocument, origin: ExplorationOrigin) -> Iterator[str]:
    """Yield a problem if the answer's points and their models are not those of the space.

    A description has its axes in the order of their names, so the parts of a point's name are compared in any order.
    """
    stated = {_parts(each.point): each.model for each in (*answer.front, *answer.undecided, *answer.dropped)}
    space = {_parts(each.name): each.model for each in make_space(origin.space, "the study's space").points}
    if difference := first_contradiction(stated, space):
        yield f"/points{difference}"


def _parts(name: str) -> str:
    return " ".join(sorted(name.split("/")))


def _standing_problems(answer: AnswerDocument) -> Iterator[str]:
    groups = {"front": answer.front, "undecided": answer.undecided, "dropped": answer.dropped}
    names = Counter(each.point for group in groups.values() for each in group)
    metrics = {each.name for each in answer.metrics}
    for group, standings in groups.items():
        for position, standing in enumerate(standings):
            place = f"/{group}/{position}"
            if names[standing.point] > 1:
                yield f"{place}/point {value_text(standing.point)} stands there twice"
            if unknown := sorted(set(standing.against) - names.keys()):
                yield f"{place}/against names {value_text(unknown[0])}, which is no point of the answer"
            if group == "front" and (standing.against or standing.failed):
                yield f"{place} belongs to the front, but another point dominates it, or it failed"
            if standing.left_out and (group != "dropped" or not answer.without_dataset):
                yield f"{place} was left out of the race, but it is not dropped or the race had a dataset"
            if group == "dropped" and not (standing.against or standing.failed):
                yield f"{place} is dropped, but no point dominates it, and it did not fail"
            yield from (f"{place}{problem}" for problem in _value_problems(standing, metrics))


def _value_problems(standing: Standing, metrics: set[str]) -> Iterator[str]:
    for part in ("values", "intervals"):
        for name in sorted(getattr(standing, part).keys() - metrics):
            yield f"/{part}/{name} is no metric of the answer"
    for name, (low, high) in standing.intervals.items():
        value = standing.values.get(name, low)
        if not (low <= value or isclose(low, value)) or not (value <= high or isclose(value, high)):
            yield f"/values/{name} is {value}, outside its interval of {low} to {high}"
