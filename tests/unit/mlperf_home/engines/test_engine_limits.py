"""Cores and memory are read from the kernel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mlperf_home.engines import engine, memory
from mlperf_home.engines.base import BackendError
from mlperf_home.engines.onnx import deepsparse

if TYPE_CHECKING:
    from pathlib import Path


def _machine(root: Path, core_of_cpu: list[int], quota: str | None = None) -> Path:
    for cpu, core in enumerate(core_of_cpu):
        topology = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        topology.mkdir(parents=True)
        (topology / "physical_package_id").write_text("0\n")
        (topology / "core_id").write_text(f"{core}\n")
    if quota is not None:
        (root / "proc/self").mkdir(parents=True)
        (root / "proc/self/cgroup").write_text("0::/\n")
        (root / "sys/fs/cgroup").mkdir(parents=True)
        (root / "sys/fs/cgroup/cpu.max").write_text(quota)
    return root


@pytest.mark.parametrize(
    ("core_of_cpu", "quota", "expected"),
    [
        ([0, 1, 2, 3], None, 4),
        ([0, 0, 1, 1], None, 2),
        ([0, 1, 2, 3], "max 100000\n", 4),
        ([0, 1, 2, 3], "250000 100000\n", 2),
        ([0, 1, 2, 3], "50000 100000\n", 1),
        ([0, 1, 2, 3], "nonsense\n", 4),
        ([], None, 4),
    ],
)
def test_physical_cores_within_the_quota_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, core_of_cpu: list[int], quota: str | None, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert engine.usable_cores(root=_machine(tmp_path, core_of_cpu, quota)) == expected


def test_cores_outside_the_affinity_mask_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2})
    root = _machine(tmp_path, [0, 1, 2, 3])
    assert engine.usable_cores(root=root) == 1
    with pytest.raises(BackendError, match="2 cores were requested; this process may use 1 to 1"):
        engine.usable_cores(2, root=root)


def test_requested_cores_take_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert engine.usable_cores(1, root=_machine(tmp_path, [0, 0, 1, 1])) == 1
    with pytest.raises(BackendError):
        engine.usable_cores(0, root=tmp_path)


def test_memory_is_read_from_the_machine(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 2048 kB\nMemAvailable:    1024 kB\n")
    assert memory.available_bytes(tmp_path / "meminfo") == 1 << 20
    (tmp_path / "statm").write_text("100 3 1 1 0 1 0\n")
    assert memory.resident_bytes(tmp_path) == 3 * os.sysconf("SC_PAGE_SIZE")


def test_memory_is_unknown_without_proc(tmp_path: Path) -> None:
    assert memory.available_bytes(tmp_path / "none") is None
    assert memory.resident_bytes(tmp_path / "none") is None
    (tmp_path / "meminfo").write_text("MemTotal: 2048 kB\n")
    assert memory.available_bytes(tmp_path / "meminfo") is None


def test_engines_that_fit_are_not_refused() -> None:
    deepsparse.check_memory(1 << 30, 3, 3 << 30)
    deepsparse.check_memory(1 << 30, 3, None)
    with pytest.raises(BackendError, match="DEEPSPARSE_SEQLENS"):
        deepsparse.check_memory(1 << 30, 3, 2 << 30)
