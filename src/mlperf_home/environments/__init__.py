"""Lock files of the workload's environments, with exact versions and a hash for every file.

    python -m mlperf_home.environments

resolves the `.in` files beside this module again and rewrites the locks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class LockedEnvironment:
    """An environment with a lock file.

    Attributes:
        minimum: the oldest Python in the lock.
        below: the first newer Python without wheels.
        why: the reason for these bounds, for messages.
        compiled: packages that may be compiled if they have no wheel.
        oldest_glibc: the oldest C library for the engine's wheels (their manylinux tags) by machine; empty if it is not
            checked before the installation.
    """

    name: str
    minimum: tuple[int, int]
    below: tuple[int, int]
    why: str
    compiled: tuple[str, ...] = ("mlcommons-loadgen",)
    oldest_glibc: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def requirements(self) -> Path:
        """The file of requirements."""
        return _FOLDER / f"{self.name}.in"

    @property
    def lock(self) -> Path:
        """The lock file."""
        return _FOLDER / f"{self.name}.txt"


ENVIRONMENTS = {
    environment.name: environment
    for environment in (
        LockedEnvironment(
            "deepsparse",
            (3, 10),
            (3, 12),
            "DeepSparse 1.8.0 has wheels for CPython 3.8 to 3.11",
            oldest_glibc={"x86_64": (2, 17), "aarch64": (2, 17)},
        ),
        LockedEnvironment(
            "onnxruntime",
            (3, 10),
            (3, 14),
            "LoadGen 6.0.17 has wheels for CPython 3.9 to 3.13",
            oldest_glibc={"x86_64": (2, 28), "aarch64": (2, 28)},
        ),
        LockedEnvironment(
            "openvino",
            (3, 10),
            (3, 14),
            "LoadGen 6.0.17 has wheels for CPython 3.9 to 3.13",
            oldest_glibc={"x86_64": (2, 28), "aarch64": (2, 35)},
        ),
        LockedEnvironment("nncf", (3, 10), (3, 14), "quantising is tested with CPython 3.10 to 3.13", compiled=()),
        LockedEnvironment("images", (3, 10), (3, 14), "preprocessing is tested with CPython 3.10 to 3.13", compiled=()),
        LockedEnvironment("racing", (3, 10), (3, 14), "races are tested with CPython 3.10 to 3.13", compiled=()),
        LockedEnvironment("optuna", (3, 10), (3, 14), "searching is tested with CPython 3.10 to 3.13", compiled=()),
        LockedEnvironment("fleet", (3, 10), (3, 14), "fleets are tested with CPython 3.10 to 3.13", compiled=()),
        LockedEnvironment("serving", (3, 10), (3, 14), "services are tested with CPython 3.10 to 3.13", compiled=()),
        LockedEnvironment("machine", (3, 10), (3, 15), "measured machines need CPython 3.10", compiled=()),
        LockedEnvironment("pictures", (3, 10), (3, 14), "drawing is tested with CPython 3.10 to 3.13", compiled=()),
        LockedEnvironment(
            "tflite",
            (3, 10),
            (3, 12),
            "tflite-runtime 2.14.0 has wheels for CPython 3.9 to 3.11",
            oldest_glibc={"x86_64": (2, 17), "aarch64": (2, 34)},
        ),
        LockedEnvironment(
            "litert",
            (3, 10),
            (3, 14),
            "LoadGen 6.0.17 has wheels for CPython 3.9 to 3.13",
            oldest_glibc={"x86_64": (2, 27), "aarch64": (2, 27)},
        ),
    )
}
