"""Generate the embedded sample's images."""

from mlperf_home.steps.launch import run_module
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Generate the images in an environment with NumPy; equal seeds give equal bytes everywhere."""
    count = context.whole("CM_SAMPLE_IMAGES")
    arguments = ["mlperf_home.samples.images.image_files", "--out", context.output]
    arguments += ["--images", str(count)] if count else []
    run_module(context.command, [context.text("CM_PYTHON_LIB_BIN_WITH_PATH")], arguments)
    return Done(
        exports={
            "CM_DATASET_IMAGENET_VAL_PATH": context.output,
            "CM_DATASET_IMAGENET_LABELS_PATH": context.output / "val_map.txt",
        }
    )
