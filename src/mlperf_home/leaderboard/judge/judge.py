"""The judge: the state of each result of a board, with the reasons, from all results; a pure function.

docs/trust.md explains the states, and what each can and cannot show.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.contracts.leaderboard.judging import JudgeAnswer, Judgement, JudgeRequest, MachinePredictions
from mlperf_home.contracts.leaderboard.keys import first_keys
from mlperf_home.contracts.leaderboard.results import LATENCY_ONLY
from mlperf_home.leaderboard.judge.answers import AnswersOfSubjects
from mlperf_home.leaderboard.judge.copies import Copy, copies, shared_machines
from mlperf_home.leaderboard.judge.expected import CrowdPredictor
from mlperf_home.leaderboard.judge.machines import board_machines, level_ratio, same_cpu
from mlperf_home.leaderboard.judge.physics import Physics, known_models
from mlperf_home.leaderboard.judge.records import KeyRecords, key_records
from mlperf_home.leaderboard.judge.replication import Replications, comparisons
from mlperf_home.prediction.crowd import crowd_of
from mlperf_home.published.results import shipped_results

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlperf_home.contracts.leaderboard.judging import State
    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.leaderboard.judge.expected import ExpectedLatency
    from mlperf_home.leaderboard.judge.machines import BoardMachine

LEVEL = 1.25
"""Machines of one CPU and runtime differ by at most this ratio in the median of their latencies."""

ABSURD = 10.0
"""A machine this many times off for its CPU is named."""

_COMMON_SHARE = 0.5
_PREDICTED = ("resnet", "SingleStream")


class StateFinding(NamedTuple):
    """A state with its reasons and the results that led to it."""

    state: State
    reasons: tuple[str, ...]
    others: tuple[str, ...] = ()


def judge_of(crowd: str) -> Judge:
    """Return the judge that has learnt from the shipped results called `crowd`: images, or sample.

    Raises:
        PublishedTableError, CrowdError: these results are damaged, or too few.
    """
    results = shipped_results(crowd)
    tables = results.latencies()
    counts = Counter(name for _, table in tables for name in table)
    common = [each.name for each in results.models if counts[each.name] >= _COMMON_SHARE * len(tables)]
    return Judge(Physics(known_models(results)), CrowdPredictor(crowd_of(results, common)))


@dataclass
class Judge:
    """Judges the results of a board.

    Attributes:
        physics: the checks of what is possible.
        predictor: what the crowd predicts.
    """

    physics: Physics
    predictor: CrowdPredictor
    _objections: dict[str, list[str]] = field(default_factory=dict, init=False)
    _expected: dict[str, ExpectedLatency] = field(default_factory=dict, init=False)

    def judge(self, request: JudgeRequest) -> JudgeAnswer:
        """Return the judgements in the order of the results; equal requests have equal answers."""
        owners = first_keys(request.successors)
        counted = [each for each in request.results if each.bundle not in request.withdrawn]
        found = copies(counted, owners)
        # A copy says nothing of its own.
        independent = [each for each in counted if each.id not in found and not _revoked(each, request.revoked)]
        machines = board_machines(independent, owners)
        self._look_at(machines)
        replications, answers = Replications(list(comparisons(machines))), AnswersOfSubjects(independent, owners)
        board = _Board(request, owners, machines, found, replications, answers)
        judgements = {each.id: self._judgement(each, board) for each in request.results}
        judgements = _with_credit(request.results, judgements, owners)
        keys = key_records(counted, judgements, self._expected, shared_machines(independent, owners), owners)
        return JudgeAnswer(
            judgements=tuple(judgements[each.id] for each in request.results),
            keys=keys,
            predictions=tuple(self._predictions(machines)),
        )

    def _predictions(self, machines: Sequence[BoardMachine]) -> Iterator[MachinePredictions]:
        for machine in machines:
            found = (
                ()
                if machine.id.published
                else self.predictor.predicted(machine.latencies(*_PREDICTED), machine.id.of.runtime)
            )
            if found:
                yield MachinePredictions(machine=machine.results[0].id, latencies=tuple(found))

    def _look_at(self, machines: Sequence[BoardMachine]) -> None:
        """Collect the objections of physics, and what the crowd predicts of each machine."""
        self._objections, self._expected = {}, {}
        for machine in machines:
            for each in machine.results:
                self._objections[each.id] = list(self.physics.of_result(each))
            for result, objection in self.physics.of_machine(machine.results):
                self._objections[result].append(objection)
            if not machine.id.published:
                self._predict(machine)

    def _predict(self, machine: BoardMachine) -> None:
        expected = self.predictor.expected(machine.latencies(*_PREDICTED), machine.id.of.runtime)
        for each in machine.results:
            if (each.benchmark, each.scenario) == _PREDICTED and each.model in expected:
                self._expected[each.id] = expected[each.model]

    def _judgement(self, result: BoardResult, board: _Board) -> Judgement:
        finding = self._finding(result, board)
        copied = (
            ("latency only: its accuracy is copied from others, or unknown",) if result.kind == LATENCY_ONLY else ()
        )
        reasons = (*finding.reasons, *copied)
        return Judgement(result=result.id, state=finding.state, reasons=reasons, others=finding.others)

    def _finding(self, result: BoardResult, board: _Board) -> StateFinding:
        if result.kind == "published":
            return StateFinding("published", ("copied from a published table: its logs were not seen",))
        if day := board.request.withdrawn.get(result.bundle):
            return StateFinding("withdrawn", (f"withdrawn by its signer on {day}",))
        if day := _revoked(result, board.request.revoked):
            return StateFinding("verified", (f"its key was revoked on {day}: it counts for nothing",))
        if result.id in board.copies:
            return _of_copy(board.copies[result.id])
        if objections := self._objections.get(result.id):
            return StateFinding("verified", tuple(objections))
        return self._of_others(result, board)

    def _of_others(self, result: BoardResult, board: _Board) -> StateFinding:
        """Return what other results say of a plausible one."""
        same_answers = _answers(result, board.answers)
        if same_answers.state == "disputed":
            return same_answers
        machine = board.machine_of[result.id]
        verdicts = board.replications.of(machine, result)
        agreeing, contradicting = verdicts.get("reproduced", []), verdicts.get("not reproduced", [])
        if contradicting and len(contradicting) >= len(agreeing):
            sides = f"{len(contradicting)} of another contributor differ, {len(agreeing)} agree"
            return StateFinding("disputed", (f"on machines of its class: {sides}",), board.ids(contradicting, result))
        if agreeing:
            reasons = (*_of_agreeing(machine, agreeing, board), *same_answers.reasons)
            return StateFinding("replicated", reasons, board.ids(agreeing, result))
        fits, reasons = self._prediction(result)
        anchored, level = _level(machine, board)
        wanted = _wanted_runs(board.replications.runs_wanted(machine, result)) if "inconclusive" in verdicts else ()
        state: State = "consistent" if fits and anchored and result.key else "plausible"
        unsigned = () if result.key else ("unsigned: nobody answers for it",)
        return StateFinding(state, (*reasons, level, *same_answers.reasons, *wanted, *unsigned))

    def _prediction(self, result: BoardResult) -> tuple[bool, tuple[str, ...]]:
        expected = self._expected.get(result.id)
        if expected is None:
            return False, ("the crowd has nothing that predicts it",)
        if not expected.telling:
            return False, ("too few other results of this machine to predict it",)
        words = f"{expected.ratio:.2f} times the predicted latency; 90 % of honest ones lie within {expected.reach:.2f}"
        return expected.fits, (words,)


@dataclass(frozen=True)
class _Board:
    """All that the judgement of one result looks at."""

    request: JudgeRequest
    owners: Mapping[str, str]
    machines: Sequence[BoardMachine]
    copies: Mapping[str, Copy]
    replications: Replications
    answers: AnswersOfSubjects
    machine_of: dict[str, BoardMachine] = field(init=False)
    levels: dict[object, tuple[bool, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        of = {each.id: machine for machine in self.machines for each in machine.results}
        object.__setattr__(self, "machine_of", of)

    def ids(self, machines: Sequence[BoardMachine], result: BoardResult) -> tuple[str, ...]:
        """Return the results of machines with the subject of a result."""
        subject = (result.benchmark, result.scenario, result.model)
        every = (each for machine in machines for each in machine.results)
        return tuple(each.id for each in every if (each.benchmark, each.scenario, each.model) == subject)


def _revoked(result: BoardResult, revoked: Mapping[str, str]) -> str:
    """Return the day since which a result's key counts for nothing, if it was made later; "" otherwise."""
    day = revoked.get(result.key, "")
    return day if day and result.made_utc[: len(day)] >= day else ""


