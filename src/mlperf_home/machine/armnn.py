"""ArmNN's delegate for TFLite: where it lies, and what it is told.

Source: ArmNN's delegate guide (ARM-software/armnn, delegate/): the library is libarmnnDelegate.so; its option
`backends` names in order what runs an operator: CpuAcc (NEON), GpuAcc (OpenCL), CpuRef (anything, slowly).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LIBRARY = "libarmnnDelegate.so"
_FOLDERS = (
    "usr/local/lib", "usr/lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu/armnn", "usr/lib64", "usr/lib",
    "usr/lib/arm-linux-gnueabihf", "opt/armnn", "opt/armnn/lib",
)  # fmt: skip
_BACKENDS = {"neon": "CpuAcc,CpuRef", "opencl": "GpuAcc,CpuAcc,CpuRef"}
_ARM = ("aarch64", "arm")
_WITHOUT = "or leave _armnn, _neon and _opencl out: XNNPACK uses the CPU's vector units by itself"


class NoArmNnError(Exception):
    """ArmNN cannot be used here; the text says what is missing and what to do."""


def require_device(device: str, machine: str, has_opencl: Callable[[], bool]) -> None:
    """Raise NoArmNnError if a device, "neon" or "opencl", lacks its Arm processor or OpenCL."""
    if not machine.startswith(_ARM):
        raise NoArmNnError(f"ArmNN runs on Arm processors, and this is {machine}: run it on one, {_WITHOUT}")
    if device == "opencl" and not has_opencl():
        raise NoArmNnError(
            f"_opencl needs libOpenCL.so, from the GPU's maker, which is not here: install it, take _neon, {_WITHOUT}"
        )


def delegate_options(device: str) -> str:
    """Return the delegate's options, `key=value`, for a device."""
    return f"backends={_BACKENDS[device]}"


def find_delegate(root: Path, given: Path | None) -> Path:
    """Find the delegate's library in the usual places below `root`; raise NoArmNnError if it is not there.

    The user may have `given` the library instead, or the folder with it.
    """
    if given is not None and given.is_file():
        return given
    folders = [root / folder for folder in _FOLDERS] if given is None else [given, given / "lib", given / "delegate"]
    for folder in folders:
        for place in (folder / _LIBRARY, *sorted(folder.glob(f"{_LIBRARY}.*"), reverse=True)):
            if place.is_file():
                return place
    looked = str(given) if given is not None else ", ".join(f"/{folder}" for folder in _FOLDERS)
    raise NoArmNnError(
        f"{_LIBRARY} is not in {looked}: unpack a release of github.com/ARM-software/armnn "
        f"(ArmNN-linux-aarch64.tar.gz) and give --armnn_path=FOLDER, {_WITHOUT}"
    )
