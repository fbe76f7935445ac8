"""The points that a prediction leaves out of a race: without them in its space, among the dropped in its answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import structs

from mlperf_home.contracts.studies.answer import Standing, study_work
from mlperf_home.exploration.live.plan import space_of

if TYPE_CHECKING:
    from mlperf_home.contracts.studies.answer import Answer
    from mlperf_home.contracts.studies.study import StudyPlan
    from mlperf_home.exploration.definition.space import Space


def raced_space(plan: StudyPlan) -> Space:
    """Return the plan's space without the points of models that were left out."""
    space = space_of(plan)
    return replace(space, points=tuple(point for point in space.points if point.model not in plan.left_out))


def with_left_out(answer: Answer, plan: StudyPlan) -> Answer:
    """Return the answer of a race with the points that were left out, and the time of the prediction's probes."""
    if not plan.running.without_dataset:
        return answer
    points, protocol = space_of(plan).points, plan.settings.protocol
    first = {point.model: point.name for point in reversed(points)}
    left = [(point, plan.left_out[point.model]) for point in points if point.model in plan.left_out]
    standings = [
        Standing(
            point=point.name,
            model=point.model,
            values={plan.settings.accuracy: each.accuracy_percent},
            intervals={},
            accuracy_source=f"copied: {each.accuracy_source}",
            against=(first[each.by],),
            official={},
            likely=False,
            failed="",
            left_out=each.reason,
        )
        for point, each in left
    ]
    work = answer.work
    exhaustive_s = work.exhaustive_s + sum(protocol.exhaustive(each.latency_ms) for _, each in left)
    spent_s = {"prediction": plan.predicting_s, **work.spent_s}
    return structs.replace(
        answer, dropped=(*answer.dropped, *standings), work=study_work(spent_s, exhaustive_s, work.left_s)
    )
