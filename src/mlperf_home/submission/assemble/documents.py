"""The texts of a submission that are about all its results: the code's README, the calibration, the mapping."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

from mlperf_home.measurements.imports.submissions import json_object
from mlperf_home.submission.assemble.measurement_files import SAMPLE_NOTICE, framework, put, result_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlperf_home.submission.assemble.collect import FoundResult, Order

CODE = "mlperf-home"
_CODE_README = """# The code of these results

{notice}Measured with mlperf-home {version}. Install that version; the README.md of each result's measurement files has
the command that measures it again. It fetches the model and the dataset, checks their hashes, makes an environment in
which every package is pinned by its hash, and runs LoadGen.

| engine | LoadGen |
|---|---|
{engines}
"""
_FOREIGN_CODE = """# The code of these results

{notice}They were measured by another tool than mlperf-home; see the README.md of each result's measurement files.
"""
_CALIBRATION = """# Calibration

{notice}The submitter has quantised no model and calibrated none: each was run as its makers published it.

| model | weights |
|---|---|
{models}
"""


def write_documents(order: Order, results: Sequence[FoundResult], folder: Path, names: Mapping[str, str]) -> None:
    """Write them; a text that stands there from before and was changed by the submitter is left as it is.

    Args:
        order: what the submission is to be.
        results: the results that it is made of.
        folder: the submitter's folder.
        names: the benchmark of each model.
    """
    notice = f"{SAMPLE_NOTICE}\n\n" if any(result.sample for result in results) else ""
    _code(results, folder, notice)
    models = {result.model: str(result_fields(order, result)["weight_data_types"]) for result in results}
    rows = "\n".join(f"| {model} | {weights} |" for model, weights in sorted(models.items()))
    calibration = folder / "documentation" / "calibration.md"
    if not calibration.exists():
        calibration.parent.mkdir(parents=True, exist_ok=True)
        calibration.write_text(_CALIBRATION.format(notice=notice, models=rows), encoding="utf-8")
    mapping = folder / order.rules.submission.folders.mapping
    if needed := {model: name for model, name in names.items() if order.rules.benchmark_of(model, {}) != name}:
        put(mapping, json.dumps({**json_object(mapping), **needed}, indent=1, sort_keys=True) + "\n")


def _code(results: Sequence[FoundResult], folder: Path, notice: str) -> None:
    ours = [result.measurement for result in results if result.measurement is not None]
    rows = sorted({f"| {framework(each)} | {each.engine['loadgen_version'].value} |" for each in ours})
    text = _CODE_README if ours else _FOREIGN_CODE
    said = text.format(notice=notice, version=version("mlperf-home"), engines="\n".join(rows))
    code = folder / "code" / CODE
    code.mkdir(parents=True, exist_ok=True)
    put(code / "README.md", said)
    for model in sorted({result.model for result in results}):
        reference = folder / "code" / model
        # A folder is the submitter's own code for the model.
        if not reference.is_dir():
            put(reference, f"{CODE}\n")
