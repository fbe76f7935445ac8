"""Import of LoadGen result folders that other tools made, and of whole submission trees."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.session import sha256_of
from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.accuracy_text import AccuracyTextError, read_accuracy_text
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, SUMMARY_FILE, LoadGenResult, LogError, read_run
from mlperf_home.measurements.measurement import Measurement, Value, unknown
from mlperf_home.rules import load_round
from mlperf_home.rules.model_names import benchmark_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_RUN = Path("performance/run_1")
_ACCURACY = Path("accuracy/accuracy.txt")
# Which of LoadGen's values is a scenario's result, and how models are called, have been the same since this round.
_METRICS_OF = "v3.1"
_NO_SESSION = "the tool that made the result wrote no session"


class ImportedResultError(LocatedError):
    """A folder holds no result that can be taken over."""


def read_result(
    folder: Path, round_name: str, benchmark: str, system: Mapping[str, Value] | None = None
) -> Measurement:
    """Read a folder with performance/run_1 (LoadGen's logs) and, where there is one, accuracy/accuracy.txt.

    The logs of a performance run may lie in the folder itself, as LoadGen leaves them.

    Args:
        folder: the scenario's folder.
        round_name: the MLPerf round it was made for.
        benchmark: the benchmark's name.
        system: facts about the machine.

    Raises:
        ImportedResultError: logs are absent, cut off or corrupt, or LoadGen reports an error.
    """
    bare = (folder / DETAIL_FILE).exists() and not (folder / _RUN).exists()
    run = Path() if bare else _RUN
    result, accuracy = _read_logs(folder, run)
    source = f"{run / DETAIL_FILE}"
    values = {**_result(result, source), **_latencies(result, source), **accuracy}
    return Measurement(
        round=round_name,
        benchmark=benchmark,
        scenario=result.scenario,
        sample=False,
        sample_note="",
        validity=result.validity,
        reasons=result.reasons,
        unofficial_because=("it was taken over from another tool's result; the round's rules were not checked",),
        engine={
            "name": unknown(_NO_SESSION),
            "version": unknown(_NO_SESSION),
            "loadgen_version": Value(result.loadgen_version, "copied", source),
        },
        model={"name": unknown(_NO_SESSION), "sha256": unknown(_NO_SESSION)},
        system=dict(system or {}),
        values=values,
        logs={
            f"{run / name}": {
                "sha256": sha256_of(folder / run / name),
                "bytes": (folder / run / name).stat().st_size,
            }
            for name in (DETAIL_FILE, SUMMARY_FILE)
        },
        warnings=(),
    )


def _read_logs(folder: Path, run: Path) -> tuple[LoadGenResult, dict[str, Value]]:
    """Read a performance run, and the accuracy beside it.

    Raises:
        ImportedResultError: as `read_result` says.
    """
    try:
        result = read_run(folder / run)
        accuracy = read_accuracy_text(folder / _ACCURACY).values if (folder / _ACCURACY).exists() else None
    except (LogError, AccuracyTextError) as error:
        raise ImportedResultError(error.where, error.problem, "import another result") from None
    if result.errors:
        raise ImportedResultError(folder, f"LoadGen reports an error: {result.errors[0]}", "import another result")
    if result.mode != "PerformanceOnly":
        problem = f"holds the logs of LoadGen's mode {result.mode}"
        raise ImportedResultError(folder, problem, "give those of a performance run")
    if accuracy is None:
        return result, {"accuracy": unknown("no accuracy.txt in this result")}
    return result, {name: Value(each, "copied", str(_ACCURACY)) for name, each in accuracy.items()}


def _result(result: LoadGenResult, source: str) -> dict[str, Value]:
    """Give the scenario's own metric."""
    metric = load_round(_METRICS_OF).metrics[result.scenario]
    found = result.values.get(metric.key)
    # Zero is LoadGen's way to say that it could not estimate.
    value = Value(found / metric.divisor, "copied", f"{source}: {metric.key}") if found else None
    return {metric.unit: value or unknown(f"the log has no {metric.key}")}


def _latencies(result: LoadGenResult, source: str) -> dict[str, Value]:
    found: dict[str, float] = {f"latency_p{name}_ms": latency_ns for name, latency_ns in result.percentiles_ns.items()}
    if result.mean_latency_ns is not None:
        found["mean_latency_ms"] = result.mean_latency_ns
    return {name: Value(latency_ns / 1e6, "copied", source) for name, latency_ns in found.items()}


def read_submission(root: Path, round_name: str, problems: list[str]) -> Iterator[Measurement]:
    """Read every result below DIVISION/ORGANISATION/results/SYSTEM/BENCHMARK/SCENARIO.

    Args:
        root: the folder that holds the divisions.
        round_name: the MLPerf round.
        problems: takes a sentence for each result that cannot be read; the others are given all the same.

    Raises:
        ImportedResultError: there is no such folder below `root`.
    """
    folders = sorted(path for path in root.glob("*/*/results/*/*/*") if path.is_dir())
    if not folders:
        raise ImportedResultError(
            root, "has no DIVISION/ORGANISATION/results/SYSTEM/BENCHMARK/SCENARIO", "give the root of a submission tree"
        )
    for folder in folders:
        try:
            benchmark = _benchmark(root, folder)
            yield _placed(read_result(folder, round_name, benchmark, _system(root, folder)), folder)
        except ImportedResultError as error:  # noqa: PERF203 - each result may fail alone
            problems.append(str(error))


def _benchmark(root: Path, folder: Path) -> str:
    """Give the benchmark that a model was run for, by its name or the tree's own table; else the name."""
    division, organization, *_ = folder.relative_to(root).parts
    name, rules = folder.parent.name, load_round(_METRICS_OF)
    mapping: dict[str, str] = {}
    with suppress(OSError, ValueError, TypeError):
        mapping.update(
            json.loads((root / division / organization / rules.submission.folders.mapping).read_text("utf-8"))
        )
    return benchmark_of(name, rules, mapping) or name


def _placed(measurement: Measurement, folder: Path) -> Measurement:
    """Add what the place in the tree tells: the model's name, and whether our own tree marks it as a sample."""
    model = {**measurement.model, "name": Value(folder.parent.name, "copied", "folder")}
    parts = list(folder.parts)
    parts[-4] = "measurements"
    sample = any(_says_sample(path) for path in sorted(Path(*parts).glob("*.json")))
    note = "the tree marks it as a sample: made-up data, no MLPerf result" if sample else ""
    return replace(measurement, model=model, sample=sample, sample_note=note)


def _says_sample(path: Path) -> bool:
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and told.get("sample") is True


def _system(root: Path, folder: Path) -> dict[str, Value]:
    division, organization, _, name, _, _ = folder.relative_to(root).parts
    facts = {
        "division": Value(division, "copied", "folder"),
        "organization": Value(organization, "copied", "folder"),
        "platform": Value(name, "copied", "folder"),
    }
    path = root / division / organization / "systems" / f"{name}.json"
    try:
        told = json.loads(path.read_text("utf-8"))
        pairs = list(told.items())
    except (OSError, ValueError, AttributeError):
        raise ImportedResultError(path, "cannot be read as the system's JSON object", "add the file") from None
    for key, value in pairs:
        is_known = isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""
        facts[key] = Value(value, "copied", path.name) if is_known else unknown(f"{path.name} does not say it")
    return facts | _usual_names(facts)


def _usual_names(facts: Mapping[str, Value]) -> dict[str, Value]:
    """Give what tables of results call the system's name, its sockets, and the cores of each; counts are numbers."""
    found = {"name": facts["system_name"] if _told(facts, "system_name") else facts["platform"]}
    for name, key in (("sockets", "host_processors_per_node"), ("cores", "host_processor_core_count")):
        if (text := _told(facts, key)).isascii() and text.isdigit():
            found[name] = replace(facts[key], value=int(text))
    return found


def _told(facts: Mapping[str, Value], key: str) -> str:
    return str(facts[key].value) if key in facts and facts[key].value is not None else ""
