"""The choice between the two TFLite packages, if the user names none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.environments import ENVIRONMENTS, LockedEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    HasPython = Callable[[tuple[int, int], tuple[int, int]], bool]

# The faster one first: 2 to 9 times on x86-64, where both were measured (docs/mobilenet.md).
_PACKAGES = {"litert": "ai-edge-litert", "tflite": "tflite-runtime"}
_FASTER = "several times as fast as tflite-runtime where both were measured"
_ADVICE = "use an environment that has one, with --adr.workload-environment.environment=PYTHON"


class NoTfliteError(Exception):
    """Neither package can be used; the text has the reasons."""


@dataclass(frozen=True)
class Choice:
    """The name of a backend, and the reason of its choice."""

    backend: str
    why: str


def choose(machine: str, libc: str | None, has_python: HasPython) -> Choice:
    """Choose the first package that has a wheel for the machine and a Python to run in.

    Args:
        machine: the instruction set ("x86_64").
        libc: the C library and its version ("glibc 2.36"); None if unknown.
        has_python: whether a CPython from the first version to below the second exists or can be installed.

    Raises:
        NoTfliteError: neither package has both.
    """
    obstacles: dict[str, str] = {}
    for name, package in _PACKAGES.items():
        obstacle = _obstacle(ENVIRONMENTS[name], machine, libc, has_python)
        if not obstacle:
            before = f"{'; '.join(obstacles.values())}; " if obstacles else ""
            speed = f"{_FASTER}, and " if name == "litert" else ""
            return Choice(name, f"{before}{package} is {speed}available for this machine ({machine}, {libc})")
        obstacles[name] = f"{package} {obstacle}"
    raise NoTfliteError(f"no TFLite for this machine: {'; '.join(obstacles.values())}; {_ADVICE}")


def choose_installed(versions: Mapping[str, str], where: str) -> Choice:
    """Choose the first package that an environment has, by its packages' versions; `where` is its Python.

    Raises:
        NoTfliteError: the environment has neither package.
    """
    for name, package in _PACKAGES.items():
        if package in versions:
            return Choice(name, f"{where} has {package} {versions[package]}")
    raise NoTfliteError(f"{where}: has neither {' nor '.join(_PACKAGES.values())}; install one there")


def _obstacle(environment: LockedEnvironment, machine: str, libc: str | None, has_python: HasPython) -> str:
    """Return the reason for which an environment cannot be installed; "" if it can."""
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
