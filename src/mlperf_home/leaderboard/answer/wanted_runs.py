"""What the crowd does not know yet, as workflows of challenges on classes of machines: gain, hours, credit."""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mlperf_home.contracts.leaderboard.wanted_list import (
    MOST_PLACES,
    MOST_RUNS,
    WantedClass,
    WantedList,
    WantedPlace,
    WantedRun,
)
from mlperf_home.leaderboard.answer.choices import choice_key
from mlperf_home.leaderboard.answer.groups import accuracy_of, front_of, ranked_groups
from mlperf_home.measurements.equivalence import MARGIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlperf_home.contracts.leaderboard.events import BoardSettings, Receipt
    from mlperf_home.contracts.leaderboard.results import BoardResult
    from mlperf_home.contracts.leaderboard.wanted_list import Doubt
    from mlperf_home.leaderboard.answer.choices import ChoiceKey, RankedChoice
    from mlperf_home.leaderboard.store.index import JudgedResult

_LONGEST = 200


class _Subject(NamedTuple):
    """A workflow on a class of machines."""

    challenge: str
    workflow: str
    cpu: str
    cores: int | None
    architecture: str
    confined: str
    runtime: str


@dataclass
class _Open:
    """What is open on one subject."""

    results: list[BoardResult] = field(default_factory=list)
    places: dict[tuple[str, str, str], WantedPlace] = field(default_factory=dict)
    models: set[tuple[str, str]] = field(default_factory=set)
    hours: list[float] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


def wanted_list(
    settings: BoardSettings,
    results: Sequence[JudgedResult],
    every: Sequence[RankedChoice],
    receipts: Mapping[str, Receipt],
    updated: str,
) -> WantedList:
    """Return what is wanted of a board, the greatest gain first.

    Args:
        settings: the board's settings.
        results: its results with their judgements.
        every: its choices, also published and predicted ones.
        receipts: the receipts of its bundles, by digest.
        updated: when it took its newest bundle.
    """
    runs = sorted(_runs(results, every, receipts), key=_order)
    return WantedList(
        board=settings.name[:_LONGEST],
        sample=settings.sample,
        updated_utc=updated,
        runs=tuple(runs[:MOST_RUNS]),
        left_out=max(0, len(runs) - MOST_RUNS),
    )


def _order(run: WantedRun) -> tuple[object, ...]:
    return (-run.gain, -run.credit, run.challenge, run.workflow, run.of.cpu, run.of.cores or 0, run.of.runtime)


def _runs(
    results: Sequence[JudgedResult], every: Sequence[RankedChoice], receipts: Mapping[str, Receipt]
) -> Iterator[WantedRun]:
    fronts, chosen = _Fronts(every), {each.key: each for each in every if each.origin == "measured"}
    subjects = {each.result.id: subject for each in results if (subject := _subject(each.result, receipts))}
    by_id = {each.result.id: each.result for each in results}
    found: dict[_Subject, _Open] = defaultdict(_Open)
    for each in results:
        subject = subjects.get(each.result.id)
        if subject and each.judgement.wanted:
            own = found[subject]
            own.results.append(each.result)
            own.models.add((each.result.scenario, each.result.model))
            choice = chosen.get(choice_key(each.result))
            if choice and choice.contributors == 1 and (doubt := fronts.doubt(choice)):
                _add_place(own, choice.key, doubt)
    for choice in fronts.predicted():
        origin = by_id.get(choice.results[0])
        subject = subjects.get(choice.results[0])
        if subject and origin and origin.benchmark == choice.key.benchmark:
            _add_place(found[subject], choice.key, "on the front, predicted")
            found[subject].models.add((choice.key.scenario, choice.key.model))
    for each in results:
        if (subject := subjects.get(each.result.id)) in found:
            own = found[subject]
            own.keys |= {each.result.key} - {""}
            own.hours += [] if each.result.hours is None else [each.result.hours]
    for subject, own in found.items():
        yield _run(subject, own)


def _add_place(own: _Open, key: ChoiceKey, doubt: Doubt) -> None:
    place = WantedPlace(benchmark=key.benchmark, scenario=key.scenario, model=key.model[:_LONGEST], because=doubt)
    own.places.setdefault((key.benchmark, key.scenario, key.model), place)


def _subject(result: BoardResult, receipts: Mapping[str, Receipt]) -> _Subject | None:
    """Return the workflow and the class of a result; None if another machine could not run it again.

    Names from a bundle that no challenge can have are left out, and CPUs that nobody can recognise.
    """
    receipt, parts, of = receipts.get(result.bundle), result.path.split("/"), result.of
    if receipt is None or len(parts) < 2 or parts[0] != "results" or not of.cpu:  # noqa: PLR2004 - results/WORKFLOW
        return None
    names, texts = (receipt.challenge, parts[1]), (of.cpu, result.architecture, of.confined, of.runtime)
    if not all(map(_is_name, names)) or any(
        len(each) > _LONGEST for each in (*texts, result.benchmark, result.scenario)
    ):
        return None
    return _Subject(*names, of.cpu, of.cores or None, result.architecture, of.confined, of.runtime)


def _is_name(text: str) -> bool:
    allowed = text.replace("@", "").replace("+", "").replace(".", "").replace("_", "").replace("-", "")
    return 0 < len(text) <= 100 and text.isascii() and text[0].isalnum() and allowed.isalnum()  # noqa: PLR2004


def _run(subject: _Subject, own: _Open) -> WantedRun:
    of = WantedClass(
        cpu=subject.cpu,
        cores=subject.cores,
        architecture=subject.architecture,
        confined=subject.confined,
        runtime=subject.runtime,
    )
    return WantedRun(
        challenge=subject.challenge,
        workflow=subject.workflow,
        of=of,
        results=len(own.results),
        places=tuple(own.places[key] for key in sorted(own.places))[:MOST_PLACES],
        gain=len(own.places),
        hours=statistics.median(own.hours) if own.hours else None,
        credit=len(own.models),
        keys=tuple(sorted(own.keys))[:MOST_RUNS],
    )


class _Fronts:
    """The fronts of all groups, to find the places that one measurement may change."""

    def __init__(self, every: Iterable[RankedChoice]) -> None:
        self._fronts: dict[tuple[str, str, str, bool], list[tuple[float, float]]] = {}
        self._predicted: list[RankedChoice] = []
        for group, ranked in ranked_groups(every).items():
            front = front_of(ranked)
            self._predicted += [each for each in front if each.origin == "predicted"]
            known = [(each.time_ms, found[1]) for each in front if (found := accuracy_of(each))]
            self._fronts[group.benchmark, group.scenario, group.runtime, group.sample] = sorted(
                (time_ms, percent) for time_ms, percent in known if time_ms
            )

    def predicted(self) -> list[RankedChoice]:
        """Return the predicted choices on fronts."""
        return self._predicted

    def doubt(self, choice: RankedChoice) -> Doubt | None:
        """Return why the place of a choice is undecided: it is on the front, or would be if it were faster by a tenth.

        Two machines agree if their speeds differ by less than that, see docs/trust.md.
        """
        time_ms, accuracy, key = choice.time_ms, accuracy_of(choice), choice.key
        if not time_ms or accuracy is None:
            return None
        front = self._fronts[key.benchmark, key.scenario, key.runtime, key.sample]
        if (time_ms, accuracy[1]) in front:
            return "on the front, measured once"
        faster = bisect_right(front, (time_ms * (1 - MARGIN), float("inf")))
        beaten = any(percent >= accuracy[1] for _, percent in front[:faster])
        return None if beaten else "near the front, measured once"
