"""What a replay came to: each result then and now, whether they agree, what differs besides, and a verdict."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlperf_home.challenges.bundles.render import Part, listed, number
from mlperf_home.challenges.bundles.report import MEASUREMENTS, exploration_rows
from mlperf_home.challenges.replays.agreement import compare, same_arithmetic
from mlperf_home.measurements.layout import ACCURACY_SESSION, PERFORMANCE_SESSION
from mlperf_home.measurements.measurement import from_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

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


def reproduction(
    roots: tuple[Path, Path], challenge: Challenge, machines: Machines, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Compare the results of a bundle with those of its replay.

    Args:
        roots: the bundle's folder, unpacked, and the replay's; both with `results/`.
        challenge: the challenge, for the metrics that it ranks by.
        machines: as `Machine.to_json` gives them, then and now.
        facts: what else the report tells: see `replay.replay`.

    Raises:
        MeasurementError: a measurement cannot be read.
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
    same_data = _identity(then[0]) == _identity(now[0])
    same = same_arithmetic(then[1], now[1], machines, same_data=same_data)
    values = compare(then[1], now[1], ranked, same_arithmetic=same)
    values_noisy = {"then": then[1].values.get("noisy"), "now": now[1].values.get("noisy")}
    noisy = [when for when, value in values_noisy.items() if value is not None and value.value == "yes"]
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
    found = []
    for name in (PERFORMANCE_SESSION, ACCURACY_SESSION):
        if (folder / name).is_file():
            dataset = json.loads((folder / name).read_text(encoding="utf-8"))["dataset"]
            found.append({key: dataset.get(key) for key in ("name", "identity", "count", "made")})
    return found


def reproduction_parts(report: Mapping[str, Any]) -> list[Part]:
    """Return the parts of the report for people."""
    sample = ["SAMPLE: made-up data and toy models, no MLPerf result"] if report["sample"] else []
    word = report["verdict"] if report["verdict"] != NOT_REPRODUCED else "not reproduced"
    head = [
        ("challenge", report["challenge"]),
        ("bundle", report["bundle"]),
        ("made", report["made_utc"]),
        ("signature", report["signature"]),
        ("replayed", report["replayed_utc"]),
    ]
    values = [cells for each in report["results"] for cells in _value_rows(each)]
    header = ("workflow", "model", "scenario", "value", "then", "now", "agree", "rule")
    failed = [(name, error) for name, error in report["failed"].items()]
    return [
        Part("Verdict", [*sample, f"{word}: {MEANING[report['verdict']]}"], ("", ""), head),
        Part("Results", (), header, values),
        *listed("Fronts", ("experiment", "only then", "both", "only now"), list(map(_front, report["explorations"]))),
        *listed("Workflows that failed", ("workflow", "because"), failed),
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
        cells = (_with_interval(value, when) for when in ("then", "now"))
        yield (*where, value["metric"], *cells, number(value["agree"]), value["rule"])


def _with_interval(value: Mapping[str, Any], when: str) -> str:
    low, high = value[f"{when}_interval"] or (0, 0)
    return number(value[when]) + ("" if low == high else f" ({number(low)} to {number(high)})")
