"""What a replay came to: each result then and now, whether they agree, what differs besides, and a verdict.

Values agree when intervals around them overlap; accuracies of the same arithmetic must be equal.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.bundles.report import MEASUREMENTS, Part, exploration_rows, listed, number
from mlperf_home.measurements.layout import ACCURACY_SESSION, PERFORMANCE_SESSION
from mlperf_home.measurements.measurement import from_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlperf_home.challenges.definition.manifest import Challenge
    from mlperf_home.measurements.measurement import Measurement

    Key = tuple[str, str, str, str]
    Result = tuple[Path, Measurement]
    Machines = tuple[Mapping[str, Any], Mapping[str, Any]]

SCHEMA = "mlperf-home/reproduction/1"
REPRODUCED, FUNCTIONAL, NOT_REPRODUCED = "reproduced", "functional", "not"
MEANING = {
    REPRODUCED: "every result is there again, as valid as it was, and every value agrees",
    FUNCTIONAL: "every result is there again, as valid as it was, but not every value agrees",
    NOT_REPRODUCED: "a result is missing or is not valid any more, or a workflow failed that had ended well",
}
TOLERANCE = 0.05
"""Of a performance value, on either side: two values agree when they are within about a tenth of each other. A choice,
not a law."""
ACCURACY_TOLERANCE_POINTS = 0.5
"""Of an accuracy in percent, on either side, where the arithmetic differs. A choice as well."""
ACCURACIES = ("f1_percent", "exact_match_percent", "top1_percent")
_QUANTILE_95 = 1.96
_TAIL = {"SingleStream": 0.90, "MultiStream": 0.99}
_PERCENTILES = (0.50, 0.90, 0.95, 0.97, 0.99, 0.999)
_ENGINE_FACTS = {"name", "version", "isa", "vnni", "bf16", "dotprod", "xnnpack", "delegate", "delegated"}


@dataclass(frozen=True)
class Comparison:
    """One value, then and now; None where unknown. Intervals are (low, high)."""

    metric: str
    then: float | None
    now: float | None
    then_interval: tuple[float, float] | None
    now_interval: tuple[float, float] | None
    agree: bool
    rule: str


def compare(then: Measurement, now: Measurement, metrics: Sequence[str], *, same_arithmetic: bool) -> list[Comparison]:
    """Compare two measurements of the same thing; every accuracy that is there is compared, ranked by or not."""
    accuracies = [name for name in ACCURACIES if name in then.values or name in now.values]
    found = []
    for name in dict.fromkeys([*(name for name in metrics if name not in ACCURACIES), *accuracies]):
        old, new = _value(then, name), _value(now, name)
        if old is None or new is None:
            found.append(Comparison(name, old, new, None, None, agree=False, rule="one of the two is not known"))
            continue
        if name not in ACCURACIES:
            shares = [max(TOLERANCE, sampling_share(each, name)) for each in (then, now)]
            rule = f"intervals of {100 * shares[0]:.1f} % and {100 * shares[1]:.1f} % have to overlap"
            halves = [old * shares[0], new * shares[1]]
        elif same_arithmetic:
            halves, rule = [0.0, 0.0], "has to be equal: the arithmetic is the same"
        else:
            halves = [ACCURACY_TOLERANCE_POINTS] * 2
            rule = f"intervals of {ACCURACY_TOLERANCE_POINTS} points have to overlap: the arithmetic differs"
        first, second = ((value - half, value + half) for value, half in zip((old, new), halves, strict=True))
        agree = first[0] <= second[1] and second[0] <= first[1]
        found.append(Comparison(name, old, new, first, second, agree=agree, rule=rule))
    return found


def sampling_share(measurement: Measurement, name: str) -> float:
    """Return the half width, as a share, of the 95 % interval of a latency's percentile; 0 for other values.

    The rank of a quantile q among n queries has the standard deviation sqrt(q (1 - q) / n) (a binomial's, normally
    approximated); the latencies at the ranks 1.96 of these below and above are read between LoadGen's percentiles.
    """
    tail, queries = _TAIL.get(measurement.scenario), _value(measurement, "query_count")
    if name != "latency_ms" or tail is None or not queries:
        return 0.0
    known = [
        (quantile, value)
        for quantile in _PERCENTILES
        if (value := _value(measurement, f"latency_p{100 * quantile:.2f}_ms")) is not None
    ]
    middle = _read_off(known, tail)
    if not middle:
        return 0.0
    half = _QUANTILE_95 * sqrt(tail * (1 - tail) / queries)
    ends = [_read_off(known, quantile) for quantile in (tail - half, tail + half)]
    return max((abs(end - middle) / middle for end in ends if end is not None), default=0.0)


def _read_off(known: Sequence[tuple[float, float]], quantile: float) -> float | None:
    """Read a latency between two percentiles, along a line; beyond the outermost, that one's."""
    if not known:
        return None
    if quantile <= known[0][0]:
        return known[0][1]
    for (low, first), (high, second) in pairwise(known):
        if quantile <= high:
            return first + (second - first) * (quantile - low) / (high - low)
    return known[-1][1]


