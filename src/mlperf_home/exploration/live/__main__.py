"""`python -m mlperf_home.exploration.live --plan study.json`: run a study to its end, or resume it.

The journal, the answer and the results are written to the plan's folder. Standard output has one event a line
(`mlperf_home.contracts.studies.events`).
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import print_line
from mlperf_home.contracts.studies.events import (
    OfficialRunDone,
    StudyAnswered,
    StudyDoing,
    standing_of,
)
from mlperf_home.exploration.definition.answer import to_json
from mlperf_home.exploration.definition.journal import Journal
from mlperf_home.exploration.definition.meter import JournaledMeter
from mlperf_home.exploration.definition.settings import study_identity
from mlperf_home.exploration.live.jobs import Engines
from mlperf_home.exploration.live.left_out import raced_space, with_left_out
from mlperf_home.exploration.live.meter import LiveMeter
from mlperf_home.exploration.live.plan import read_plan, space_of, subject_of
from mlperf_home.exploration.optuna_search import Budget, search
from mlperf_home.exploration.racing.study import Study
from mlperf_home.harness.program import run_program
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from mlperf_home.contracts.studies.answer import Answer
    from mlperf_home.contracts.studies.study import StudyPlan

_PROGRESS_INTERVAL_S = 5.0


def main() -> int:
    """Run the study; return the exit status."""
    return run_program(
        "mlperf_home.exploration.live", "run a study on this machine", "--plan", lambda path: explore(read_plan(path))
    )


def explore(plan: StudyPlan) -> None:
    """Run a study, and write its answer after each step."""
    space = raced_space(plan)
    # A prediction's choice of models is no part of the identity: it may change when a model could not be fetched.
    identity = {
        **study_identity(space_of(plan), plan.priors, plan.settings),
        "searcher": plan.searcher,
        "budget": plan.budget_s,
    }
    path = plan.folder / "answer.json"

    def write_answer(raced: Answer) -> None:
        answer = with_left_out(raced, plan)
        replace_text(path, to_json(answer, subject_of(plan)))
        print_line(standing_of(answer))

    last_s = time.monotonic()

    def print_progress(activity: str, done: int, total: int) -> None:
        nonlocal last_s
        # Probes are too short for a line each.
        if not activity.startswith("probes") or time.monotonic() - last_s >= _PROGRESS_INTERVAL_S:
            last_s = time.monotonic()
            print_line(StudyDoing(what=activity, done=done, of=total))

    with Journal(plan.folder / "journal.jsonl", identity) as journal, Engines(plan.engines) as engines:
        meter = LiveMeter(
            plan,
            engines,
            lambda point: print_line(OfficialRunDone(point=point.name)),
            lambda seconds: print_line(StudyDoing(what=f"pause of {seconds:.0f} s until the next round", done=0, of=1)),
        )
        if plan.searcher == "race":
            answer = Study(space, meter, plan.priors, plan.settings, journal).run(write_answer, print_progress)
        else:
            budget = Budget(plan.budget_s or 0.0, seed=plan.settings.seed)
            answer = search(space, JournaledMeter(meter, journal), plan.searcher, budget, plan.settings, write_answer)
    write_answer(answer)
    print_line(StudyAnswered(answer=path))


if __name__ == "__main__":
    sys.exit(main())
