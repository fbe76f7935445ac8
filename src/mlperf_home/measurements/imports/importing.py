"""Whatever holds results, taken over: our results, submission trees, LoadGen's folders, published tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE
from mlperf_home.measurements.imports.published import read_published
from mlperf_home.measurements.imports.submissions import ImportedResultError, read_result, read_submission
from mlperf_home.measurements.measurement import MeasurementError, from_json
from mlperf_home.measurements.store.lines import LINES_FILE, measurements_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement

_RUN = "performance/run_1"


class ImportedPathError(LocatedError):
    """A path holds nothing that can be taken over."""


@dataclass(frozen=True)
class Import:
    """What was recognised, and its measurements.

    Attributes:
        kind: for people: "published table", "submission tree".
        measurements: they may be read only once.
    """

    kind: str
    measurements: Iterable[Measurement]


def read_any(path: Path, round_name: str, benchmark: str, problems: list[str]) -> Import:
    """Recognise a path and read it.

    Args:
        path: a table (CSV), a folder of our results, the root of a submission tree, or a folder of LoadGen's.
        round_name: the round of a tree or a folder, which do not tell it.
        benchmark: the benchmark of a folder of LoadGen's, which does not tell it.
        problems: takes a sentence for each result that cannot be read; the others are given all the same.

    Raises:
        ImportedPathError: it is nothing of this.
        TableError, ImportedResultError: it is, and cannot be read at all.
    """
    if path.is_file():
        return _from_file(path, problems)
    if not path.is_dir():
        raise ImportedPathError(path, "is not there", "give a table, a submission tree, or a folder of results")
    if (path / LINES_FILE).is_file():
        return _from_file(path / LINES_FILE, problems)
    if not (path / _RUN).is_dir() and any(path.glob("*/*/results/*/*/*")):
        return Import("submission tree", read_submission(path, round_name, problems))
    ours = [each for each in sorted(path.rglob("measurement.json")) if not _hidden(each, path)]
    if ours:
        return Import("folder of our results", _ours(ours, problems))
    return _from_loadgen(path, round_name, benchmark, problems)


def _from_file(path: Path, problems: list[str]) -> Import:
    if path.suffix == ".jsonl":
        return Import("store of measurements", measurements_in(path, problems))
    return Import("published table", read_published(path))


def _from_loadgen(path: Path, round_name: str, benchmark: str, problems: list[str]) -> Import:
    found = [path] if (path / _RUN).is_dir() else _result_folders(path)
    if not found:
        advice = "give a folder with LoadGen's logs, the root of a submission tree, a --results_dir, or a table"
        raise ImportedPathError(path, "holds no results that are known here", advice)
    if not benchmark:
        raise ImportedPathError(path, "does not tell its benchmark", "add --benchmark=bert-99 or --benchmark=resnet")
    if found == [path]:
        return Import("LoadGen's folder", [read_result(path, round_name, benchmark)])
    return Import("folder of LoadGen's logs", _others(found, round_name, benchmark, problems))


def _result_folders(root: Path) -> list[Path]:
    """Find folders that `read_result` takes, at any depth; those of accuracy runs are passed over."""
    logs = [path.parent for path in root.rglob(DETAIL_FILE) if not _hidden(path, root)]
    found = {each.parents[1] if each.as_posix().endswith(f"/{_RUN}") else each for each in logs}
    return sorted(each for each in found if each.name != "accuracy")


def _others(folders: Iterable[Path], round_name: str, benchmark: str, problems: list[str]) -> Iterator[Measurement]:
    for folder in folders:
        try:
            yield read_result(folder, round_name, benchmark)
        except ImportedResultError as error:  # noqa: PERF203 - each may fail alone
            problems.append(str(error))


def _ours(paths: Iterable[Path], problems: list[str]) -> Iterator[Measurement]:
    for path in paths:
        try:
            yield from_json(path.read_text("utf-8"), str(path))
        except (OSError, UnicodeDecodeError, MeasurementError) as error:  # noqa: PERF203 - each may fail alone
            problems.append(str(error) if isinstance(error, MeasurementError) else f"{path}: cannot be read ({error})")


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
