"""Store the measurement of one scenario, and show it."""

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import PublishedTop1, Weights, to_json, with_published, with_weights
from mlperf_home.measurements.table import result_words, summary_rows
from mlperf_home.results.published_tables import standing_rows
from mlperf_home.steps.bert_trial import with_kept_trial
from mlperf_home.steps.machine import machine_facts, read_pricing
from mlperf_home.steps.next_commands import after_result
from mlperf_home.steps.over_time import write_picture
from mlperf_home.steps.reports import readme_text
from mlperf_home.steps.run_request import requested_folder, results_root
from scriptgraph.api import Context, Done, Outcome, failing_on
from scriptgraph.files.atomic import replace_text


def preprocess(context: Context) -> Outcome:
    """Write the measurement and its README, and show the table."""
    scenario = context.text("CM_MLPERF_LOADGEN_SCENARIO")
    system, model = context.text("CM_SUT_NAME"), context.text("CM_ML_MODEL_FULL_NAME")
    folder = requested_folder(context)
    if context.flag("CM_MLPERF_RUN_FIND_PERFORMANCE"):
        return _show_target(context, scenario, system)
    with failing_on(LocatedError):
        facts = machine_facts(context, system)
        found = ingest(folder.root, facts, model, read_pricing(context).of(facts))
        measurement = with_published(with_weights(found, _weights(context)), _published(context))
        measurement = with_kept_trial(context, measurement)
        replace_text(folder.measurement, to_json(measurement))
        source, f1 = context.text("CM_ML_MODEL_SOURCE", ""), context.number("CM_ML_MODEL_PUBLISHED_F1")
        picture = write_picture(folder, measurement)
        replace_text(folder.root / "README.md", readme_text(measurement, context.command_line, source, f1, picture))
    rows = [
        ("system", system),
        *summary_rows(measurement),
        *(("Among published", words) for _, words in standing_rows([measurement])),
        ("record", str(context.record)),
        ("result", str(folder.root)),
    ]
    context.summarise(result_words(measurement))
    context.table("SAMPLE RESULT: no MLPerf result" if measurement.sample else f"MLPerf {measurement.benchmark}", rows)
    context.suggest(after_result(context, measurement, results_root(context)))
    return Done(
        exports={
            "CM_MLPERF_MEASUREMENT_PATH": folder.measurement,
            "CM_MLPERF_RESULT_FOLDER": folder.root,
            # The earlier folders are of the same request; a table shows them all, and no others.
            "CM_MLPERF_RESULT_FOLDERS": f"{context.text('CM_MLPERF_RESULT_FOLDERS', '')}\n{folder.root}".lstrip(),
            "CM_MLPERF_VALID": measurement.validity == "VALID",
        }
    )


def _weights(context: Context) -> Weights:
    keys = ("CM_ML_MODEL_WEIGHT_TYPE", "CM_ML_MODEL_SOURCE", "CM_ML_MODEL_TRANSFORMATION")
    return Weights(*(context.text(key, "") for key in keys))


def _published(context: Context) -> PublishedTop1:
    return PublishedTop1(
        context.number("CM_ML_MODEL_PUBLISHED_TOP1"),
        context.text("CM_ML_MODEL_PUBLISHED_TOP1_SOURCE", ""),
        context.number("CM_ML_MODEL_MEASURED_TOP1"),
    )


def _show_target(context: Context, scenario: str, system: str) -> Outcome:
    qps = context.number("CM_MLPERF_MEASURED_TARGET_QPS")
    latency = context.number("CM_MLPERF_MEASURED_TARGET_LATENCY")
    target = f"{qps:.2f} samples per second" if qps else f"{latency:.3f} ms a query" if latency else "none found"
    path = context.text("CM_SUT_CONFIG_PATH")
    context.table(
        "Target for later runs", [("system", system), ("scenario", scenario), ("target", target), ("stored in", path)]
    )
    return Done()
