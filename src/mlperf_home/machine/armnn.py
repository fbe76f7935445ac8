"""ArmNN's delegate for TFLite: its library and its options.

Source: ArmNN's delegate guide (ARM-software/armnn, delegate/). The library is libarmnnDelegate.so. Its option
`backends` lists, in order of preference: CpuAcc (NEON), GpuAcc (OpenCL), CpuRef (every operator, slowly).
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
_WITHOUT = "or omit _armnn, _neon and _opencl: XNNPACK uses the CPU's vector units by itself"


class NoArmNnError(Exception):
    """ArmNN cannot be used on this machine; the text names the missing part and the remedy."""


def require_device(device: str, machine: str, has_opencl: Callable[[], bool]) -> None:
    """Raise NoArmNnError if `device`, "neon" or "opencl", lacks its Arm processor or OpenCL."""
    if not machine.startswith(_ARM):
        raise NoArmNnError(f"ArmNN needs an Arm processor; this machine is {machine}; run on Arm, {_WITHOUT}")
    if device == "opencl" and not has_opencl():
        raise NoArmNnError(
            f"_opencl needs libOpenCL.so, which is not installed; install the GPU maker's, use _neon, {_WITHOUT}"
        )


def delegate_options(device: str) -> str:
    """Return the delegate's options for a device, as `key=value`."""
    return f"backends={_BACKENDS[device]}"


def find_delegate(root: Path, path: Path | None) -> Path:
    """Return the delegate's library: at `path`, a file or a folder, else in the usual folders below `root`.

    Raises:
        NoArmNnError: the library is not there.
    """
    if path is not None and path.is_file():
        return path
    folders = [root / folder for folder in _FOLDERS] if path is None else [path, path / "lib", path / "delegate"]
    for folder in folders:
        for library in (folder / _LIBRARY, *sorted(folder.glob(f"{_LIBRARY}.*"), reverse=True)):
            if library.is_file():
                return library
    searched = str(path) if path is not None else ", ".join(f"/{folder}" for folder in _FOLDERS)
    raise NoArmNnError(
        f"{_LIBRARY} is not in {searched}; unpack a release of github.com/ARM-software/armnn "
        f"(ArmNN-linux-aarch64.tar.gz) and pass --armnn_path=FOLDER, {_WITHOUT}"
    )
