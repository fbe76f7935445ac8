"""Plant lies among published results, and count which the judge asks for again.

Each published machine is judged with what is learnt from the machines outside its CPU's family. A machine whose values
are all scaled fits its own values; only its level, or another of its class, can tell. Prints the share of values that
are asked for again, honest ones and lies.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.leaderboard.judge.expected import CrowdPredictor
from mlperf_home.prediction.crowd import Crowd, crowd_of
from mlperf_home.published.classifiers import read_classifiers
from mlperf_home.published.results import shipped_results

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SINGLE = (0.9, 0.8, 0.75, 0.67, 0.5, 1.33)
_SOME = 10
_MOST_ASKED, _AIMS = 0.10, {0.75: 0.93, 0.67: 0.99}


def machines(crowd: Crowd) -> Iterator[tuple[int, CrowdPredictor]]:
    """Yield each machine with a predictor that does not know its family of CPU."""
    for family in np.unique(crowd.families):
        predictor = CrowdPredictor(crowd.only(crowd.families != family))
        for number in np.flatnonzero(crowd.families == family).tolist():
            yield number, predictor


def planted(crowd: Crowd, random: np.random.Generator, draws: int) -> dict[str, list[float]]:
    """Return the shares of values that do not fit, by what was planted."""
    shares: dict[str, list[float]] = defaultdict(list)
    for number, predictor in machines(crowd):
        true = dict(zip(crowd.models, np.exp(crowd.logs[number]).tolist(), strict=True))
        runtime = crowd.systems[number].runtime

        def odd(
            latencies: Mapping[str, float], names: list[str], runtime: str = runtime, by: CrowdPredictor = predictor
        ) -> float:
            found = by.expected(latencies, runtime)
            return float(np.mean([not found[name].fits for name in names]))

        every = list(true)
        shares["honest"].append(odd(true, every))
        for factor in _SINGLE:
            for name in random.choice(every, draws, replace=False).tolist():
                shares[f"one x {factor}"].append(odd({**true, name: factor * true[name]}, [name]))
        for factor in (0.75, 0.67):
            some = random.choice(every, _SOME, replace=False).tolist()
            lies = {**true, **{name: factor * true[name] for name in some}}
            shares[f"{_SOME} of {len(every)} x {factor}"].append(odd(lies, some))
            rest = [name for name in every if name not in some]
            shares[f"honest beside {_SOME} x {factor}"].append(odd(lies, rest))
            shares[f"all x {factor}"].append(odd({name: factor * value for name, value in true.items()}, every))
        other = int(random.integers(len(crowd.systems)))
        half = random.choice(every, len(every) // 2, replace=False).tolist()
        foreign = dict(zip(crowd.models, np.exp(crowd.logs[other]).tolist(), strict=True))
        if crowd.systems[other].runtime != runtime:
            shares["half of another engine's"].append(odd({**true, **{name: foreign[name] for name in half}}, half))
    return shares


def main() -> int:
    """Print the table; return 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=40, help="single lies of each kind for each machine")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures to this file")
    options = parser.parse_args()
    models = [row.model for row in read_classifiers() if not row.sample]
    crowd = crowd_of(shipped_results("images"), models)
    shares = planted(crowd, np.random.default_rng(1), options.draws)
    figures = {name: float(np.mean(values)) for name, values in shares.items()}
    print(f"{len(crowd.systems)} machines, {len(models)} models; values asked for again:")
    for name, share in figures.items():
        print(f"{name:32} {share:6.1%}  worst machine {max(shares[name]) if 'one' not in name else share:6.1%}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    missed = figures["honest"] > _MOST_ASKED or any(figures[f"one x {f}"] < aim for f, aim in _AIMS.items())
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
