"""`python -m mlperf_home.exploration.live --plan study.json`: run a study to its end, or go on with it.

The journal, the answer and the results stand in the plan's folder. Standard output has an event a line
(`mlperf_home.contracts.study_events`).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import to_line
from mlperf_home.contracts.study_events import (
    OfficialRunDone,
    StudyAnswered,
    StudyDoing,
    StudyEvent,
    standing_of,
)
from mlperf_home.errors import LocatedError
from mlperf_home.exploration.definition.answer import to_json
from mlperf_home.exploration.definition.journal import Journal
from mlperf_home.exploration.definition.meter import JournaledMeter
from mlperf_home.exploration.definition.settings import study_identity
from mlperf_home.exploration.live.jobs import Engines
from mlperf_home.exploration.live.meter import LiveMeter
from mlperf_home.exploration.live.plan import read_plan, space_of, subject_of
from mlperf_home.exploration.optuna_search import Budget, search
from mlperf_home.exploration.racing.study import Study
from mlperf_home.harness.child import die_with_parent
from scriptgraph.errors import ScriptGraphError
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from mlperf_home.contracts.answer import Answer
    from mlperf_home.contracts.study import StudyPlan

EXIT_REFUSED = 65
_SILENCE_S = 5.0


def main() -> int:
    """Run the study; give the exit status."""
    parser = argparse.ArgumentParser(prog="mlperf_home.exploration.live", description="an exploration on this machine")
    parser.add_argument("--plan", type=Path, required=True, help="the plan, a JSON file")
    arguments = parser.parse_args()
    die_with_parent(os.getppid())
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        explore(read_plan(arguments.plan))
    except (LocatedError, ScriptGraphError) as error:
        print(f"mlperf-home: {error}", file=sys.stderr, flush=True)
        return EXIT_REFUSED
    return 0


def explore(plan: StudyPlan) -> None:
    """Run a study, writing its answer as it grows."""
    space = space_of(plan)
    identity = {**study_identity(space, plan.priors, plan.settings), "searcher": plan.searcher, "budget": plan.budget_s}
    path = plan.folder / "answer.json"

    def told(found: Answer) -> None:
        replace_text(path, to_json(found, subject_of(plan)))
        _tell(standing_of(found))

    last_s = time.monotonic()

    def doing(what: str, done: int, of: int) -> None:
        nonlocal last_s
        # Probes are short: a line for each would be too many.
        if not what.startswith("probes") or time.monotonic() - last_s >= _SILENCE_S:
            last_s = time.monotonic()
            _tell(StudyDoing(what=what, done=done, of=of))

    with Journal(plan.folder / "journal.jsonl", identity) as journal, Engines(plan.engines) as engines:
        meter = LiveMeter(plan, engines, lambda point: _tell(OfficialRunDone(point=point.name)))
        if plan.searcher == "race":
            answer = Study(space, meter, plan.priors, plan.settings, journal).run(told, doing)
        else:
            budget = Budget(plan.budget_s or 0.0, seed=plan.settings.seed)
            answer = search(space, JournaledMeter(meter, journal), plan.searcher, budget, plan.settings, told)
    told(answer)
    _tell(StudyAnswered(answer=path))


def _tell(event: StudyEvent) -> None:
    print(to_line(event), flush=True)


if __name__ == "__main__":
    sys.exit(main())
