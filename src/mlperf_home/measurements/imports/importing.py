"""Import of results: our own, submission trees, other tools' LoadGen folders, published tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.runs.session import sha256_of
from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.accuracy_log import AccuracyTextError, read_accuracy_text
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE, SUMMARY_FILE, LoadGenResult, LogError, read_run
from mlperf_home.measurements.imports.published import read_published
from mlperf_home.measurements.layout import (
    ACCURACY_DIR,
    ACCURACY_TEXT,
    PERFORMANCE_DIR,
    is_sample,
    json_object,
    read_object,
)
from mlperf_home.measurements.measurement import Measurement, Value, read_measurement, unknown
from mlperf_home.measurements.storage.store import LINES_FILE, measurements_in
from mlperf_home.rules import load_round
from mlperf_home.rules.layouts import LAYOUTS, RESULTS
from scriptgraph.errors import DocumentError
from scriptgraph.files.parsing import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_ACCURACY = f"{ACCURACY_DIR}/{ACCURACY_TEXT}"
# The scenarios' metrics and the models' names have not changed since this round.
_METRICS_ROUND = "v3.1"
_TOO_LARGE = 1 << 32


class ImportedResultError(LocatedError):
    """A folder holds no result that can be imported."""


class ImportedPathError(LocatedError):
    """A path holds nothing that can be imported."""


@dataclass(frozen=True)
class ImportedResults:
    """The measurements of an imported path.

    Attributes:
        kind: the kind of path, for people: "published table", "submission tree".
        measurements: an iterable that can be read only once.
    """

    kind: str
    measurements: Iterable[Measurement]


def read_any(path: Path, round_name: str, benchmark: str, problems: list[str]) -> ImportedResults:
    """Read the results at a path, whatever their form.

    Args:
        path: a table (CSV), a folder of our results, the root of a submission tree, or a folder of LoadGen's logs.
        round_name: the round of a tree or a folder; neither records it.
        benchmark: the benchmark of a folder of LoadGen's logs, which do not record it.
        problems: takes a sentence for each result that cannot be read; the others are still returned.

    Raises:
        ImportedPathError: the path holds none of these.
        TableError, ImportedResultError: the path holds one of these and cannot be read at all.
    """
    file = path / LINES_FILE if (path / LINES_FILE).is_file() else path
    if file.suffix == ".jsonl" and file.is_file():
        return ImportedResults("store of measurements", measurements_in(file, problems))
    if file.is_file():
        return ImportedResults("published table", read_published(file))
    if not path.is_dir():
        raise ImportedPathError(path, "does not exist", "name a table, a submission tree, or a folder of results")
    if not (path / PERFORMANCE_DIR).is_dir() and any(path.glob("*/*/results/*/*/*")):
        return ImportedResults("submission tree", read_submission(path, round_name, problems))
    own = [each for each in sorted(path.rglob("measurement.json")) if not _hidden(each, path)]
    if own:
        return ImportedResults("folder of our results", read_each(own, read_measurement, problems))
    return _from_loadgen(path, round_name, benchmark, problems)


def _from_loadgen(path: Path, round_name: str, benchmark: str, problems: list[str]) -> ImportedResults:
    # An accuracy run alone is no result for `read_result`.
    logs = [each.parent for each in path.rglob(DETAIL_FILE) if not _hidden(each, path)]
    folders = {each.parents[1] if each.as_posix().endswith(f"/{PERFORMANCE_DIR}") else each for each in logs}
    below = sorted(each for each in folders if each.name != "accuracy")
    results = [path] if (path / PERFORMANCE_DIR).is_dir() else below
    if not results:
        advice = "name a folder with LoadGen's logs, the root of a submission tree, a --results_dir, or a table"
        raise ImportedPathError(path, "holds no results in a known form", advice)
    if not benchmark:
        problem = "its benchmark is unknown: LoadGen's logs do not record it"
        raise ImportedPathError(path, problem, "add --benchmark=bert-99 or --benchmark=resnet")
    if results == [path]:
        return ImportedResults("LoadGen's folder", [read_result(path, round_name, benchmark)])
    measurements = read_each(results, lambda folder: read_result(folder, round_name, benchmark), problems)
    return ImportedResults("folder of LoadGen's logs", measurements)


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def read_result(
    folder: Path, round_name: str, benchmark: str, system: Mapping[str, Value] | None = None
) -> Measurement:
    """Read a folder with performance/run_1 (LoadGen's logs) and, if it exists, accuracy/accuracy.txt.

    The logs of a performance run may lie in the folder itself, where LoadGen writes them. The logs do not record the
    round, the benchmark and the system.

    Raises:
        ImportedResultError: logs are absent, truncated or corrupt, or LoadGen reports an error.
    """
    bare = (folder / DETAIL_FILE).exists() and not (folder / PERFORMANCE_DIR).exists()
    run = Path("" if bare else PERFORMANCE_DIR)
    result, accuracy = _read_logs(folder, run)
    source, unrecorded = f"{run / DETAIL_FILE}", unknown("the tool that made the result wrote no session")
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
            "name": unrecorded,
            "version": unrecorded,
            "loadgen_version": Value(result.loadgen_version, "copied", source),
        },
        model={"name": unrecorded, "sha256": unrecorded},
        system=dict(system or {}),
        values={**_values(result, source), **accuracy},
        logs={
            f"{run / name}": {"sha256": sha256_of(path := folder / run / name), "bytes": path.stat().st_size}
            for name in (DETAIL_FILE, SUMMARY_FILE)
        },
        warnings=(),
    )


def _read_logs(folder: Path, run: Path) -> tuple[LoadGenResult, dict[str, Value]]:
    try:
        result = read_run(folder / run)
        accuracy = read_accuracy_text(folder / _ACCURACY).values if (folder / _ACCURACY).exists() else None
    except (LogError, AccuracyTextError) as error:
        raise ImportedResultError(error.where, error.problem, "import another result") from None
    if result.errors:
        raise ImportedResultError(folder, f"LoadGen reports an error: {result.errors[0]}", "import another result")
    if result.mode != "PerformanceOnly":
        problem = f"holds the logs of LoadGen's mode {result.mode}"
        raise ImportedResultError(folder, problem, "import a performance run")
    if accuracy is None:
        return result, {"accuracy": unknown("no accuracy.txt in this result")}
    return result, {name: Value(each, "copied", _ACCURACY) for name, each in accuracy.items()}


def _values(result: LoadGenResult, source: str) -> dict[str, Value]:
    """Return the scenario's metric and all latencies."""
    metric = load_round(_METRICS_ROUND).metrics[result.scenario]
    logged = result.values.get(metric.key)
    # LoadGen logs 0 if it could not estimate the value.
    value = Value(logged / metric.divisor, "copied", f"{source}: {metric.key}") if logged else None
    values = {metric.unit: value or unknown(f"the log has no {metric.key}")}
    for name, latency_ns in result.percentiles_ns.items():
        values[f"latency_p{name}_ms"] = Value(latency_ns / 1e6, "copied", source)
    if result.mean_latency_ms is not None:
        values["mean_latency_ms"] = Value(result.mean_latency_ms, "copied", source)
    return values


def read_submission(root: Path, round_name: str, problems: list[str]) -> Iterator[Measurement]:
    """Read every result of a submission tree; `problems` takes a sentence for each that cannot be read.

    Raises:
        ImportedResultError: `root` has no folder DIVISION/ORGANISATION/results/SYSTEM/BENCHMARK/SCENARIO.
    """
    folders = sorted(path for path in root.glob("*/*/results/*/*/*") if path.is_dir())
    if not folders:
        problem = "has no DIVISION/ORGANISATION/results/SYSTEM/BENCHMARK/SCENARIO"
        raise ImportedResultError(root, problem, "name the root of a submission tree")
    return read_each(folders, lambda folder: _read_in_tree(folder, round_name), problems)


def read_each(paths: Iterable[Path], read: Callable[[Path], Measurement], problems: list[str]) -> Iterator[Measurement]:
    """Yield the measurement of each path; `problems` takes a sentence for each that cannot be read."""
    for path in paths:
        try:
            yield read(path)
        except LocatedError as error:  # noqa: PERF203 - each may fail alone
            problems.append(str(error))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}: cannot be read ({error})")


