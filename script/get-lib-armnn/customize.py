"""Find ArmNN's delegate."""

import platform
from ctypes.util import find_library
from pathlib import Path

from mlperf_home.machine.armnn import NoArmNnError, delegate_options, find_delegate, require_device
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Check the processor, the library and, for the GPU, OpenCL."""
    device = context.text("CM_LIB_ARMNN_DEVICE")
    with failing_on(NoArmNnError):
        require_device(device, platform.machine(), lambda: find_library("OpenCL") is not None)
        delegate = find_delegate(Path("/"), context.path("CM_LIB_ARMNN_PATH"))
    return Done(exports={"CM_TFLITE_DELEGATE": delegate, "CM_TFLITE_DELEGATE_OPTIONS": delegate_options(device)})
