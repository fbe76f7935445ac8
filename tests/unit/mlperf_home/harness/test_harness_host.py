"""What the machine does not tell is None, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlperf_home.harness.host import cgroup_cpu_quota, host_state, peak_memory_bytes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"a/b": "150000 100000"}, (1.5, "")),
        ({"a/b": "max 100000", "a": "50000 100000"}, (0.5, "")),
        ({"a/b": "max 100000"}, (None, "no limit is set")),
        ({}, (None, "no limit is set")),
    ],
)
def test_the_tightest_quota_counts(tmp_path: Path, limits: dict[str, str], expected: tuple[float | None, str]) -> None:
    root = tmp_path / "cgroup"
    (root / "a" / "b").mkdir(parents=True)
    for group, text in limits.items():
        (root / group / "cpu.max").write_text(text, "ascii")
    membership = tmp_path / "membership"
    membership.write_text("0::/a/b\n", "utf-8")
    assert cgroup_cpu_quota(root, membership) == expected


def test_no_control_group(tmp_path: Path) -> None:
    assert cgroup_cpu_quota(tmp_path, tmp_path / "absent")[0] is None
    membership = tmp_path / "membership"
    membership.write_text("4:cpu:/x\n", "utf-8")
    assert cgroup_cpu_quota(tmp_path, membership) == (None, "no version 2 control group")


def test_this_machine_answers() -> None:
    state = host_state()
    assert state["affinity_cpus"]
    assert state["cgroup_cpu_quota"] is not None or state["cgroup_cpu_quota_reason"]
    assert peak_memory_bytes() > 1_000_000
