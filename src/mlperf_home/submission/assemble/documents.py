"""The texts of a submission.

Each result has measurement files: settings, a README with the commands, and JSON. All results share the README of the
code, the calibration document, and the mapping of model names.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mlperf_home.measurements.layout import json_object
from mlperf_home.rules import mlperf_conf
from mlperf_home.submission.assemble.collect import read_existing
from mlperf_home.submission.check.recorded import RECORD, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlperf_home.measurements.measurement import Measurement, Value
    from mlperf_home.submission.assemble.collect import FoundResult, SubmissionRequest

# The spelling of NumPy's types in published submissions.
_SPELLINGS = {"float32": "fp32", "float16": "fp16"}
_DTYPE = re.compile(r"'dtype': '(\w+)'")
SAMPLE_NOTICE = "**This is a sample result: made-up data and a toy model. It is no MLPerf result.**"
_CODE = "mlperf-home"
_CODE_README = """# The code of these results

{notice}Measured with mlperf-home {version}. Install that version; the README.md among each result's measurement
files has the command that measures it again. The command fetches the model and the dataset, checks their hashes,
creates an environment with every package pinned by its hash, and runs LoadGen.

| engine | LoadGen |
|---|---|
{engines}
"""
_FOREIGN_CODE = """# The code of these results

{notice}Another tool than mlperf-home measured them; see the README.md among each result's measurement files.
"""
_CALIBRATION = """# Calibration

{notice}The submitter has not quantised or calibrated any model: each ran as its makers published it.

| model | weights |
|---|---|
{models}
"""
_UNKNOWN = "unknown: the submitter has not stated it"
_FOREIGN_README = """# {model}, {scenario}

Another tool than mlperf-home measured this result, and kept no commands with its logs.
LoadGen: {loadgen}. The settings of the run are in user.conf and in the detail log.
"""
_CONF_HEAD = "# Written from the effective settings in the detail log: the run's own file was not kept.\n"


def write_measurement_files(
    request: SubmissionRequest, result: FoundResult, folder: Path, logs: Path, loadgen_model: str
) -> None:
    """Write the measurement files of one result, whose logs are in the submission's folder `logs`."""
    write_new_file(folder / "mlperf.conf", _kept(result, "mlperf.conf") or mlperf_conf(request.rules))
    user_conf = _kept(result, "user.conf")
    if not user_conf:
        settings = result.detail().settings
        prefix = f"{loadgen_model}.{settings.get('scenario', result.scenario)}"
        keys = ("target_qps", "min_duration_ms", "max_duration_ms", "min_query_count")
        lines = [f"{prefix}.{key.removesuffix('_ms')} = {settings[key]}\n" for key in keys if settings.get(key)]
        user_conf = _CONF_HEAD + "".join(lines)
    write_new_file(folder / "user.conf", user_conf)
    readme = _kept(result, "README.md")
    if not readme.strip():
        loadgen = result.detail().logged.get("loadgen_version", "unknown version")
        readme = _FOREIGN_README.format(model=result.model, scenario=result.scenario, loadgen=loadgen)
    elif result.sample and SAMPLE_NOTICE not in readme:
        readme = f"{SAMPLE_NOTICE}\n\n{readme}"
    write_new_file(folder / "README.md", readme)
    fields = {**result_fields(request, result), RECORD: record(logs, result.sut, result.model)}
    write_new_file(folder / request.rules.submission.layout.json_name(result.sut), json.dumps(fields, indent=1) + "\n")


def result_fields(request: SubmissionRequest, result: FoundResult) -> dict[str, object]:
    """Return a result's JSON: the fields that the round requires, and our own."""
    if result.measurement:
        known = _measured_fields(result.measurement)
    else:
        # Other tools write the fields beside the logs, under one of these names.
        names = (f"{result.sut}.json", "measurements.json", f"{result.sut}_{result.folder.name}.json")
        document = next(filter(None, (json_object(result.folder / name) for name in names)), {})
        known = {key: str(value) for key, value in document.items() if value}
    required = request.rules.submission.measurement_fields
    fields: dict[str, object] = {key: known.get(key) or request.user_fields.get(key) or _UNKNOWN for key in required}
    if result.sample:
        fields["sample"] = True
    if result.measurement and (digest := result.measurement.model["sha256"].value) is not None:
        others = result.measurement.model.get("files")
        fields["starting_weights_sha256"] = f"{digest}; {others.value}" if others else digest
    return fields


