"""The process of an engine in a trial, in the engine's own environment.

Standard input has a `WorkerSetup`, then a `WorkerOrder` for each slice; standard output one `WorkerReply` for each.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from mlperf_home.contracts.codec import parse_document, to_line
from mlperf_home.contracts.runs.selection import WorkerOrder, WorkerReply, WorkerSetup
from mlperf_home.datasets.base import DatasetError
from mlperf_home.engines import registry
from mlperf_home.engines.base import BackendError, EngineSetup
from mlperf_home.engines.calibration.bench import EngineBench, contender_setup
from mlperf_home.engines.calibration.quiet import QuietWatch
from mlperf_home.harness.child import die_with_parent
from mlperf_home.selection.accuracy_check import QuestionFiles, check_f1
from mlperf_home.selection.contest import contest_of

if TYPE_CHECKING:
    from mlperf_home.contracts.runs.selection import TrialEntry, TrialPlan

_INPUT = "standard input"
_PATIENCE = 0.5  # of the trial's time, shared by the processes


def main() -> None:
    """Open the engine, check its F1, and measure slices until standard input ends."""
    die_with_parent(os.getppid())
    # Engines print on standard output.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    setup = parse_document(sys.stdin.readline(), WorkerSetup, _INPUT)
    try:
        bench, reply = _open(setup)
    except (BackendError, DatasetError) as error:
        _answer(replies, WorkerReply(error=str(error)))
        return
    _answer(replies, reply)
    for line in sys.stdin:
        order = parse_document(line, WorkerOrder, _INPUT)
        try:
            seconds, calls = bench.slice(0, order.probe)
        except BackendError as error:
            _answer(replies, WorkerReply(error=str(error)))
            break
        disturbed = bench.watch.disturbance().disturbed_because
        _answer(replies, WorkerReply(seconds=seconds, calls=calls, disturbed_because=disturbed))
    bench.close(0)


def _open(setup: WorkerSetup) -> tuple[EngineBench, WorkerReply]:
    """Open the engine and check its F1; raise BackendError if it refuses the model or stays below the gate."""
    plan, entry = setup.plan, setup.entry
    contest = contest_of(plan, (entry,))
    engine = EngineSetup(entry.model_path, plan.work_dir, contest.grid, plan.cores, entry.options)
    watch = QuietWatch(_PATIENCE * plan.budget_s / len(plan.entries))
    bench = EngineBench(lambda: registry.make(entry.backend), engine, contest, watch)
    bench.open(0)
    details = dict(bench.descriptions[0].details)
    return bench, WorkerReply(details=details, accuracy=_accuracy(entry, plan, bench))


def _accuracy(entry: TrialEntry, plan: TrialPlan, bench: EngineBench) -> str:
    """Return the F1 in words; raise BackendError if it is below the gate."""
    if entry.f1_percent is not None:
        words = f"F1 {entry.f1_percent:.2f} ({entry.f1_source})"
        if entry.f1_percent < plan.gate_percent:
            raise BackendError(f"{words} is below {plan.gate_percent:.2f}")
        return words
    grid = contender_setup(bench.setup, bench.contest.contenders[0], bench.contest.probes).grid
    estimate = check_f1(bench.backend(0), grid, QuestionFiles(plan.features, plan.questions), seconds=plan.check_s)
    if estimate.high < plan.gate_percent:
        raise BackendError(f"{estimate.words} is below {plan.gate_percent:.2f}")
    unclear = "" if estimate.low >= plan.gate_percent else f"; {plan.gate_percent:.2f} is open until the accuracy run"
    return f"{estimate.words}{unclear}"


def _answer(replies: TextIO, reply: WorkerReply) -> None:
    replies.write(f"{to_line(reply)}\n")
    replies.flush()


if __name__ == "__main__":
    main()
