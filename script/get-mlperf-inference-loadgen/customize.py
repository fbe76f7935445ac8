"""Check that LoadGen imports in the workload's environment, and export its versions."""

from scriptgraph.api import Context, Done, Outcome, parse_json


def preprocess(context: Context) -> Outcome:
    """Import LoadGen with the Python of its later runs."""
    python = context.text("CM_PYTHON_LIB_BIN_WITH_PATH")
    context.command([python, "-c", "import mlperf_loadgen"])
    versions = parse_json(context.text("CM_PYTHON_LIB_VERSIONS", "{}"), "CM_PYTHON_LIB_VERSIONS")
    return Done(
        exports={
            "CM_MLPERF_LOADGEN_PYTHON": python,
            "CM_MLPERF_LOADGEN_VERSION": versions.get("mlcommons-loadgen"),
            "CM_MLPERF_BACKEND_VERSION": versions.get(context.text("CM_PYTHON_LIB_PACKAGE")),
        }
    )
