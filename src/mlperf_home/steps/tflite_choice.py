"""The choice between the two TFLite packages, if the user names none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.environments import ENVIRONMENTS
from mlperf_home.steps.engine_obstacles import obstacle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_home.steps.engine_obstacles import HasPython

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
        reason = obstacle(ENVIRONMENTS[name], machine, libc, has_python)
        if not reason:
            before = f"{'; '.join(obstacles.values())}; " if obstacles else ""
            speed = f"{_FASTER}, and " if name == "litert" else ""
            return Choice(name, f"{before}{package} is {speed}available for this machine ({machine}, {libc})")
        obstacles[name] = f"{package} {reason}"
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
