"""Lock files of the workload's environments: exact versions, a hash for every file.

    python -m mlperf_home.environments

chooses anew what the `.in` files beside this one leave open, and rewrites the locks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Environment:
    """One engine's environment.

    Attributes:
        minimum: the oldest Python that it is locked for.
        below: the first Python that has no wheels of it.
        why: what sets these bounds, for messages.
        compiled: packages that may be compiled where they have no wheel.
        oldest_glibc: by machine, the C library that the engine's wheels need (their manylinux tags); empty where it is
            not looked at before they are installed.
    """

    name: str
    minimum: tuple[int, int]
    below: tuple[int, int]
    why: str
    compiled: tuple[str, ...] = ("mlcommons-loadgen",)
    oldest_glibc: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def requirements(self) -> Path:
        """What is asked for."""
        return _FOLDER / f"{self.name}.in"

    @property
    def lock(self) -> Path:
        """What was chosen."""
        return _FOLDER / f"{self.name}.txt"


ENVIRONMENTS = {
    each.name: each
    for each in (
        Environment("deepsparse", (3, 10), (3, 12), "DeepSparse 1.8.0 has wheels for CPython 3.8 to 3.11"),
        Environment("onnxruntime", (3, 10), (3, 14), "LoadGen 6.0.17 has wheels for CPython 3.9 to 3.13"),
        Environment("images", (3, 10), (3, 14), "preprocessing is tried with CPython 3.10 to 3.13", compiled=()),
        Environment("optuna", (3, 10), (3, 14), "searching is tried with CPython 3.10 to 3.13", compiled=()),
        Environment("pictures", (3, 10), (3, 14), "drawing is tried with CPython 3.10 to 3.13", compiled=()),
        Environment(
            "tflite",
            (3, 10),
            (3, 12),
            "tflite-runtime 2.14.0 has wheels for CPython 3.9 to 3.11",
            oldest_glibc={"x86_64": (2, 17), "aarch64": (2, 34)},
        ),
        Environment(
            "litert",
            (3, 10),
            (3, 14),
            "LoadGen 6.0.17 has wheels for CPython 3.9 to 3.13",
            oldest_glibc={"x86_64": (2, 27), "aarch64": (2, 27)},
        ),
    )
}
