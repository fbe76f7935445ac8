"""Put down where an engine of an exploration is."""

from mlperf_home.contracts.codec import write_document
from mlperf_home.contracts.study import EngineDescription
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Add a file that describes it to the list of those that earlier steps wrote."""
    path = context.output / "engine.json"
    described = EngineDescription(
        backend=context.text("CM_MLPERF_BACKEND"),
        python=context.text("CM_MLPERF_LOADGEN_PYTHON"),
        version=context.text("CM_MLPERF_BACKEND_VERSION", ""),
        system=context.text("CM_SUT_NAME"),
    )
    write_document(path, described)
    earlier = context.text("CM_EXPLORE_ENGINES", "")
    return Done(exports={"CM_EXPLORE_ENGINES": f"{earlier}\n{path}".strip()})
