"""Describe an engine of an exploration."""

from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.study import EngineDescription
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Write the description, and append its path to those of earlier steps."""
    path = context.output / "engine.json"
    description = EngineDescription(
        backend=context.text("CM_MLPERF_BACKEND"),
        python=context.text("CM_MLPERF_LOADGEN_PYTHON"),
        version=context.text("CM_MLPERF_BACKEND_VERSION", ""),
        system=context.text("CM_SUT_NAME"),
    )
    write_document(path, description)
    earlier = context.text("CM_EXPLORE_ENGINES", "")
    return Done(exports={"CM_EXPLORE_ENGINES": f"{earlier}\n{path}".strip()})
