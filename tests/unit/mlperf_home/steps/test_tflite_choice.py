"""The fastest TFLite package that a machine can run is chosen, with the reason."""

from __future__ import annotations

import pytest

from mlperf_home.steps.tflite_choice import NoTfliteError, choose, choose_installed

Version = tuple[int, int]


def any_python(_minimum: Version, _below: Version) -> bool:
    return True


@pytest.mark.parametrize(
    ("machine", "libc", "backend", "reason"),
    [
        ("x86_64", "glibc 2.36", "litert", "ai-edge-litert is several times as fast"),
        ("aarch64", "glibc 2.31", "litert", "aarch64, glibc 2.31"),
        ("x86_64", "glibc 2.17", "tflite", "ai-edge-litert needs glibc 2.27 or newer, and this machine has glibc 2.17"),
    ],
)
def test_the_fastest_package_with_a_wheel_is_chosen(machine: str, libc: str, backend: str, reason: str) -> None:
    chosen = choose(machine, libc, any_python)

    assert chosen.backend == backend
    assert reason in chosen.why


def test_the_python_of_the_machine_may_decide() -> None:
    chosen = choose("x86_64", "glibc 2.36", lambda _minimum, below: below == (3, 12))

    assert chosen.backend == "tflite"
    assert "ai-edge-litert needs CPython from 3.10 to below 3.14, which this machine lacks" in chosen.why


@pytest.mark.parametrize(
    ("machine", "libc", "reason"),
    [
        ("riscv64", "glibc 2.39", "ai-edge-litert has no wheel for riscv64; tflite-runtime has no wheel for riscv64"),
        ("x86_64", None, "needs glibc 2.27 or newer, and this machine has another C library"),
        ("aarch64", "glibc 2.17", "tflite-runtime needs glibc 2.34"),
    ],
)
def test_the_error_without_a_package_has_both_reasons(machine: str, libc: str | None, reason: str) -> None:
    with pytest.raises(NoTfliteError, match="no TFLite for this machine") as caught:
        choose(machine, libc, any_python)

    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("versions", "backend"),
    [
        ({"ai-edge-litert": "2.3.0", "tflite-runtime": "2.14.0"}, "litert"),
        ({"tflite-runtime": "2.14.0", "numpy": "1.26.4"}, "tflite"),
    ],
)
def test_a_package_of_the_users_environment_is_chosen(versions: dict[str, str], backend: str) -> None:
    chosen = choose_installed(versions, "/env/bin/python")

    assert chosen.backend == backend
    assert versions["ai-edge-litert" if backend == "litert" else "tflite-runtime"] in chosen.why


def test_an_environment_without_a_package_is_refused() -> None:
    with pytest.raises(NoTfliteError, match="/env/bin/python: has neither ai-edge-litert nor tflite-runtime"):
        choose_installed({"numpy": "2"}, "/env/bin/python")
