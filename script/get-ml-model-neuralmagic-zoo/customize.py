"""Fetch the model of a SparseZoo stub; record its hash, as none is published."""

from mlperf_home.steps.zoo import ZooError, find_model
from scriptgraph.api import Context, Done, Expected, Outcome, RecordedHashes, TransferOptions, failing_on, fetch


def preprocess(context: Context) -> Outcome:
    """Request the file's URL from the service, then download it."""
    stub = context.text("CM_MLPERF_NEURALMAGIC_MODEL_ZOO_STUB")
    with failing_on(ZooError):
        model = find_model(stub, context.switches.mirrors)
    recorded = RecordedHashes.of_user(context.folders.state)
    earlier = recorded.find([stub])
    fetched = fetch(
        [model.url],
        context.output / "model.onnx",
        Expected([earlier] if earlier else [], model.size_bytes, record=True),
        TransferOptions(
            partial_dir=context.folders.partial,
            mirrors=context.switches.mirrors,
            offline=context.switches.offline,
            progress=lambda done, total: context.progress(stub, done, total),
        ),
    )
    recorded.keep([stub], fetched.sha256)
    return Done(exports={"CM_ML_MODEL_ZOO_PATH": fetched.path, "CM_ML_MODEL_FULL_NAME": model.name})
