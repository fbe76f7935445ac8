"""Whatever holds results, taken over: our results, submission trees, LoadGen's folders, published tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.loadgen_logs.run_log import DETAIL_FILE
from mlperf_home.measurements.imports.submissions import read_each, read_result, read_submission
from mlperf_home.measurements.imports.tables import read_published
from mlperf_home.measurements.ingest import PERFORMANCE_DIR
from mlperf_home.measurements.measurement import from_json
from mlperf_home.measurements.store.lines import LINES_FILE, measurements_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement


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
    if not (path / PERFORMANCE_DIR).is_dir() and any(path.glob("*/*/results/*/*/*")):
        return Import("submission tree", read_submission(path, round_name, problems))
    ours = [each for each in sorted(path.rglob("measurement.json")) if not _hidden(each, path)]
    if ours:
        read = read_each(ours, lambda each: from_json(each.read_text("utf-8"), str(each)), problems)
        return Import("folder of our results", read)
    return _from_loadgen(path, round_name, benchmark, problems)


def _from_file(path: Path, problems: list[str]) -> Import:
    if path.suffix == ".jsonl":
        return Import("store of measurements", measurements_in(path, problems))
    return Import("published table", read_published(path))


def _from_loadgen(path: Path, round_name: str, benchmark: str, problems: list[str]) -> Import:
    found = [path] if (path / PERFORMANCE_DIR).is_dir() else _result_folders(path)
    if not found:
        advice = "give a folder with LoadGen's logs, the root of a submission tree, a --results_dir, or a table"
        raise ImportedPathError(path, "holds no results that are known here", advice)
    if not benchmark:
        raise ImportedPathError(path, "does not tell its benchmark", "add --benchmark=bert-99 or --benchmark=resnet")
    if found == [path]:
        return Import("LoadGen's folder", [read_result(path, round_name, benchmark)])
    results = read_each(found, lambda folder: read_result(folder, round_name, benchmark), problems)
    return Import("folder of LoadGen's logs", results)


def _result_folders(root: Path) -> list[Path]:
    """Find folders that `read_result` takes, at any depth; those of accuracy runs are passed over."""
    logs = [path.parent for path in root.rglob(DETAIL_FILE) if not _hidden(path, root)]
    found = {each.parents[1] if each.as_posix().endswith(f"/{PERFORMANCE_DIR}") else each for each in logs}
    return sorted(each for each in found if each.name != "accuracy")


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
