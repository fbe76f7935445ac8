"""The report of a replay: each result then and now, their agreement, other differences, and a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mlperf_home.challenges.bundles.results import MEASUREMENTS, exploration_rows
from mlperf_home.challenges.replays.comparison import Replayed, compare_all, same_arithmetic
from mlperf_home.contracts.challenges.reproduction import ReplayedFront, ReplayedResult, Reproduction
from mlperf_home.contracts.runs.session import read_session
from mlperf_home.measurements.layout import ACCURACY_SESSION, PERFORMANCE_SESSION
from mlperf_home.measurements.measurement import read_measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.challenges.replays.comparison import Machines
    from mlperf_home.contracts.challenges.reproduction import ReplayFacts, Verdict
    from mlperf_home.measurements.measurement import Measurement

    Key = tuple[str, str, str, str]
    Result = tuple[Path, Measurement]

REPRODUCED: Final = "reproduced"
NOT_REPRODUCED: Final = "not reproduced"
INCONCLUSIVE: Final = "inconclusive"


def reproduction(
    then: Path, now: Sequence[Path], challenge: Challenge, machines: Machines, facts: ReplayFacts
) -> Reproduction:
    """Compare the results of a bundle with those of its replay. Raise MeasurementError if one cannot be read.

    Args:
        then: the folder of the unpacked bundle, with `results/`.
        now: the folder of each repetition, with `results/`.
        challenge: the challenge; its metrics are compared.
        machines: the machines of the two, then and now.
        facts: the other facts of the report.
    """
    old, new = _by_key(then), [_by_key(root) for root in now]
    rows, compared, metrics = [], [], []
    for key in sorted(old):
        repeats = [each[key] for each in new if key in each]
        rows.append(_result(key, old[key], repeats, len(now), machines))
        if rows[-1].there:
            measurements = [measurement for _, measurement in repeats]
            compared.append(Replayed(old[key][1], measurements, same_arithmetic=rows[-1].same_arithmetic))
            metrics.append([metric.name for metric in challenge.metrics if metric.benchmark == key[1]])
    values = iter(compare_all(compared, metrics, facts.margin))
    results = [msgspec.structs.replace(row, values=tuple(next(values))) if row.there else row for row in rows]
    explored = _explorations(then, now)
    return Reproduction(
        **msgspec.structs.asdict(facts),
        challenge=challenge.name,
        verdict=verdict(results, explored, facts.newly_failed),
        results=tuple(results),
        explorations=explored,
        only_now=tuple(" ".join(key) for key in sorted(set().union(*new) - old.keys())),
    )


def verdict(
    results: Sequence[ReplayedResult], explored: Sequence[ReplayedFront], newly_failed: Sequence[str]
) -> Verdict:
    """Return the verdict on a replay. Fronts are not judged: a replay with fronts alone is inconclusive at best."""
    missing = any(each.now is None for each in explored) or not all(each.there and each.as_valid for each in results)
    verdicts = {value.verdict for each in results for value in each.values}
    if newly_failed or missing or not (results or explored) or NOT_REPRODUCED in verdicts:
        return NOT_REPRODUCED
    return REPRODUCED if verdicts == {REPRODUCED} else INCONCLUSIVE


def _explorations(then: Path, now: Sequence[Path]) -> tuple[ReplayedFront, ...]:
    """Pair the fronts of experiments by name, those of the last repetition; the verdict ignores their points."""
    old, new = _points(then), _points(now[-1])
    return tuple(
        ReplayedFront(
            experiment=name,
            then=old[name],
            now=new.get(name),
            both=tuple(sorted(set(old[name]) & set(new.get(name, ())))),
        )
        for name in sorted(old)
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


def _result(key: Key, then: Result, now: Sequence[Result], repeats: int, machines: Machines) -> ReplayedResult:
    """Return a result without its values; it is there if each repetition has it."""
    old, new = then[1], [measurement for _, measurement in now]
    row = ReplayedResult(
        workflow=key[0],
        benchmark=key[1],
        model=key[2],
        scenario=key[3],
        sample=old.sample,
        validity=(old.validity, *(each.validity for each in new)),
    )
    if len(now) < repeats:
        return row
    data = [_datasets(folder) == _datasets(then[0]) for folder, _ in now]
    same = [same_arithmetic(old, each, machines, same_data=kept) for each, kept in zip(new, data, strict=True)]
    noisy = [value is not None and value.value == "yes" for each in new if (value := each.values.get("noisy"))]
    before = old.values.get("noisy")
    return msgspec.structs.replace(
        row,
        there=True,
        as_valid=all((each.validity, each.sample) == (old.validity, old.sample) for each in new),
        same_arithmetic=all(same),
        noisy=(*(("then",) if before and before.value == "yes" else ()), *(("now",) if any(noisy) else ())),
    )


def _datasets(folder: Path) -> list[Any]:
    """Return the identities of the datasets in a result's sessions."""
    paths = filter(Path.is_file, (folder / PERFORMANCE_SESSION, folder / ACCURACY_SESSION))
    datasets = (read_session(path).dataset for path in paths)
    return [(each.name, each.identity, each.count, each.made) for each in datasets]