def _read_in_tree(folder: Path, round_name: str) -> Measurement:
    """Read a result of a submission tree, with its model, its system, and whether it is a sample."""
    submitter, name = folder.parents[3], folder.parent.name
    rules = load_round(_METRICS_ROUND)
    mapping = json_object(submitter / rules.submission.folders.mapping)
    benchmark = rules.benchmark_of(name, mapping) or name
    measurement = read_result(folder, round_name, benchmark, _system(submitter, folder.parents[1].name))
    below = folder.relative_to(submitter / RESULTS)
    settings = [submitter / layout.measurements / below for layout in LAYOUTS]
    sample = any(is_sample(path) for each in settings for path in each.glob("*.json"))
    note = "the tree marks it as a sample: made-up data, no MLPerf result" if sample else ""
    model = {**measurement.model, "name": Value(name, "copied", "folder")}
    return replace(measurement, model=model, sample=sample, sample_note=note)


def _system(submitter: Path, name: str) -> dict[str, Value]:
    places = {"division": submitter.parent.name, "organization": submitter.name, "platform": name}
    facts = {key: Value(value, "copied", "folder") for key, value in places.items()}
    path = submitter / "systems" / f"{name}.json"
    try:
        described = read_object(path)
    except DocumentError as error:
        raise ImportedResultError(path, error.problem, "write the system's description as one JSON object") from None
    for key, value in described.items():
        is_known = isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""
        facts[key] = Value(value, "copied", path.name) if is_known else unknown(f"{path.name} does not say it")
    # Tables of results have these names for the system, its sockets and the cores of each; counts are numbers.
    texts = {key: str(value.value) for key, value in facts.items() if value.value is not None}
    facts["name"] = facts["system_name"] if texts.get("system_name") else facts["platform"]
    for fact, key in (("sockets", "host_processors_per_node"), ("cores", "host_processor_core_count")):
        if (count := whole_number(texts.get(key, ""))) is not None and count < _TOO_LARGE:
            facts[fact] = replace(facts[key], value=count)
    return facts
