"""Backends are made by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlperf_home.engines import registry
from mlperf_home.engines.base import BackendError

SOURCE = Path(__file__).parents[4] / "src"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(BackendError, match="'tensorrt': does not exist; use one of deepsparse, onnxruntime"):
        registry.make("tensorrt")


@pytest.mark.parametrize("name", registry.NAMES)
def test_every_name_makes_a_backend(name: str) -> None:
    backend = registry.make(name)
    backend.close()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise ModuleNotFoundError("no", name="onnx")

    monkeypatch.setattr(registry.importlib, "import_module", refuse)
    with pytest.raises(BackendError, match="the Python package onnx is missing"):
        registry.make("deepsparse")


def test_engines_are_imported_when_they_are_opened() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n"
        "from mlperf_home.engines import registry\n"
        "for name in registry.NAMES: registry.make(name)\n"
        "assert not {'deepsparse', 'onnxruntime', 'sparsezoo'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
