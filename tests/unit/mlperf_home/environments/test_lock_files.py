"""The lock files are complete, hashed, without addresses, and have one version for each Python and machine."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from mlperf_home.environments import ENVIRONMENTS, LockedEnvironment

EVERY = [
    pytest.param(environment, f"3.{minor}", machine, id=f"{environment.name}-3.{minor}-{machine}")
    for environment in ENVIRONMENTS.values()
    for minor in range(environment.minimum[1], environment.below[1])
    for machine in ("x86_64", "aarch64")
]


def blocks(environment: LockedEnvironment) -> list[str]:
    text = environment.lock.read_text(encoding="utf-8")
    return [block for block in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE) if not block.startswith("#")]


def requirements(environment: LockedEnvironment) -> list[Requirement]:
    lines = environment.requirements.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def locked_versions(environment: LockedEnvironment, python: str, machine: str) -> dict[str, Version]:
    """Return the installed versions; a package with two versions fails."""
    versions: dict[str, Version] = {}
    markers = {
        "sys_platform": "linux",
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.4",
    }
    for block in blocks(environment):
        requirement = Requirement(block.partition("\\")[0].strip())
        if requirement.marker is None or requirement.marker.evaluate(markers):
            name = canonicalize_name(requirement.name)
            assert name not in versions
            (specifier,) = requirement.specifier
            assert specifier.operator == "=="
            versions[name] = Version(specifier.version)
    return versions


@pytest.mark.parametrize(("environment", "python", "machine"), EVERY)
def test_locked_versions_meet_the_requirements(environment: LockedEnvironment, python: str, machine: str) -> None:
    versions = locked_versions(environment, python, machine)

    for requirement in requirements(environment):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_lock_file_has_only_packages_with_hashes(name: str) -> None:
    environment = ENVIRONMENTS[name]

    for block in blocks(environment):
        lines = [line.rstrip(" \\") for line in block.strip().splitlines()]
        assert len(lines) > 1, block
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", line) for line in lines[1:]), block
    text = environment.lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.parametrize("name", [name for name, environment in ENVIRONMENTS.items() if environment.compiled])
def test_loadgen_may_be_compiled(name: str) -> None:
    text = ENVIRONMENTS[name].lock.read_text(encoding="utf-8")

    assert "# compiled where there is no wheel: mlcommons-loadgen\n" in text


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_deepsparse_gets_compatible_versions(machine: str) -> None:
    for python in ("3.10", "3.11"):
        versions = {
            name: str(version) for name, version in locked_versions(ENVIRONMENTS["deepsparse"], python, machine).items()
        }

        assert versions["deepsparse"] == "1.8.0"
        assert versions["sparsezoo"] == "1.8.1"
        assert versions["onnx"] == "1.14.1"
        assert versions["numpy"].startswith("1.")
        assert versions["pydantic"].startswith("2.")
        assert versions["mlcommons-loadgen"] == "6.0.17"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_our_documents_can_be_read_in_every_environment(name: str) -> None:
    """`mlperf_home.contracts`, which all our modules there import, needs msgspec."""
    assert "msgspec" in {requirement.name for requirement in requirements(ENVIRONMENTS[name])}
