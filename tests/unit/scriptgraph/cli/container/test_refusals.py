"""Messages of engines are decoded, with a remedy."""

from __future__ import annotations

import pytest

from scriptgraph.cli.container.refusals import explain

MESSAGES = {
    "runc, rlimits": (
        ("Error: runc: runc create failed: unable to start container process: error setting rlimits for ready process: "
        "error setting rlimit type 7: operation not permitted: OCI permission denied"),
        "rlimits",
        "default_ulimits",
    ),
    "crun, rlimits": (
        "Error: crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied",
        "rlimits",
        "CAP_SYS_RESOURCE",
    ),
    "podman 4, init": (
        ("Error: container-init binary not found on the host: stat /usr/libexec/podman/catatonit: no such file or "
        "directory"),
        "init",
        "apt install catatonit",
    ),
    "podman 5, init": (
        'Error: lookup init binary: could not find "catatonit" in one of [/usr/local/libexec/podman]',
        "init",
        "apt install catatonit",
    ),
    "docker, init": (
        'docker: Error response from daemon: exec: "docker-init": executable file not found in $PATH.',
        "init",
        "tini",
    ),
    "crun, cpuset": (
        "Error: crun: the requested cgroup controller `cpuset` is not available: OCI runtime error",
        "cpuset",
        "Delegate=",
    ),
    "docker, CPUs": (
        "docker: Error response from daemon: Requested CPUs are not available - requested 64, available: 0-3.",
        "",
        "--docker_cpuset",
    ),
    "podman, limits": (
        "Error: invalid configuration, cannot specify resource limits without cgroups v2 and --cgroup-manager=systemd",
        "cpuset",
        "--docker_memory",
    ),
    "crun, memory": (
        "Error: crun: opening file `memory.max` for writing: Permission denied: OCI permission denied",
        "",
        "--docker_memory",
    ),
    "runc, systemd": (
        ("Error: runc: systemd cgroup flag passed, but systemd support for managing cgroups is not available: OCI "
        "runtime error"),
        "cgroup manager",
        "cgroupfs",
    ),
    "crun, cgroups": (
        "Error: crun: creating cgroup directory `/sys/fs/cgroup/devices/libpod_parent`: Permission denied",
        "cgroup manager",
        "/sys/fs/cgroup",
    ),
    "podman, subuid": (
        'Error: cannot find mappings for user alice: no subuid ranges found for user "alice" in /etc/subuid',
        "user namespace",
        "--add-subuids",
    ),
    "podman, uidmap": (
        ('Error: command required for rootless mode with multiple IDs: exec: "newuidmap": executable file not found in '
        "$PATH"),
        "user namespace",
        "apt install uidmap",
    ),
    "podman, network": (
        ("Error: could not find slirp4netns, the network namespace can't be configured: exec: \"slirp4netns\": "
        "executable file not found in $PATH"),
        "network",
        "slirp4netns",
    ),
    "docker, group": (
        "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
        "",
        "group docker",
    ),
    "docker, daemon": (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        "",
        "systemctl start docker",
    ),
    "podman, no image": (
        ("Error: initializing source docker://nowhere:1: reading manifest 1 in docker.io/library/nowhere: requested "
        "access to the resource is denied"),
        "",
        "--docker_base_image",
    ),
    "docker, no image": (
        "Error response from daemon: manifest for python:nowhere not found: manifest unknown: manifest unknown",
        "",
        "--docker_base_image",
    ),
    "podman, certificate": (
        ('Error: pinging container registry docker.io: Get "https://registry-1.docker.io/v2/": tls: failed to verify '
        "certificate: x509: certificate signed by unknown authority"),
        "",
        "--docker_certificates",
    ),
    "pip, no network": (
        "WARNING: Retrying (Retry(total=4)): [Errno -3] Temporary failure in name resolution: /simple/cmind/",
        "",
        "--docker_wheels",
    ),
    "docker, BuildKit": (
        "ERROR: BuildKit is enabled but the buildx component is missing or broken.",
        "",
        "docker-buildx",
    ),
    "disk": ("Error: copying layers: write /var/tmp/x: no space left on device", "", "system prune"),
    "overlay": (
        ("Error: 'overlay' is not supported over overlayfs, a mount_program is required: backing file system is "
        "unsupported for this graph driver"),
        "",
        "vfs",
    ),
    "apt": ("E: Unable to locate package git", "", "--docker_base_image"),
    "runtime": ('Error: default OCI runtime "crun" not found: invalid argument', "runtime", "apt install crun"),
}  # fmt: skip


@pytest.mark.parametrize("case", MESSAGES)
def test_a_message_is_decoded_with_its_remedy(case: str) -> None:
    message, without, remedy = MESSAGES[case]

    refusal = explain(f"STEP 1/9: FROM base\n{message}\nexit status 125")

    assert refusal is not None
    assert next(iter(refusal.without), "") == without
    assert remedy in refusal.remedy


def test_an_unknown_message_stays_unexplained() -> None:
    assert explain("Error: the moon is in the way") is None
