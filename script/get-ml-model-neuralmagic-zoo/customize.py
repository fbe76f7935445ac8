"""Fetch the model of a SparseZoo stub; its hash is recorded, since none is published."""

from mlperf_home.steps.zoo import ZooError, find_model
from scriptgraph.api import Context, Done, Expected, Outcome, RecordedHashes, TransferOptions, failing_on, fetch


def preprocess(context: Context) -> Outcome:
    """Ask the service for the file's place, then download it like any other."""
    stub = context.text("CM_MLPERF_NEURALMAGIC_MODEL_ZOO_STUB")
    with failing_on(ZooError):
        found = find_model(stub, context.switches.mirrors)
    recorded = RecordedHashes.of_user(context.folders.state)
    known = recorded.find([stub])
    got = fetch(
        [found.url],
        context.output / "model.onnx",
        Expected([known] if known else [], found.size_bytes, record=True),
        TransferOptions(
            partial_dir=context.folders.partial,
            mirrors=context.switches.mirrors,
            offline=context.switches.offline,
            progress=lambda done, total: context.progress(stub, done, total),
        ),
    )
    recorded.keep([stub], got.sha256)
    return Done(exports={"CM_ML_MODEL_ZOO_PATH": got.path, "CM_ML_MODEL_FULL_NAME": found.name})
