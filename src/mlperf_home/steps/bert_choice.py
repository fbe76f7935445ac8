"""The engines that a trial compares, each with its models: which fit the request and this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.environments import ENVIRONMENTS
from mlperf_home.errors import LocatedError
from mlperf_home.product import ENGINE
from mlperf_home.steps.engine_obstacles import obstacle
from scriptgraph.embed import Place, read_table, read_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from mlperf_home.steps.engine_obstacles import HasPython
    from scriptgraph.api import Context

ENGINES = ("deepsparse", "openvino", "onnxruntime")
OWN = "own"
"""Stands for the model that the request names, where no row of the table does."""
_COLUMNS = ("backend", "variation", "sample", "weights", "reference", "auto")
_FLOATS = ("fp32", "bf16")
_OWN_KEYS = ("CM_ML_MODEL_PATH", "CM_MLPERF_CUSTOM_MODEL_PATH", "CM_MLPERF_NEURALMAGIC_MODEL_ZOO_STUB")


class NoBertEngineError(LocatedError):
    """No engine, or none with a model that fits the request, is left for a trial."""


@dataclass(frozen=True)
class BertRow:
    """A row of script/bert-engines.json, which describes its columns."""

    backend: str
    variation: str
    sample: bool
    weights: str
    reference: bool
    auto: bool

    @property
    def entry(self) -> str:
        """The name of the engine with its model."""
        return f"{self.backend}/{self.variation}"


@dataclass(frozen=True)
class WantedModels:
    """The part of a request that tells its models.

    Attributes:
        own: whether it names a file or a SparseZoo stub.
        variation: the variation that it names, or "".
        precision: the numeric type that it names, or "".
        sample: whether it uses the embedded sample.
        closed: whether it is of the closed division, which needs the reference weights.
    """

    own: bool = False
    variation: str = ""
    precision: str = ""
    sample: bool = False
    closed: bool = False

    @classmethod
    def read(cls, context: Context) -> WantedModels:
        """Read the request from a step's environment."""
        zoo = context.text("CM_MLPERF_MODEL", "").startswith("zoo:")
        return cls(
            own=zoo or any(context.text(key, "") for key in _OWN_KEYS),
            variation=context.text("CM_ML_MODEL_VARIATION", ""),
            precision=context.text("CM_MLPERF_PRECISION", ""),
            sample=context.flag("CM_DATASET_SAMPLE"),
            closed=context.text("CM_MLPERF_DIVISION") == "closed",
        )


def read_entries(folder: Path | None = None) -> list[BertRow]:
    """Read the rows of the product's table, or of the one in `folder`.

    Raises:
        ManifestError: a row lacks a column or has a value of the wrong type.
    """
    path = (folder or ENGINE.repository / "script") / "bert-engines.json"
    rows = []
    for number, row in enumerate(read_table(path)):
        place = Place(path, f"/rows/{number}", row)
        cells = place.mapping()
        if absent := [name for name in _COLUMNS if name not in cells]:
            place.fail(f"lacks {', '.join(absent)}")
        backend, variation, sample, weights, reference, auto = (cells[name].read(read_text) for name in _COLUMNS)
        rows.append(BertRow(backend, variation, sample == "yes", weights, reference == "yes", auto == "yes"))
    return rows


def engines_here(machine: str, libc: str | None, has_python: HasPython) -> tuple[list[str], list[str]]:
    """Return the engines that can be installed on a machine, and a line with the reason of each other one.

    Raises:
        NoBertEngineError: there is none.
    """
    reasons = {name: obstacle(ENVIRONMENTS[name], machine, libc, has_python) for name in ENGINES}
    absent = [f"{name} {reason}" for name, reason in reasons.items() if reason]
    here = [name for name, reason in reasons.items() if not reason]
    if not here:
        advice = "name an engine of your own with --backend and --adr.workload-environment.environment=PYTHON"
        raise NoBertEngineError("this machine", f"has no engine for BERT: {'; '.join(absent)}", advice)
    return here, absent


def entries_of(rows: Sequence[BertRow], wanted: WantedModels, engines: Collection[str]) -> list[str]:
    """Return the names of the entries that fit a request, in the order of preference.

    Raises:
        NoBertEngineError: none fits.
    """
    if wanted.own:
        return [f"{name}/{OWN}" for name in engines]
    known = [row for row in rows if row.sample == wanted.sample and row.backend in engines]
    known = [row for row in known if not wanted.closed or wanted.sample or row.reference]
    if wanted.precision:
        known = [row for row in known if (row.weights == "fp32") == (wanted.precision in _FLOATS)]
    if wanted.variation:
        named = [row.entry for row in known if row.variation == wanted.variation]
        # A variation that the table does not list.
        listed = any(row.variation == wanted.variation for row in rows)
        entries = named if listed else [f"{name}/{OWN}" for name in engines]
    elif wanted.precision in _FLOATS:
        entries = [row.entry for row in known if row.variation in {"onnx-fp32", "sample-dense"}]
    else:
        entries = [row.entry for row in known if row.auto]
    if not entries:
        problem = f"no engine has a model that fits (precision {wanted.precision or 'any'})"
        raise NoBertEngineError("--backend=auto", problem, "leave --precision or --model_variation out")
    return entries
