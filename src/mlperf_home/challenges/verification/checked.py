"""Derive the requirements and expected times of a run from its challenge, its machine, and its endings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isclose
from typing import TYPE_CHECKING

import msgspec

from mlperf_home.challenges.definition.requirements import CACHE_PLACE, GB, Surroundings, requirements_of
from mlperf_home.challenges.definition.run_folder import DONE
from mlperf_home.contracts.challenges.run import Estimate, RunCheck

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlperf_home.challenges.definition.manifest import Challenge, Workflow
    from mlperf_home.contracts.challenges.machine import Machine
    from mlperf_home.contracts.challenges.run import ChallengeRun, Requirement

_FREE = re.compile(r"[0-9.e+-]+ GB free for (--[a-z_]+)")
_SHOWN_GB = re.compile(r"([0-9]{1,12}\.[0-9]) GB")
_HALF_OF_THE_LAST_DIGIT = 0.049
_ALREADY_DONE = "already done"
# The words of version 0.1 for the same requirements; only fulfilled ones stand in a report.
_WORDS_OF_0_1 = (
    (re.compile(r"^results of (.+)$"), r"what \1 leaves"),
    (re.compile(r"^unknown architecture, "), "not known, "),
    (re.compile(r", unknown model$"), ", model not known"),
    (re.compile(r"^unknown$"), "not known"),
)


@dataclass(frozen=True)
class CheckedRun:
    """A run, with the challenge that it checked and the machine that it was checked on."""

    challenge: Challenge
    run: ChallengeRun
    machine: Machine

    def derived(self, stated: RunCheck, *, complete: bool) -> RunCheck:
        """Return the checks that this run must have made.

        Free space and the times of probes are taken from `stated`, where they are possible: no other document has them.
        Version 0.1 stored no checks beside its report and no expected times after --skip_probe (`complete` is False).
        """
        workflows = self._checked(stated)
        required = requirements_of(workflows, self._here(workflows, stated.required), sample=self.run.asked.sample)
        if not complete:
            old = tuple(map(_in_words_of_0_1, required))
            required = old if stated.required == old else required
        times = {each.workflow: each for each in stated.expected}
        expected = () if not (complete or stated.expected) else tuple(self._expected(workflows, times))
        return RunCheck(required=required, expected=expected)

    def _checked(self, stated: RunCheck) -> tuple[Workflow, ...]:
        """Return the workflows of the last command that checked any: those named, and the one that ended last."""
        named = {each.workflow for each in stated.required} | {each.workflow for each in stated.expected}
        ended = {name: ending.ended_utc for name, ending in self.run.workflows.items() if ending.ended_utc}
        last = max(ended, key=lambda name: ended[name], default="")
        return tuple(each for each in self.challenge.workflows if each.name in {*named, last})

    def _here(self, workflows: Sequence[Workflow], stated: Sequence[Requirement]) -> Surroundings:
        free: dict[str, float] = {}
        for row in stated:
            place, shown = _FREE.fullmatch(row.wanted), _SHOWN_GB.fullmatch(row.here)
            if place and shown:
                free.setdefault(place[1], (float(shown[1]) + _HALF_OF_THE_LAST_DIGIT) * GB)
        done = {name for name, ending in self.run.workflows.items() if ending.status == DONE}
        named = {word for row in stated for word in row.here.split(", ")}
        ready = {each.name for each in workflows} | (done & named)
        return Surroundings(self.machine, {CACHE_PLACE: 0.0, **free}, self.run.asked.options, ready)

    def _expected(self, workflows: Sequence[Workflow], times: Mapping[str, Estimate]) -> Iterator[Estimate]:
        for workflow in workflows:
            stated = times.get(workflow.name, Estimate(workflow.name, None, None, "absent"))
            probe, sample_ms = workflow.mode(sample=self.run.asked.sample).probe, stated.sample_ms
            if probe is None or sample_ms is None:
                hours = 0.0 if stated.how == _ALREADY_DONE else None
                yield msgspec.structs.replace(stated, hours=hours, sample_ms=None)
                continue
            hours = probe.hours(sample_ms / 1000)
            # The seconds of a sample were not rounded to milliseconds.
            hours = stated.hours if stated.hours is not None and isclose(stated.hours, hours, rel_tol=1e-9) else hours
            how = stated.how.removesuffix(probe.assumptions)
            yield msgspec.structs.replace(stated, hours=hours, how=f"{how}{probe.assumptions}")


def _in_words_of_0_1(row: Requirement) -> Requirement:
    texts = {"wanted": row.wanted, "here": row.here}
    for pattern, words in _WORDS_OF_0_1:
        texts = {key: pattern.sub(words, text) for key, text in texts.items()}
    return msgspec.structs.replace(row, **texts)
