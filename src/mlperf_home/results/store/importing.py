"""Whatever holds results, taken over: our results, submission trees, LoadGen's folders, published tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.results.measurement import MeasurementError, from_json
from mlperf_home.results.store.published import read_published
from mlperf_home.results.store.submissions import read_result, read_submission

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mlperf_home.results.measurement import Measurement

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
        return Import("published table", read_published(path))
    if not path.is_dir():
        raise ImportedPathError(path, "is not there", "give a table, a submission tree, or a folder of results")
    if (path / _RUN).is_dir():
        if not benchmark:
            raise ImportedPathError(
                path, "does not tell its benchmark", "add --benchmark=bert-99 or --benchmark=resnet"
            )
        return Import("LoadGen's folder", [read_result(path, round_name, benchmark)])
    if any(path.glob("*/*/results/*/*/*")):
        return Import("submission tree", read_submission(path, round_name, problems))
    ours = [each for each in sorted(path.rglob("measurement.json")) if not _hidden(each, path)]
    if ours:
        return Import("results of mlperf-home", _ours(ours, problems))
    raise ImportedPathError(
        path,
        "holds no results that are known here",
        f"give a folder with {_RUN}, the root of a submission tree, a --results_dir, or a table",
    )


def _ours(paths: Iterable[Path], problems: list[str]) -> Iterator[Measurement]:
    for path in paths:
        try:
            yield from_json(path.read_text("utf-8"), str(path))
        except (OSError, UnicodeDecodeError, MeasurementError) as error:  # noqa: PERF203 - each may fail alone
            problems.append(str(error) if isinstance(error, MeasurementError) else f"{path}: cannot be read ({error})")


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
