"""The lock files: complete, hashed, one version for each Python and machine, no places."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from mlperf_home.environments import ENVIRONMENTS, Environment

EVERY = [
    pytest.param(environment, f"3.{minor}", machine, id=f"{environment.name}-3.{minor}-{machine}")
    for environment in ENVIRONMENTS.values()
    for minor in range(environment.minimum[1], environment.below[1])
    for machine in ("x86_64", "aarch64")
]


def blocks(environment: Environment) -> list[str]:
    text = environment.lock.read_text(encoding="utf-8")
    return [block for block in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE) if not block.startswith("#")]


def wanted(environment: Environment) -> list[Requirement]:
    lines = environment.requirements.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def chosen(environment: Environment, python: str, machine: str) -> dict[str, Version]:
    """What is installed there; a name that occurs twice fails."""
    found: dict[str, Version] = {}
    surroundings = {
        "sys_platform": "linux",
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.4",
    }
    for block in blocks(environment):
        requirement = Requirement(block.partition("\\")[0].strip())
        if requirement.marker is None or requirement.marker.evaluate(surroundings):
            name = canonicalize_name(requirement.name)
            assert name not in found
            (specifier,) = requirement.specifier
            assert specifier.operator == "=="
            found[name] = Version(specifier.version)
    return found


@pytest.mark.parametrize(("environment", "python", "machine"), EVERY)
def test_each_python_and_machine_gets_what_is_asked_for(environment: Environment, python: str, machine: str) -> None:
    found = chosen(environment, python, machine)

    for requirement in wanted(environment):
        assert requirement.specifier.contains(found[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_package_has_hashes_and_there_is_nothing_else(name: str) -> None:
    environment = ENVIRONMENTS[name]

    for block in blocks(environment):
        lines = [line.rstrip(" \\") for line in block.strip().splitlines()]
        assert len(lines) > 1, block
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", line) for line in lines[1:]), block
    text = environment.lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.parametrize("name", [name for name, each in ENVIRONMENTS.items() if each.compiled])
def test_loadgen_may_be_compiled_and_has_its_source(name: str) -> None:
    text = ENVIRONMENTS[name].lock.read_text(encoding="utf-8")

    assert "# compiled where there is no wheel: mlcommons-loadgen\n" in text


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_deepsparse_gets_the_versions_it_works_with(machine: str) -> None:
    for python in ("3.10", "3.11"):
        found = {name: str(version) for name, version in chosen(ENVIRONMENTS["deepsparse"], python, machine).items()}

        assert found["deepsparse"] == "1.8.0"
        assert found["sparsezoo"] == "1.8.1"
        assert found["onnx"] == "1.14.1"
        assert found["numpy"].startswith("1.")
        assert found["pydantic"].startswith("2.")
        assert found["mlcommons-loadgen"] == "6.0.17"