def _of_copy(copy: Copy) -> StateFinding:
    if copy.original is None:
        reason = "several contributors sent these logs in one batch: whose they are is unknown"
        return StateFinding("disputed", (reason,), copy.others)
    if copy.foreign:
        reason = f"its logs are those of receipt {copy.original.receipt}, by another contributor"
        return StateFinding("disputed", (reason,), (copy.original.id,))
    return StateFinding("verified", (f"repeats the logs of receipt {copy.original.receipt}",), (copy.original.id,))


def _answers(result: BoardResult, answers: AnswersOfSubjects) -> StateFinding:
    """Return what the answers of other contributors say of a result: plausible with reasons, or disputed."""
    found = answers.of(result)
    against, beside = answers.owners_of(found.contradicting), answers.owners_of(found.agreeing)
    if against and against >= beside:
        count = f"{against} other contributor{'s' if against > 1 else ''}"
        share = f"as few as {found.least:.0%} of the answers are equal"
        reason = f"its answers contradict those of {count} for the same model and data ({share}); {beside} agree"
        return StateFinding("disputed", (reason,), tuple(each.id for each in found.contradicting))
    if beside:
        whose = f"{beside} other contributor{'s' if beside > 1 else ''}"
        return StateFinding("plausible", (f"its answers are those of {whose}, at least {found.least:.0%} of them",))
    return StateFinding("plausible", ())


