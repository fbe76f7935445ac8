"""The report of a replay: each result then and now, their agreement, other differences, and a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mlperf_home.challenges.bundles.results import MEASUREMENTS, exploration_rows
from mlperf_home.challenges.replays.comparison import compare, same_arithmetic
from mlperf_home.contracts.challenges.reproduction import ReplayedFront, ReplayedResult, Reproduction
from mlperf_home.contracts.runs.session import read_session
from mlperf_home.measurements.layout import ACCURACY_SESSION, PERFORMANCE_SESSION
from mlperf_home.measurements.measurement import read_measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.challenges.replays.comparison import Machines
    from mlperf_home.contracts.challenges.reproduction import ReplayFacts
    from mlperf_home.measurements.measurement import Measurement

    Key = tuple[str, str, str, str]
    Result = tuple[Path, Measurement]

REPRODUCED, FUNCTIONAL, NOT_REPRODUCED = "reproduced", "functional", "not"
TOO_NOISY: Final = "too noisy to compare"


def reproduction(
    roots: tuple[Path, Path], challenge: Challenge, machines: Machines, facts: ReplayFacts
) -> Reproduction:
    """Compare the results of a bundle with those of its replay. Raise MeasurementError if one cannot be read.

    Args:
        roots: the folders of the unpacked bundle and of the replay; both with `results/`.
        challenge: the challenge; its metrics are compared.
        machines: the machines of the two runs, then and now.
        facts: the other facts of the report.
    """
    then, now = (_by_key(root) for root in roots)
    explored, results = _explorations(roots), []
    for key in sorted(then):
        ranked = [metric.name for metric in challenge.metrics if metric.benchmark == key[1]]
        results.append(_result(key, then[key], now.get(key), ranked, machines))
    return Reproduction(
        **msgspec.structs.asdict(facts),
        challenge=challenge.name,
        verdict=verdict(results, explored, facts.newly_failed),
        results=tuple(results),
        explorations=explored,
        only_now=tuple(" ".join(key) for key in sorted(now.keys() - then.keys())),
    )


def verdict(results: Sequence[ReplayedResult], explored: Sequence[ReplayedFront], newly_failed: Sequence[str]) -> str:
    """Return one of the four verdicts. Fronts are not judged: a replay with fronts alone is at best functional."""
    if newly_failed or any(each.now is None for each in explored) or not (results or explored):
        return NOT_REPRODUCED
    if not results:
        return FUNCTIONAL
    if not all(each.there and each.as_valid for each in results):
        return NOT_REPRODUCED
    verdicts = {value.verdict for each in results for value in each.values}
    if verdicts <= {"agree"}:
        return REPRODUCED
    return TOO_NOISY if verdicts <= {"agree", TOO_NOISY} else FUNCTIONAL


def _explorations(roots: tuple[Path, Path]) -> tuple[ReplayedFront, ...]:
    """Pair the fronts of experiments by name; the verdict ignores their points."""
    then, now = (_points(root) for root in roots)
    return tuple(
        ReplayedFront(
            experiment=name,
            then=then[name],
            now=now.get(name),
            both=tuple(sorted(set(then[name]) & set(now.get(name, ())))),
        )
        for name in sorted(then)
    )


def _points(root: Path) -> dict[str, tuple[str, ...]]:
    return {row.experiment: tuple(each.point for each in row.front) for row in exploration_rows(root)}


def _by_key(root: Path) -> dict[Key, Result]:
    """Return the results below a folder by workflow, benchmark, model, and scenario."""
    results = {}
    for path in sorted(root.glob(MEASUREMENTS)):
        measurement = read_measurement(path, path.relative_to(root).as_posix())
        workflow = path.relative_to(root).parts[1]
        key = (workflow, measurement.benchmark, str(measurement.model["name"].value), measurement.scenario)
        results[key] = (path.parent, measurement)
    return results


def _result(key: Key, then: Result, now: Result | None, ranked: Sequence[str], machines: Machines) -> ReplayedResult:
    old, new = then[1], now[1] if now else None
    row = ReplayedResult(
        workflow=key[0],
        benchmark=key[1],
        model=key[2],
        scenario=key[3],
        sample=old.sample,
        validity=(old.validity, new.validity if new else None),
    )
    if now is None or new is None:
        return row
    same = same_arithmetic(old, new, machines, same_data=_datasets(then[0]) == _datasets(now[0]))
    noisy_values = (("then", old.values.get("noisy")), ("now", new.values.get("noisy")))
    return msgspec.structs.replace(
        row,
        there=True,
        as_valid=old.validity == new.validity and old.sample == new.sample,
        same_arithmetic=same,
        values=compare(old, new, ranked, same_arithmetic=same),
        noisy=tuple(when for when, value in noisy_values if value is not None and value.value == "yes"),
    )


def _datasets(folder: Path) -> list[Any]:
    """Return the identities of the datasets in a result's sessions."""
    paths = filter(Path.is_file, (folder / PERFORMANCE_SESSION, folder / ACCURACY_SESSION))
    datasets = (read_session(path).dataset for path in paths)
    return [(each.name, each.identity, each.count, each.made) for each in datasets]
