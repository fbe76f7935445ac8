"""Make the embedded sample of images."""

from mlperf_home.steps.launch import run_module
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Generate the images where NumPy is; the same seed gives the same bytes everywhere."""
    count = context.whole("CM_SAMPLE_IMAGES")
    words = ["mlperf_home.samples.images.image_files", "--out", context.output]
    words += ["--images", str(count)] if count else []
    run_module(context.command, [context.text("CM_PYTHON_LIB_BIN_WITH_PATH")], words)
    return Done(
        exports={
            "CM_DATASET_IMAGENET_VAL_PATH": context.output,
            "CM_DATASET_IMAGENET_LABELS_PATH": context.output / "val_map.txt",
        }
    )
