"""The texts of a submission.

Of each result the measurement files: its settings, its README with the commands, its JSON; of all results the code's
README, the calibration, and the mapping of model names.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mlperf_home.measurements.layout import json_object
from mlperf_home.rules import mlperf_conf
from mlperf_home.submission.assemble.collect import read_placed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement, Value
    from mlperf_home.submission.assemble.collect import FoundResult, Order

# NumPy's names of types in the spelling of published submissions.
_SPELLINGS = {"float32": "fp32", "float16": "fp16"}
_DTYPE = re.compile(r"'dtype': '(\w+)'")
SAMPLE_NOTICE = "**This is a sample result: made-up data and a toy model. It is no MLPerf result.**"
_CODE = "mlperf-home"
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
_NOT_TOLD = "unknown: the submitter has not told"
_FOREIGN_README = """# {model}, {scenario}

The logs of this result were measured by another tool than mlperf-home, which has kept no commands with them.
LoadGen: {loadgen}. The settings of the run are in user.conf and in the detail log.
"""
_CONF_HEAD = "# Written from the settings that the detail log says were in effect: the run's own file was not kept.\n"


def write_measurement_files(order: Order, result: FoundResult, folder: Path, loadgen_model: str) -> None:
    """Write the measurement files of one result."""
    put(folder / "mlperf.conf", _kept(result, "mlperf.conf") or mlperf_conf(order.rules))
    user_conf = _kept(result, "user.conf")
    if not user_conf:
        settings = result.detail().settings
        prefix = f"{loadgen_model}.{settings.get('scenario', result.scenario)}"
        keys = ("target_qps", "min_duration_ms", "max_duration_ms", "min_query_count")
        lines = [f"{prefix}.{key.removesuffix('_ms')} = {settings[key]}\n" for key in keys if settings.get(key)]
        user_conf = _CONF_HEAD + "".join(lines)
    put(folder / "user.conf", user_conf)
    readme = _kept(result, "README.md")
    if not readme.strip():
        loadgen = result.detail().logged.get("loadgen_version", "unknown version")
        readme = _FOREIGN_README.format(model=result.model, scenario=result.scenario, loadgen=loadgen)
    elif result.sample and SAMPLE_NOTICE not in readme:
        readme = f"{SAMPLE_NOTICE}\n\n{readme}"
    put(folder / "README.md", readme)
    put(folder / f"{result.sut}.json", json.dumps(result_fields(order, result), indent=1) + "\n")


def result_fields(order: Order, result: FoundResult) -> dict[str, object]:
    """Give a result's JSON: the fields that the round wants, and what we record besides."""
    if result.measurement:
        known = _measured_fields(result.measurement)
    else:
        # Beside its logs another tool has written them under one of these names.
        names = (f"{result.sut}.json", "measurements.json", f"{result.sut}_{result.folder.name}.json")
        told = next(filter(None, (json_object(result.folder / name) for name in names)), {})
        known = {key: str(value) for key, value in told.items() if value}
    wanted = order.rules.submission.measurement_fields
    fields: dict[str, object] = {key: known.get(key) or order.told.get(key) or _NOT_TOLD for key in wanted}
    if result.sample:
        fields["sample"] = True
    if result.measurement and (digest := result.measurement.model["sha256"].value) is not None:
        others = result.measurement.model.get("files")
        fields["starting_weights_sha256"] = f"{digest}; {others.value}" if others else digest
    return fields


def mark_as_inferred(folder: Path, sut: str, measured: str, scenario: str) -> None:
    """Say in a copied result's README and JSON from which scenario it is."""
    notice = f"**Inferred: this is the run of {measured}, copied; {scenario} itself was not run.**\n\n"
    readme = folder / "README.md"
    readme.write_text(notice + readme.read_text("utf-8"), encoding="utf-8")
    path = folder / f"{sut}.json"
    fields = {**json_object(path), "inferred_from": measured}
    path.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")


def _kept(result: FoundResult, name: str) -> str:
    path = result.folder / name
    return path.read_text("utf-8", errors="replace") if path.is_file() else ""


def _measured_fields(measurement: Measurement) -> dict[str, str]:
    """Return what a measurement knows of a result's JSON; "" where it does not."""
    model = measurement.model
    if measurement.benchmark.startswith("bert"):
        # Token ids, masks and segments, as the features are kept.
        input_type = "int64"
    else:
        # The TFLite backends tell their input as a text with shape, dtype, scale and zero point.
        told = _DTYPE.search(_text(measurement.engine.get("input")))
        input_type = _SPELLINGS.get(told.group(1), told.group(1)) if told else ""
    return {
        "starting_weights_filename": PurePosixPath(_text(model.get("path"))).name,
        "weight_data_types": _text(model.get("weight_type")),
        "input_data_types": input_type,
        "retraining": _text(model.get("retraining")),
        "weight_transformations": _text(model.get("weight_transformations")),
    }


def framework(measurement: Measurement) -> str:
    """Give the engine as a system description names it ("deepsparse v1.8.0")."""
    return f"{measurement.engine['name'].value} v{measurement.engine['version'].value}"


def _text(value: Value | None) -> str:
    return "" if value is None or value.value is None else str(value.value)


def write_documents(order: Order, results: Sequence[FoundResult], folder: Path, names: Mapping[str, str]) -> None:
    """Write what is about all results into the submitter's folder; `names` has the benchmark of each model.

    A text that stands there from before and was changed by the submitter is left as it is.
    """
    notice = f"{SAMPLE_NOTICE}\n\n" if any(result.sample for result in results) else ""
    ours = [result.measurement for result in results if result.measurement is not None]
    engines = sorted({f"| {framework(each)} | {each.engine['loadgen_version'].value} |" for each in ours})
    readme = _CODE_README if ours else _FOREIGN_CODE
    text = readme.format(notice=notice, version=version("mlperf-home"), engines="\n".join(engines))
    put(folder / "code" / _CODE / "README.md", text)
    for model in sorted({result.model for result in results}):
        reference = folder / "code" / model
        # A folder is the submitter's own code for the model.
        if not reference.is_dir():
            put(reference, f"{_CODE}\n")
    models = {result.model: str(result_fields(order, result)["weight_data_types"]) for result in results}
    rows = "\n".join(f"| {model} | {weights} |" for model, weights in sorted(models.items()))
    calibration = folder / "documentation" / "calibration.md"
    if not calibration.exists():
        calibration.parent.mkdir(parents=True, exist_ok=True)
        calibration.write_text(_CALIBRATION.format(notice=notice, models=rows), encoding="utf-8")
    mapping = folder / order.rules.submission.folders.mapping
    if needed := {model: name for model, name in names.items() if order.rules.benchmark_of(model, {}) != name}:
        placed = read_placed(mapping) if mapping.exists() else {}
        put(mapping, json.dumps({**placed, **needed}, indent=1, sort_keys=True) + "\n")


def put(path: Path, text: str) -> None:
    """Write a text anew, with its folder: the file there may be a link to one of the tree that is being added to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
