"""The import of DeepSparse does not use the network, and its failures are explained."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlperf_home.engines.base import BackendError
from mlperf_home.engines.onnx import deepsparse

SOURCE = Path(__file__).parents[5] / "src"


@pytest.mark.engine
def test_the_import_resolves_no_name() -> None:
    pytest.importorskip("deepsparse")
    program = (
        "import socket\n"
        "def refuse(*_, **__): raise SystemExit('a name was resolved')\n"
        "socket.getaddrinfo = socket.gethostbyname = socket.create_connection = socket.socket.connect = refuse\n"
        "from mlperf_home.engines.onnx import deepsparse\n"
        "import threading\n"
        "library = deepsparse.load()\n"
        "for thread in threading.enumerate():\n"
        "    assert thread is threading.main_thread(), thread\n"
        "print(deepsparse.instruction_set(library.cpu.cpu_architecture()))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "NM_DISABLE_ANALYTICS"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def _import_fails_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(_: str) -> None:
        raise error

    monkeypatch.setattr(deepsparse.importlib, "import_module", refuse)


def test_reports_and_inexact_emulation_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NM_DISABLE_ANALYTICS", "")
    monkeypatch.setenv("NM_FAST_VNNI_EMULATION", "1")
    seen: dict[str, str | None] = {}

    def look(_: str) -> object:
        seen.update({name: os.environ.get(name) for name in ("NM_DISABLE_ANALYTICS", "NM_FAST_VNNI_EMULATION")})
        return object()

    monkeypatch.setattr(deepsparse.importlib, "import_module", look)
    deepsparse.load()
    assert seen == {"NM_DISABLE_ANALYTICS": "1", "NM_FAST_VNNI_EMULATION": None}


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ((3, 11, 4), "install deepsparse==1.8.0"),
        ((3, 12, 1), "has no wheels for Python 3.12; use CPython 3.8 to 3.11, or the onnxruntime backend"),
    ],
)
def test_an_absent_library_is_explained(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], words: str
) -> None:
    _import_fails_with(monkeypatch, ModuleNotFoundError("no", name="deepsparse"))
    monkeypatch.setattr(deepsparse.sys, "version_info", version)
    with pytest.raises(BackendError) as caught:
        deepsparse.load()
    assert words in str(caught.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _import_fails_with(monkeypatch, ModuleNotFoundError("no", name="pydantic"))
    with pytest.raises(BackendError, match="the package pydantic is missing"):
        deepsparse.load()


def test_an_unknown_cpu_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    _import_fails_with(monkeypatch, OSError("Unable to determine instruction set 'sse4'"))
    with pytest.raises(BackendError, match=r"'sse4'.*AVX2, AVX-512 or Arm NEON; use the onnxruntime backend"):
        deepsparse.load()


@pytest.mark.parametrize(
    ("cpu", "words"),
    [
        ({"isa": "avx512", "vnni": True}, []),
        ({"isa": "avx512", "vnni": False}, ["no VNNI instructions: int8 models are emulated"]),
        ({"isa": "avx2", "vnni": True}, ["AVX2 but no AVX-512"]),
        ({"isa": "avx2", "vnni": False}, ["AVX2 but no AVX-512", "no VNNI"]),
        ({"isa": "neon", "dotprod": True, "vnni": False}, []),
        ({"isa": "neon", "dotprod": False}, ["no dot product instructions (asimddp)"]),
        ({"isa": "sve"}, ["no dot product"]),
        ({}, ["DeepSparse has no code for this CPU's instruction set (unknown)"]),
    ],
)
def test_missing_instructions_are_explained(cpu: dict[str, object], words: list[str]) -> None:
    warnings = deepsparse.cpu_warnings(cpu)
    assert len(warnings) == len(words)
    for sentence, word in zip(warnings, words, strict=True):
        assert word in sentence


def test_the_instruction_set_names_its_extensions() -> None:
    assert deepsparse.instruction_set({"isa": "avx512", "vnni": True, "bf16": False}) == "avx512_vnni"
    assert deepsparse.instruction_set({}) == "unknown"
