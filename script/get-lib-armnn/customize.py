"""Find ArmNN's delegate, or say what is missing and what to do."""

import platform
from ctypes.util import find_library
from pathlib import Path

from mlperf_home.machine.armnn import NoArmNnError, delegate_options, find_delegate, require_device
from scriptgraph.api import Context, Done, Outcome, failing_on


def preprocess(context: Context) -> Outcome:
    """Look at the processor, the library, and for the GPU at OpenCL."""
    device = context.text("CM_LIB_ARMNN_DEVICE")
    given = context.path("CM_LIB_ARMNN_PATH")
    with failing_on(NoArmNnError):
        require_device(device, platform.machine(), lambda: find_library("OpenCL") is not None)
        delegate = find_delegate(Path("/"), given)
    return Done(exports={"CM_TFLITE_DELEGATE": delegate, "CM_TFLITE_DELEGATE_OPTIONS": delegate_options(device)})
