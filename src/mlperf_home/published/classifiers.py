"""The table of image classifiers, published ones and the embedded sample's: script/image-classifiers.json.

The same table is what the scripts' manifests repeat over.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mlperf_home.product import ENGINE
from scriptgraph.embed import Place, read_number, read_table, read_text, read_texts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_SAMPLE = "sample."
MEDIAN_SOURCE = "the median of MLPerf inference v3.0 to v4.0"


@dataclass(frozen=True)
class ClassifierRow:
    """A row of the table; its columns are described under "about" in the file.

    Attributes:
        model: the classifier's name in an exploration.
        sample: whether it belongs to the embedded sample.
        variations: the variations of the script that gets it.
        weights: fp32 or int8.
        name: the classifier's name in results.
        published_top1: top-1 accuracy in percent, from the model's publishers; None if unknown.
        published_in: the source of `published_top1`.
        measured_top1: the median of MLPerf's results, in percent; None if unknown.
    """

    model: str
    sample: bool
    variations: tuple[str, ...]
    weights: str
    name: str
    published_top1: float | None = None
    published_in: str = ""
    measured_top1: float | None = None

    def accuracy(self, *, as_published: bool) -> tuple[float | None, str]:
        """Return the accuracy in percent that others found, None if unknown, and its source.

        `as_published` is whether images are prepared as the publishers did. The results of 2023 fed raw pixels to
        EfficientNet's int8 models, so those accuracies do not apply to such images.
        """
        own = as_published and "efficientnet" in self.model
        published = (self.published_top1, self.published_in or "published")
        return copied_top1(published, self.measured_top1, own=own)


def copied_top1(published: tuple[float | None, str], measured: float | None, *, own: bool) -> tuple[float | None, str]:
    """Return an accuracy in percent with its source: the median of MLPerf's results, unless it is unknown or `own`."""
    if published[0] is not None and (own or measured is None):
        return published
    return measured, MEDIAN_SOURCE


def read_classifiers(path: Path | None = None) -> list[ClassifierRow]:
    """Read the rows of the product's table, or of the table at `path`.

    Raises:
        ManifestError: a row lacks a column or has a value of the wrong type.
        ScriptGraphError: the scripts are not installed.
    """
    path = path or ENGINE.repository / "script" / "image-classifiers.json"
    classifiers = []
    for number, cells_of_row in enumerate(read_table(path)):
        place = Place(path, f"/rows/{number}", cells_of_row)
        cells = place.mapping()
        if absent := [name for name in ("model", "sample", "variations", "weights", "name") if name not in cells]:
            place.fail(f"lacks {', '.join(absent)}")
        model, sample, weights = (cells[name].read(read_text) for name in ("model", "sample", "weights"))
        variations = cells["variations"].read(read_texts)
        # The variation of a sample's classifier holds its name.
        name = variations[-1].removeprefix(_SAMPLE) if sample == "yes" else cells["name"].read(read_text)
        published, measured = (_number(cells.get(key)) for key in ("published_top1", "measured_top1"))
        source = cells["published_in"].read(read_text) if published is not None else ""
        row = ClassifierRow(model, sample == "yes", variations, weights, name, published, source, measured)
        classifiers.append(row)
    return classifiers


def _number(cell: Place | None) -> float | None:
    return None if cell is None or cell.value is None else cell.read(read_number)


@cache
def rows_by_variations() -> Mapping[frozenset[str], ClassifierRow]:
    """Return the rows by the variations that get the model."""
    return {frozenset(row.variations): row for row in read_classifiers()}


@cache
def _models_by_name() -> dict[str, str]:
    return {row.name: row.model for row in read_classifiers()}


def model_of(name: str) -> str:
    """Return a model's one name for a name in results: that of explorations and published tables.

    A name that the table does not have is its own.
    """
    return _models_by_name().get(name, name)


@cache
def names_of(model: str) -> tuple[str, ...]:
    """Return all names of a model in results, its one name first."""
    return (model, *(name for name, own in _models_by_name().items() if own == model and name != model))
