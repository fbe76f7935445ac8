"""Describe an engine of an exploration: its environment, and the system's name in results."""

from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.studies.study import StudyEngine
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Write a description, and add its path to those of earlier steps."""
    path = context.output / "engine.json"
    description = StudyEngine(
        backend=context.text("CM_MLPERF_BACKEND"),
        python=context.text("CM_MLPERF_LOADGEN_PYTHON"),
        version=context.text("CM_MLPERF_BACKEND_VERSION", ""),
        system=context.text("CM_SUT_NAME"),
    )
    write_document(path, description)
    earlier = context.text("CM_EXPLORE_ENGINES", "")
    return Done(exports={"CM_EXPLORE_ENGINES": f"{earlier}\n{path}".strip()})
