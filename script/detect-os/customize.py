"""Detect the operating system."""

from mlperf_home.machine.operating_system import read_os
from scriptgraph.api import Context, Done, Outcome


def preprocess(context: Context) -> Outcome:
    """Read os-release and uname; unknown values stay unset."""
    system = read_os()
    for name, reason in system.missing.items():
        context.say(f"{name} is unknown: {reason}")
    return Done(
        exports={
            "CM_HOST_OS_TYPE": "linux",
            "CM_HOST_OS_NAME": system.name,
            "CM_HOST_OS_FLAVOR": system.distribution,
            "CM_HOST_OS_VERSION": system.distribution_version,
            "CM_HOST_OS_KERNEL_VERSION": system.kernel,
            "CM_HOST_OS_LIBC": system.libc,
            "CM_HOST_PLATFORM_FLAVOR": system.machine,
        }
    )
