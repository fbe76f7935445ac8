"""The rows of a bundle: what its machine tells sets results apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from board_homes import needs_ssh
from unpacked_bundles import UnpackedBundle

from mlperf_home.contracts.leaderboard.events import Receipt
from mlperf_home.leaderboard.collect.rows import bundle_rows

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_ssh


@pytest.mark.parametrize(
    ("container", "confined"),
    [
        (None, "KVM"),
        ({"engine": "podman", "version": "4.3.1"}, "KVM, podman container"),
        (
            {"engine": "docker", "virtual_machine": "Docker Desktop's virtual machine"},
            "KVM, docker container in Docker Desktop's virtual machine",
        ),
    ],
)
def test_a_container_makes_a_class_of_its_own(
    bundles: dict[str, Path], tmp_path: Path, container: dict[str, str] | None, confined: str
) -> None:
    bundle = UnpackedBundle(bundles["unsigned"], tmp_path)
    bundle.change("machine.json", lambda machine: {**machine, "hypervisor": "KVM", "container": container})

    receipt = Receipt(
        number=1, batch=1, bundle="a" * 64, archive="a" * 64, taken_utc="", made_utc="", challenge="", results=1
    )

    (row,) = bundle_rows(bundle.root, receipt)

    assert row.of.confined == confined


def test_without_a_container_the_file_is_as_before(bundles: dict[str, Path], tmp_path: Path) -> None:
    bundle = UnpackedBundle(bundles["unsigned"], tmp_path)

    machine = json.loads((bundle.root / "machine.json").read_text())

    assert machine.get("container") is not None or "container" not in machine