def _of_agreeing(machine: BoardMachine, agreeing: Sequence[BoardMachine], board: _Board) -> Iterator[str]:
    count = len({each.owner for each in agreeing})
    yield f"{count} other contributor{'s' if count > 1 else ''} measured the same on a machine of its class"
    keys = {machine.owner, *(each.owner for each in agreeing)}
    if not keys & {board.owners.get(key, key) for key in board.request.vouched}:
        yield "the organiser vouches for none of these keys"


def _level(machine: BoardMachine, board: _Board) -> tuple[bool, str]:
    """Return whether other machines of this CPU have its level, and the words for it."""
    if machine.id not in board.levels:
        board.levels[machine.id] = _level_of(machine, board.machines)
    return board.levels[machine.id]


def _level_of(machine: BoardMachine, machines: Sequence[BoardMachine]) -> tuple[bool, str]:
    ratios = [ratio for other in same_cpu(machine, machines) if (ratio := level_ratio(machine, other)) is not None]
    if not ratios:
        return False, "no other contributor has this CPU and runtime: its level cannot be checked"
    nearest = min(ratios, key=lambda ratio: max(ratio, 1 / ratio))
    if max(nearest, 1 / nearest) <= LEVEL:
        return True, f"another machine with its CPU and runtime has its level (ratio {nearest:.2f})"
    far = "; such a value is more likely a mistake" if max(nearest, 1 / nearest) >= ABSURD else ""
    return False, f"{nearest:.2f} times the latencies of the nearest machine with its CPU and runtime{far}"


def _wanted_runs(runs: int | None) -> tuple[str, ...]:
    if runs is None:
        return ("another contributor's machine cannot tell: it has too few runs",)
    return (f"another contributor's machine cannot tell yet: {runs} runs would",)


def _with_credit(
    results: Sequence[BoardResult], judgements: Mapping[str, Judgement], owners: Mapping[str, str]
) -> dict[str, Judgement]:
    """Return judgements with what is wanted and credited, by the record that each key had before."""
    records, seen = KeyRecords(), Counter[tuple[str, str, str, str, str, str]]()
    done = {}
    for each in sorted(results, key=lambda result: (result.receipt, result.path)):
        found, owner = judgements[each.id], owners.get(each.key, each.key)
        # A latency alone has a credit of its own, which a whole result later does not lose by it.
        subject = (owner, each.machine, each.benchmark, each.scenario, each.model, each.kind)
        good = found.state in {"consistent", "replicated"}
        trusted = bool(each.key) and records.trusted(owner, each.receipt)
        wanted = found.state in {"plausible", "verified", "disputed"} or (found.state == "consistent" and not trusted)
        done[each.id] = Judgement(
            result=each.id,
            state=found.state,
            reasons=(
                *found.reasons,
                *(("its key's record suffices",) if trusted and found.state == "consistent" else ()),
            ),
            others=found.others,
            wanted=wanted and each.kind != "published",
            credited=bool(each.key) and good and not seen[subject],
        )
        if each.key:
            records.add(owner, each.receipt, found.state)
            seen[subject] += good
    return done
