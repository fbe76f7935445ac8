"""ArmNN is found where it lies, and refused in words where it cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlperf_home.machine.armnn import NoArmNnError, delegate_options, find_delegate, require_device

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("place", ["usr/lib/aarch64-linux-gnu", "usr/local/lib", "opt/armnn"])
@pytest.mark.parametrize("name", ["libarmnnDelegate.so", "libarmnnDelegate.so.29.1"])
def test_it_is_found_in_the_usual_places(tmp_path: Path, place: str, name: str) -> None:
    library = tmp_path / place / name
    library.parent.mkdir(parents=True)
    library.touch()

    assert find_delegate(tmp_path, None) == library


def test_the_users_place_is_the_library_or_a_folder_with_it(tmp_path: Path) -> None:
    library = tmp_path / "unpacked" / "libarmnnDelegate.so"
    library.parent.mkdir()
    library.touch()

    assert find_delegate(tmp_path, library) == library
    assert find_delegate(tmp_path, library.parent) == library


@pytest.mark.parametrize("given", [True, False])
def test_where_it_is_not_it_is_said_where_it_was_looked_for_and_what_to_do(tmp_path: Path, *, given: bool) -> None:
    with pytest.raises(NoArmNnError) as caught:
        find_delegate(tmp_path, tmp_path if given else None)

    assert f"libarmnnDelegate.so is not in {tmp_path if given else '/usr/local/lib, '}" in str(caught.value)
    assert "ARM-software/armnn" in str(caught.value)
    assert "--armnn_path=FOLDER" in str(caught.value)


def test_it_is_for_arm_alone() -> None:
    require_device("neon", "aarch64", lambda: False)
    with pytest.raises(NoArmNnError, match="ArmNN runs on Arm processors, and this is x86_64"):
        require_device("neon", "x86_64", lambda: True)


def test_the_gpu_needs_opencl() -> None:
    require_device("opencl", "aarch64", lambda: True)
    with pytest.raises(NoArmNnError, match=r"libOpenCL\.so"):
        require_device("opencl", "aarch64", lambda: False)
    assert delegate_options("opencl").startswith("backends=GpuAcc")
    assert delegate_options("neon").startswith("backends=CpuAcc")