def same_arithmetic(then: Measurement, now: Measurement, machines: Machines, *, same_data: bool) -> bool:
    """Whether two results came from the same engine, version and features of it, model file, data and processor.

    Processors are the same if their architecture and features are.
    """
    engines = [{key: each.value for key, each in one.engine.items() if key in _ENGINE_FACTS} for one in (then, now)]
    models = [one.model["sha256"].value for one in (then, now)]
    features = [(one.get("architecture"), tuple(one.get("cpu_features") or ())) for one in machines]
    known = models[0] is not None and features[0][0] is not None
    return same_data and known and engines[0] == engines[1] and models[0] == models[1] and features[0] == features[1]


def _value(measurement: Measurement, name: str) -> float | None:
    found = measurement.values.get(name)
    value = found.value if found else None
    return float(value) if isinstance(value, int | float) else None


def reproduction(
    roots: tuple[Path, Path], challenge: Challenge, machines: Machines, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Compare the results of a bundle with those of its replay. Raise MeasurementError if one cannot be read.

    Args:
        roots: the bundle's folder, unpacked, and the replay's; both with `results/`.
        challenge: the challenge, for the metrics that it ranks by.
        machines: the fields of each `Machine`, then and now.
        facts: what else the report tells.
    """
    then, now = (_by_key(root) for root in roots)
    explored, results = _explorations(roots), []
    for key in sorted(then):
        ranked = [metric.name for metric in challenge.metrics if metric.benchmark == key[1]]
        results.append(_result(key, then[key], now.get(key), ranked, machines))
    return {
        "schema": SCHEMA,
        "challenge": challenge.name,
        **facts,
        "verdict": verdict(results, explored, facts["newly_failed"]),
        "results": results,
        "explorations": explored,
        "only_now": [" ".join(key) for key in sorted(now.keys() - then.keys())],
    }


def verdict(
    results: Sequence[Mapping[str, Any]], explored: Sequence[Mapping[str, Any]], newly_failed: Sequence[str]
) -> str:
    """Return one of the three words for all results; fronts alone, which are not judged, are "functional" at best."""
    if newly_failed or any(each["now"] is None for each in explored) or not (results or explored):
        return NOT_REPRODUCED
    if not results:
        return FUNCTIONAL
    if not all(each["there"] and each["as_valid"] for each in results):
        return NOT_REPRODUCED
    return REPRODUCED if all(value["agree"] for each in results for value in each["values"]) else FUNCTIONAL


def _explorations(roots: tuple[Path, Path]) -> list[dict[str, Any]]:
    """Set the fronts of equally named experiments beside each other; no verdict follows from them."""
    then, now = ({row["experiment"]: [each["point"] for each in row["front"]] for row in exploration_rows(root)}
                 for root in roots)  # fmt: skip
    both = {name: sorted(set(points) & set(now.get(name, ()))) for name, points in then.items()}
    return [{"experiment": name, "then": then[name], "now": now.get(name), "both": both[name]} for name in sorted(then)]


def _by_key(root: Path) -> dict[Key, Result]:
    """Return the results below a folder by workflow, benchmark, model and scenario."""
    found = {}
    for path in sorted(root.glob(MEASUREMENTS)):
        measurement = from_json(path.read_text(encoding="utf-8"), str(path))
        workflow = path.relative_to(root).parts[1]
        key = (workflow, measurement.benchmark, str(measurement.model["name"].value), measurement.scenario)
        found[key] = (path.parent, measurement)
    return found


def _result(key: Key, then: Result, now: Result | None, ranked: Sequence[str], machines: Machines) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(("workflow", "benchmark", "model", "scenario"), key, strict=True))
    row |= {"sample": then[1].sample, "validity": [then[1].validity, now[1].validity if now else None]}
    if now is None:
        return {**row, "there": False, "as_valid": False, "same_arithmetic": False, "values": [], "noisy": []}
    same = same_arithmetic(then[1], now[1], machines, same_data=_identity(then[0]) == _identity(now[0]))
    values = compare(then[1], now[1], ranked, same_arithmetic=same)
    noisy_values = (("then", then[1].values.get("noisy")), ("now", now[1].values.get("noisy")))
    noisy = [when for when, value in noisy_values if value is not None and value.value == "yes"]
    return {
        **row,
        "there": True,
        "as_valid": then[1].validity == now[1].validity and then[1].sample == now[1].sample,
        "same_arithmetic": same,
        "values": [asdict(value) for value in values],
        "noisy": noisy,
    }


def _identity(folder: Path) -> list[Any]:
    """Return what the sessions say of the data; a session that is not there says nothing."""
    paths = filter(Path.is_file, (folder / PERFORMANCE_SESSION, folder / ACCURACY_SESSION))
    datasets = (json.loads(path.read_text(encoding="utf-8"))["dataset"] for path in paths)
    return [{key: each.get(key) for key in ("name", "identity", "count", "made")} for each in datasets]


def reproduction_parts(report: Mapping[str, Any]) -> list[Part]:
    """Return the parts of the report for people."""
    sample = ["SAMPLE: made-up data and toy models, no MLPerf result"] if report["sample"] else []
    word = report["verdict"] if report["verdict"] != NOT_REPRODUCED else "not reproduced"
    head = [
        (name.removesuffix("_utc"), report[name])
        for name in ("challenge", "bundle", "made_utc", "signature", "replayed_utc")
    ]
    values = [cells for each in report["results"] for cells in _value_rows(each)]
    header = ("workflow", "model", "scenario", "value", "then", "now", "agree", "rule")
    return [
        Part("Verdict", [*sample, f"{word}: {MEANING[report['verdict']]}"], ("", ""), head),
        Part("Results", (), header, values),
        *listed("Fronts", ("experiment", "only then", "both", "only now"), list(map(_front, report["explorations"]))),
        *listed("Workflows that failed", ("workflow", "because"), [*report["failed"].items()]),
        *listed("Plan and versions that differ", ("difference",), [(each,) for each in report["plan_differences"]]),
        *listed("Machines differ in", ("difference",), [(each,) for each in report["machine_differences"]]),
        *listed("Only in the replay", ("result",), [(each,) for each in report["only_now"]]),
    ]


def _front(each: Mapping[str, Any]) -> tuple[str, str, str, str]:
    if each["now"] is None:
        return (each["experiment"], number(each["then"]), "", "missing")
    only = [[point for point in each[when] if point not in each["both"]] for when in ("then", "now")]
    return (each["experiment"], number(only[0]), number(each["both"]), number(only[1]))


def _value_rows(each: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    where = (each["workflow"], each["model"], each["scenario"])
    then, now = (number(word) for word in each["validity"])
    if not each["there"]:
        yield (*where, "result", then, "missing", "no", "it must be there again")
        return
    noisy = f"noisy {' and '.join(each['noisy'])}" if each["noisy"] else "as valid as it was"
    yield (*where, "validity", then, now, number(each["as_valid"]), noisy)
    for value in each["values"]:
        cells = []
        for when in ("then", "now"):
            low, high = value[f"{when}_interval"] or (0, 0)
            cells.append(number(value[when]) + ("" if low == high else f" ({number(low)} to {number(high)})"))
        yield (*where, value["metric"], *cells, number(value["agree"]), value["rule"])
