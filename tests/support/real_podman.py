"""A real podman with a storage of its own, and a base image from a file; tests are skipped where it cannot run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE_VARIABLE = "MLPERF_HOME_TEST_BASE"
BASE = "localhost/test-base:1"
_IMPORT_S = 300.0


class RealPodman:
    """Podman's storage and settings for tests.

    Attributes:
        environment: the variables that podman needs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.environment = folder, dict(_settings(folder))

    def __call__(self, *words: str) -> str:
        """Run podman, and return its output."""
        env = {**os.environ, **self.environment}
        ended = subprocess.run(
            ["podman", *words], env=env, capture_output=True, text=True, check=False, timeout=_IMPORT_S
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def label(self, image: str, name: str) -> str:
        """Return a label of an image; "" without it."""
        (facts,) = json.loads(self("image", "inspect", image))
        return str((facts["Labels"] or {}).get(name, ""))


def _settings(folder: Path) -> Mapping[str, str]:
    """Write configuration files that keep all of podman's files in a folder."""
    storage, registries = folder / "storage.conf", folder / "registries.conf"
    driver = os.environ.get("STORAGE_DRIVER", "overlay")
    storage.write_text(f'[storage]\ndriver = "{driver}"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n')
    registries.write_text("unqualified-search-registries = []\n")
    return {"CONTAINERS_STORAGE_CONF": str(storage), "CONTAINERS_REGISTRIES_CONF": str(registries)}


def real_podman(folder: Path) -> RealPodman:
    """Return podman with the base image, or skip the test with the reason."""
    base = os.environ.get(BASE_VARIABLE)
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed: apt install podman buildah crun")
    if not base or not Path(base).is_file():
        pytest.skip(f"{BASE_VARIABLE} names no base image; .ci/container-base makes one")
    podman = RealPodman(folder)
    try:
        podman("import", base, BASE)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"podman does not run here: {error}")
    return podman
