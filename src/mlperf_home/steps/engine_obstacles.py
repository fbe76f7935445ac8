"""The reasons for which an engine's environment cannot be installed on a machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scriptgraph.api import ScriptGraphError, Version, find_interpreter

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_home.environments import LockedEnvironment

    HasPython = Callable[[Version, Version], bool]


def obstacle(environment: LockedEnvironment, machine: str, libc: str | None, has_python: HasPython) -> str:
    """Return the reason for which an environment cannot be installed; "" if it can.

    Args:
        environment: the environment.
        machine: the instruction set ("x86_64").
        libc: the C library and its version ("glibc 2.36"); None if unknown.
        has_python: whether a CPython from the first version to below the second exists or can be installed.
    """
    oldest = environment.oldest_glibc.get(machine)
    if oldest is None:
        return f"has no wheel for {machine}"
    version = re.match(r"glibc (\d+)\.(\d+)", libc or "")
    if not version or tuple(map(int, version.groups())) < oldest:
        return f"needs glibc {oldest[0]}.{oldest[1]} or newer, and this machine has {libc or 'another C library'}"
    if not has_python(environment.minimum, environment.below):
        low, high = (".".join(map(str, each)) for each in (environment.minimum, environment.below))
        return f"needs CPython from {low} to below {high}, which this machine lacks"
    return ""


def can_have_python(minimum: Version, below: Version, *, offline: bool) -> bool:
    """Whether a CPython from the first version to below the second exists, or can be installed."""
    if not offline:
        return True  # uv installs a missing one
    try:
        find_interpreter(minimum, below)
    except ScriptGraphError:
        return False
    return True
