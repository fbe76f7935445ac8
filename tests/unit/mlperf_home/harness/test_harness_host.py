"""What the machine does not tell is None, with the reason."""

from __future__ import annotations

from mlperf_home.harness.host import host_state, peak_memory_bytes


def test_this_machine_answers() -> None:
    state = host_state()
    assert state["affinity_cpus"]
    assert state["cgroup_cpu_quota"] is not None or state["cgroup_cpu_quota_reason"]
    assert peak_memory_bytes() > 1_000_000
