"""Simulate a crowd with liars: how much of what the judge calls replicated is false, and what that costs in runs.

Machines are those of published tables, one CPU each, owned by several contributors; a machine differs from its kind by
2 % as a whole and by 3 % in each value and run. Each contributor sends bundles of some models. In each round, other
owners of the same CPU repeat what the board wants. Liars scale all their values by 0.75, alone or in pairs that tell
the same lie. Prints the share of replicated values that are off by 25 % or more, and the mean of runs a result.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.contracts.leaderboard.judging import JudgeRequest
from mlperf_home.contracts.leaderboard.results import BoardResult, MachineClass
from mlperf_home.leaderboard.judge.judge import judge_of

if TYPE_CHECKING:
    from mlperf_home.contracts.leaderboard.judging import JudgeAnswer
    from mlperf_home.leaderboard.judge.judge import Judge

LIE, OFF = 0.75, 0.25
_LEVEL_SD, _RUN_SD = 0.02, 0.03
_CLASSES, _OWNERS, _BUNDLES, _MODELS = 20, 80, 6, 16
_SHARES = (0.0, 0.01, 0.05, 0.10, 0.20)
_AIM_SHARE, _AIM_FALSE, _AIM_RUNS = 0.05, 0.01, 1.3


@dataclass(frozen=True)
class Owner:
    """A contributor with one machine; `lie` multiplies all values."""

    key: str
    kind: int
    level: float
    lie: float


class Crowd:
    """Contributors, their machines, and what the board holds of them."""

    def __init__(self, judge: Judge, random: np.random.Generator, share: float, *, pairs: bool) -> None:
        self.judge, self.random = judge, random
        known = judge.predictor.crowd
        self.models, self.logs = known.models, known.logs
        self.runtimes = [each.runtime for each in known.systems]
        kinds = random.choice(len(self.logs), _CLASSES, replace=False)
        popularity = 1 / np.arange(1, _CLASSES + 1)
        owned = random.choice(kinds, _OWNERS, p=popularity / popularity.sum())
        lies = self._lies(owned, share, pairs=pairs)
        self.owners = [
            Owner(f"key{number}", int(kind), float(random.normal(0, _LEVEL_SD)), LIE if number in lies else 1.0)
            for number, kind in enumerate(owned)
        ]
        self.results: list[BoardResult] = []
        self.receipt = 0

    def _lies(self, owned: np.ndarray, share: float, *, pairs: bool) -> set[int]:
        liars = set(self.random.choice(_OWNERS, round(share * _OWNERS), replace=False).tolist())
        if not pairs:
            return liars
        found: set[int] = set()
        for number in self.random.permutation(_OWNERS).tolist():
            friends = [n for n in range(_OWNERS) if owned[n] == owned[number] and n != number and n not in found]
            if len(found) < len(liars) and number not in found and friends:
                found |= {number, friends[0]}
        return found

    def send(self, owner: Owner, models: list[int], runs: int = 1) -> None:
        """Add a bundle to the board."""
        for _ in range(runs):
            self.receipt += 1
            for model in models:
                log = self.logs[owner.kind][model] + owner.level + self.random.normal(0, _RUN_SD)
                self.results.append(self._result(owner, model, float(np.exp(log)) * owner.lie))

    def _result(self, owner: Owner, model: int, latency_ms: float) -> BoardResult:
        number = len(self.results)
        return BoardResult(
            id=f"r{number}",
            kind="measured",
            bundle=f"b{self.receipt}",
            receipt=self.receipt,
            batch=self.receipt,
            path=str(number),
            key=owner.key,
            contributor=owner.key,
            machine=owner.key,
            of=MachineClass(cpu=f"cpu{owner.kind}", cores=4, runtime=self.runtimes[owner.kind]),
            round="v3.1",
            benchmark="resnet",
            scenario="SingleStream",
            model=self.models[model],
            sample=False,
            validity="VALID",
            official=True,
            metrics={"latency_ms": latency_ms},
        )

    def verdict(self) -> JudgeAnswer:
        """Return the judge's answer of now."""
        return self.judge.judge(JudgeRequest(results=tuple(self.results)))


def simulate(judge: Judge, share: float, seed: int, *, pairs: bool) -> dict[str, float]:
    """Return the figures of one crowd."""
    random = np.random.default_rng(seed)
    crowd = Crowd(judge, random, share, pairs=pairs)
    by_key = {owner.key: owner for owner in crowd.owners}
    sent = 0
    for _ in range(_BUNDLES):
        for owner in random.permutation(np.array(crowd.owners, dtype=object)).tolist():
            models = random.choice(len(crowd.models), _MODELS, replace=False).tolist()
            crowd.send(owner, models)
            sent += len(models)
        _replicate(crowd, by_key, random)
    answer = crowd.verdict()
    states = [each.state for each in answer.judgements]
    lying = [by_key[each.key].lie <= 1 - OFF for each in crowd.results]
    replicated = [lie for lie, state in zip(lying, states, strict=True) if state == "replicated"]
    above = sum(lie and state in {"consistent", "replicated"} for lie, state in zip(lying, states, strict=True))
    return {
        "replicated": len(replicated) / len(states),
        "false": float(np.mean(replicated)) if replicated else 0.0,
        "lies_believed": above / max(1, sum(lying)),
        "runs": len(crowd.results) / sent,
    }


def _replicate(crowd: Crowd, by_key: dict[str, Owner], random: np.random.Generator) -> None:
    """Let another owner of the CPU repeat what is wanted and was not repeated yet, once each."""
    answer = crowd.verdict()
    done = {(each.key, each.model) for each in crowd.results}
    asked: dict[str, set[int]] = {}
    for result, judgement in zip(list(crowd.results), answer.judgements, strict=True):
        model = crowd.models.index(result.model)
        others = [o for o in crowd.owners if o.kind == by_key[result.key].kind and o.key != result.key]
        measured = any((other.key, result.model) in done for other in others)
        if judgement.wanted and others and not measured:
            helper = others[int(random.integers(len(others)))]
            asked.setdefault(helper.key, set()).add(model)
            done.add((helper.key, result.model))
    for key, models in asked.items():
        crowd.send(by_key[key], sorted(models))


def main() -> int:
    """Print the table; return 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crowds", type=int, default=5, help="simulated crowds of each kind")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures to this file")
    options = parser.parse_args()
    judge = judge_of("images")
    rows, missed = {}, False
    print(
        "| liars | together | replicated | of these false | lies believed | runs a result |\n|---|---|---|---|---|---|"
    )
    for pairs in (False, True):
        for share in _SHARES:
            found = [simulate(judge, share, seed, pairs=pairs) for seed in range(options.crowds)]
            row = {name: float(np.mean([each[name] for each in found])) for name in found[0]}
            rows[f"{share:.0%} {'in pairs' if pairs else 'alone'}"] = row
            texts = [f"{row[name]:.1%}" for name in ("replicated", "false", "lies_believed")]
            print(f"| {share:.0%} | {'in pairs' if pairs else 'alone'} | {' | '.join(texts)} | {row['runs']:.2f} |")
            if share == _AIM_SHARE and not pairs:
                missed = row["false"] > _AIM_FALSE or row["runs"] > _AIM_RUNS
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
