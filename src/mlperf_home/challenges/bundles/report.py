"""The report of a challenge's run: results, explorations, and whether the run counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.challenges.bundles.results import exploration_rows, result_rows
from mlperf_home.challenges.definition.run_folder import NOT_RUN
from mlperf_home.contracts.challenges.report import ChallengeReport, ChallengeTerms, ReportedWorkflow
from mlperf_home.contracts.challenges.run import WorkflowEnding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.contracts.challenges.report import ReportedExploration, ReportedResult, RunFacts
    from mlperf_home.contracts.challenges.run import ChallengeRun


@dataclass(frozen=True)
class RunOutcome:
    """The results and explorations of a run, and the reasons why it does not count."""

    results: tuple[ReportedResult, ...]
    explorations: tuple[ReportedExploration, ...]
    counts_not_because: tuple[str, ...]

    @property
    def counts(self) -> bool:
        """Whether the run counts for the challenge."""
        return not self.counts_not_because


def make_report(challenge: Challenge, root: Path, facts: RunFacts) -> ChallengeReport:
    """Return the report of `results/` and `experiments/` below `root`, with the facts of the run.

    Raises:
        MeasurementError: a measurement cannot be read.
        ReportError: an exploration's answer cannot be read.
    """
    outcome = outcome_of(challenge, root, facts)
    return ChallengeReport(
        **msgspec.structs.asdict(facts),
        challenge=ChallengeTerms(
            name=challenge.name,
            title=challenge.title,
            opened=challenge.opened.isoformat(),
            closed=challenge.closed.isoformat(),
            points=challenge.points,
        ),
        results=outcome.results,
        explorations=outcome.explorations,
        counts=outcome.counts,
        counts_not_because=outcome.counts_not_because,
    )


def reported_workflows(challenge: Challenge, run: ChallengeRun) -> tuple[ReportedWorkflow, ...]:
    """Return the workflows of a challenge with their endings in a run."""
    unended = WorkflowEnding(status=NOT_RUN)
    endings = {each.name: run.workflows.get(each.name, unended) for each in challenge.workflows}
    return tuple(
        ReportedWorkflow(
            name=each.name,
            title=each.title,
            tags=each.mode(sample=run.asked.sample).call.tags,
            status=endings[each.name].status,
            error=endings[each.name].error,
        )
        for each in challenge.workflows
    )


def outcome_of(challenge: Challenge, root: Path, facts: RunFacts) -> RunOutcome:
    """Return the results in a folder, and the reasons why the run does not count. Raise as `make_report` does."""
    results = result_rows(root, challenge.metrics)
    obstacles = _obstacles(facts, results, copied=challenge.copied_accuracy)
    return RunOutcome(results, exploration_rows(root), tuple(obstacles))


# Verification recomputes these texts: other words would refuse the bundles of earlier versions.
def _obstacles(facts: RunFacts, results: Sequence[ReportedResult], *, copied: bool) -> Iterator[str]:
    """Yield the reasons why a run does not count; `copied` is whether the challenge asks for no accuracy."""
    if facts.sample:
        yield "it was made with sample data: nothing in it is an MLPerf result"
    elif any(row.made_up for row in results):
        yield "results in it were made with sample data: those are no MLPerf results"
    if facts.state != "open":
        yield f"the challenge was {facts.state} when it was made"
    if facts.lock_differences:
        yield f"it was not made with what is locked: {len(facts.lock_differences)} differences"
    if facts.extra_options:
        yield f"options were added to its commands: {facts.extra_options}"
    valid = [row for row in results if row.validity == "VALID"]
    if not any(not row.unofficial_because or (copied and row.latency_only) for row in valid):
        yield "no result in it is an official one"
