"""What container engines refuse: their messages, decoded, with the remedy and the setting to do without.

The patterns fit messages of Docker, podman, buildah, runc and crun.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Without = Literal[
    "init",
    "rlimits",
    "cgroup manager",
    "runtime",
    "cgroups",
    "network",
    "user namespace",
    "cpuset",
    "labels",
    "build isolation",
]


class Refusal(NamedTuple):
    """A refusal of an engine.

    Attributes:
        pattern: a pattern of its messages.
        problem: what it refuses.
        remedy: what the user can do.
        without: the settings to try without, one after the other, because that changes nothing of a result.
    """

    pattern: str
    problem: str
    remedy: str
    without: tuple[Without, ...] = ()


REFUSALS = (
    Refusal(
        r"no space left on device|disk quota exceeded",
        "the disk with the engine's images is full",
        "make room: `docker system prune` or `podman system prune` removes what is not used",
    ),
    Refusal(
        r"permission denied while trying to connect to the docker",
        "this user may not use Docker",
        "join the group docker (`usermod --append --groups docker USER`) and log in again, or use podman",
    ),
    Refusal(
        r"cannot connect to the docker daemon|is the docker daemon running",
        "the engine does not run",
        "start it (systemctl start docker) and join the group docker",
    ),
    Refusal(
        r"container-init binary not found|lookup init binary|docker-init\W.*not found|catatonit.*no such file",
        "the engine has no program for --init",
        "install it (Debian, Ubuntu: apt install catatonit; for Docker: tini)",
        ("init",),
    ),
    Refusal(
        r"rlimit.*operation not permitted|setrlimit.*not permitted",
        "the engine may not raise limits of processes (rlimits)",
        'set default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"] in containers.conf, or give the right '
        "CAP_SYS_RESOURCE",
        ("rlimits", "build isolation"),
    ),
    Refusal(
        r"cpuset.*(?:not available|permission denied|read-only|no such file|not supported|not mounted)"
        r"|requested cgroup controller .?cpuset|does not support cpuset",
        "the engine may not bind a container to CPUs (cpuset)",
        "delegate the controller: Delegate=cpu cpuset memory pids for user@.service in systemd",
        ("cpuset",),
    ),
    Refusal(
        r"requested CPUs are not available|cpuset.*(?:numerical result out of range|invalid argument)",
        "the engine does not have these CPUs",
        "name CPUs that it has in --docker_cpuset",
    ),
    Refusal(
        r"memory limit.*(?:discarded|not supported)|cgroup controller .?memory|memory\.(?:max|limit_in_bytes)",
        "the engine may not limit memory",
        "leave out --docker_memory, or delegate the controller: Delegate=cpu cpuset memory pids for user@.service",
    ),
    Refusal(
        r"resource limits.*cgroups",
        "the engine may not limit CPUs or memory: without root, that needs control groups of version 2 and systemd",
        "leave out --docker_cpuset and --docker_memory, or run it as root",
        ("cpuset",),
    ),
    Refusal(
        r"cgroups in hybrid mode",
        "crun does not work with control groups of both versions",
        "install runc (Debian, Ubuntu: apt install runc), or start the machine with systemd.unified_cgroup_hierarchy=1",
        ("runtime", "build isolation"),
    ),
    Refusal(
        r"systemd cgroup flag|sd-bus|cgroup[\w .]*(?:systemd|manager)|interactive authentication required",
        "the engine manages control groups by systemd, which does not answer here",
        'set cgroup_manager = "cgroupfs" in containers.conf',
        ("cgroup manager", "runtime", "cgroups", "build isolation"),
    ),
    Refusal(
        r"\bcgroups?\b.*(?:permission denied|read-only|not permitted|no such file|not supported|cannot find|not found"
        r"|invalid argument)|mountpoint for devices not found",
        "the engine may not make control groups",
        "mount /sys/fs/cgroup writable, or use a rootless engine with systemd",
        ("cgroup manager", "runtime", "cgroups", "build isolation"),
    ),
    Refusal(
        r"newuidmap|newgidmap",
        "the engine cannot map users",
        "install the programs (Debian, Ubuntu: apt install uidmap), and give this user numbers: `usermod "
        "--add-subuids 100000-165535 --add-subgids 100000-165535 USER`, then `podman system migrate`",
        ("user namespace",),
    ),
    Refusal(
        r"subuid|subgid|not be enough ids|keep-id|insufficient uids",
        "this user has too few numbers for the users of containers",
        "`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER`, then `podman system migrate`",
        ("user namespace",),
    ),
    Refusal(
        r"default oci runtime|oci runtime .* not found|runtime.*executable file not found",
        "the engine has no program that starts containers",
        "install one (Debian, Ubuntu: apt install crun)",
        ("runtime",),
    ),
    Refusal(
        r"could not find slirp4netns|netavark|pasta\b|aardvark|\bcni\b|iptables|nftables|setup network"
        r"|network namespace",
        "the engine cannot make a network for containers",
        "install slirp4netns, passt or netavark (Debian, Ubuntu: apt install slirp4netns netavark)",
        ("network",),
    ),
    Refusal(
        r"manifest unknown|pull access denied|repository .* not found|does not exist or may require|not found: manifest"
        r"|requested access to the resource is denied|no such image|image not known|did not resolve to an alias",
        "the image does not exist in its registry, or needs a login",
        "name another by --docker_base_image, or log in to the registry (docker login, podman login)",
    ),
    Refusal(
        r"x509|certificate signed by unknown|certificate verify|unknownissuer",
        "a certificate is not trusted",
        "name the file with your certificates: --docker_certificates=FILE; a registry's go to /etc/containers/certs.d "
        "or /etc/docker/certs.d",
    ),
    Refusal(
        r"no such host|temporary failure (?:in name resolution|resolving)|dns error|lookup .* on |i/o timeout"
        r"|network is unreachable|connection timed out",
        "the network cannot be reached",
        "check the network and the proxy (HTTPS_PROXY), or use --docker_wheels=DIR and a base image that is here",
    ),
    Refusal(
        r"buildkit is enabled but the buildx",
        "Docker has no BuildKit, which passes the package index's address without leaving it in the image",
        "install docker-buildx (Debian, Ubuntu: apt install docker-buildx)",
    ),
    Refusal(
        r"overlay.*(?:not supported|unsupported)|kernel does not support overlay|backing file system is unsupported",
        "the engine's storage driver does not work on this file system",
        'set driver = "vfs" in storage.conf, or move its storage to a disk with ext4 or xfs',
    ),
    Refusal(
        r"we need 3\.10",
        "the base image's Python is older than 3.10",
        "name another by --docker_base_image, such as python:3.11-slim-bookworm",
    ),
    Refusal(
        r"unable to locate package|apt-get: not found|has no installation candidate",
        "the base image lacks programs, and its package manager does not have them",
        "name a Debian image with Python, git and certificates by --docker_base_image",
    ),
    Refusal(
        r"mount.*(?:proc|sysfs).*(?:not permitted|permission denied)",
        "the engine may not mount /proc: it runs in another container, or in a sandbox",
        "run it on the machine itself, or start the outer container with --privileged",
        ("build isolation",),
    ),
    Refusal(
        r"user namespace|clone.*operation not permitted|unshare.*(?:not permitted|invalid argument)",
        "the kernel allows no user namespaces",
        "set kernel.unprivileged_userns_clone=1 and user.max_user_namespaces=28633 by sysctl, or run as root",
    ),
)


def explain(output: str) -> Refusal | None:
    """Return the refusal that an engine's output tells of; None if it is unknown."""
    return next((each for each in REFUSALS if re.search(each.pattern, output, re.IGNORECASE)), None)
