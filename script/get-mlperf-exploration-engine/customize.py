"""Put down where an engine of an exploration is."""

import json

from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Add a file that describes it to the list of those that earlier steps wrote."""
    path = context.output / "engine.json"
    described = {
        "backend": context.text("CM_MLPERF_BACKEND"),
        "python": context.text("CM_MLPERF_LOADGEN_PYTHON"),
        "version": context.text("CM_MLPERF_BACKEND_VERSION", ""),
        "system": context.text("CM_SUT_NAME"),
    }
    path.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    earlier = context.text("CM_EXPLORE_ENGINES", "")
    return Done(exports={"CM_EXPLORE_ENGINES": f"{earlier}\n{path}".strip()})