def mark_as_inferred(path: Path, fields: Mapping[str, Any], measured: str, scenario: str) -> None:
    """Add the measured scenario to a copied result's JSON, which has these fields, and to the README beside it."""
    notice = f"**Inferred: this is a copy of the run of {measured}; {scenario} itself was not run.**\n\n"
    readme = path.with_name("README.md")
    text = readme.read_text("utf-8", errors="replace") if readme.is_file() else ""
    readme.write_text(notice + text, encoding="utf-8")
    path.write_text(json.dumps({**fields, "inferred_from": measured}, indent=1) + "\n", encoding="utf-8")


def _kept(result: FoundResult, name: str) -> str:
    path = result.folder / name
    return path.read_text("utf-8", errors="replace") if path.is_file() else ""


def _measured_fields(measurement: Measurement) -> dict[str, str]:
    """Return the fields of a result's JSON that a measurement has; "" if unknown."""
    model = measurement.model
    if measurement.benchmark.startswith("bert"):
        # Token ids, masks and segments.
        input_type = "int64"
    else:
        # The TFLite backends describe their input by a text with shape, dtype, scale and zero point.
        dtype = _DTYPE.search(_text(measurement.engine.get("input")))
        input_type = _SPELLINGS.get(dtype.group(1), dtype.group(1)) if dtype else ""
    return {
        "starting_weights_filename": PurePosixPath(_text(model.get("path"))).name,
        "weight_data_types": _text(model.get("weight_type")),
        "input_data_types": input_type,
        "retraining": _text(model.get("retraining")),
        "weight_transformations": _text(model.get("weight_transformations")),
    }


def framework(measurement: Measurement) -> str:
    """Return the engine as a system description names it ("deepsparse v1.8.0")."""
    return f"{measurement.engine['name'].value} v{measurement.engine['version'].value}"


def _text(value: Value | None) -> str:
    return "" if value is None or value.value is None else str(value.value)


def write_documents(
    request: SubmissionRequest, results: Sequence[FoundResult], folder: Path, names: Mapping[str, str]
) -> None:
    """Write the documents about all results to the submitter's folder; `names` has the benchmark of each model.

    An existing calibration document and existing code stay: the submitter may have changed them.
    """
    notice = f"{SAMPLE_NOTICE}\n\n" if any(result.sample for result in results) else ""
    measurements = [result.measurement for result in results if result.measurement is not None]
    engines = sorted({f"| {framework(each)} | {each.engine['loadgen_version'].value} |" for each in measurements})
    readme = _CODE_README if measurements else _FOREIGN_CODE
    text = readme.format(notice=notice, version=version("mlperf-home"), engines="\n".join(engines))
    layout = request.rules.submission.layout
    write_new_file(folder / layout.source / _CODE / "README.md", text)
    for model in sorted({result.model for result in results}) if layout.source_by_model else ():
        reference = folder / layout.source / model
        # A folder would hold the submitter's own code for the model.
        if not reference.is_dir():
            write_new_file(reference, f"{_CODE}\n")
    models = {result.model: str(result_fields(request, result)["weight_data_types"]) for result in results}
    rows = "\n".join(f"| {model} | {weights} |" for model, weights in sorted(models.items()))
    calibration = folder / "documentation" / "calibration.md"
    if not calibration.exists():
        calibration.parent.mkdir(parents=True, exist_ok=True)
        calibration.write_text(_CALIBRATION.format(notice=notice, models=rows), encoding="utf-8")
    mapping = folder / request.rules.submission.folders.mapping
    if needed := {model: name for model, name in names.items() if request.rules.benchmark_of(model, {}) != name}:
        existing = read_existing(mapping) if mapping.exists() else {}
        write_new_file(mapping, json.dumps({**existing, **needed}, indent=1, sort_keys=True) + "\n")


def write_new_file(path: Path, text: str) -> None:
    """Write a text to a new file: an existing one may be a hard link to a file of the old tree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
