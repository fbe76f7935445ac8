"""ArmNN's library is found, or an error names the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlperf_home.machine.armnn import NoArmNnError, delegate_options, find_delegate, require_device

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("place", ["usr/lib/aarch64-linux-gnu", "usr/local/lib", "opt/armnn"])
@pytest.mark.parametrize("name", ["libarmnnDelegate.so", "libarmnnDelegate.so.29.1"])
def test_library_is_found_in_the_usual_folders(tmp_path: Path, place: str, name: str) -> None:
    library = tmp_path / place / name
    library.parent.mkdir(parents=True)
    library.touch()

    assert find_delegate(tmp_path, None) == library


def test_users_path_is_the_library_or_its_folder(tmp_path: Path) -> None:
    library = tmp_path / "unpacked" / "libarmnnDelegate.so"
    library.parent.mkdir()
    library.touch()

    assert find_delegate(tmp_path, library) == library
    assert find_delegate(tmp_path, library.parent) == library


@pytest.mark.parametrize("with_path", [True, False])
def test_missing_library_names_the_searched_folders_and_remedy(tmp_path: Path, *, with_path: bool) -> None:
    with pytest.raises(NoArmNnError) as caught:
        find_delegate(tmp_path, tmp_path if with_path else None)

    assert f"libarmnnDelegate.so is not in {tmp_path if with_path else '/usr/local/lib, '}" in str(caught.value)
    assert "ARM-software/armnn" in str(caught.value)
    assert "--armnn_path=FOLDER" in str(caught.value)


def test_armnn_needs_an_arm_processor() -> None:
    require_device("neon", "aarch64", lambda: False)
    with pytest.raises(NoArmNnError, match="ArmNN needs an Arm processor; this machine is x86_64; "):
        require_device("neon", "x86_64", lambda: True)


def test_gpu_needs_opencl() -> None:
    require_device("opencl", "aarch64", lambda: True)
    with pytest.raises(NoArmNnError, match=r"libOpenCL\.so"):
        require_device("opencl", "aarch64", lambda: False)
    assert delegate_options("opencl").startswith("backends=GpuAcc")
    assert delegate_options("neon").startswith("backends=CpuAcc")
