"""The container that a process runs in: what was handed in, then marks of engines; what is unknown stays so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlperf_home.contracts.container import ContainerFacts
from mlperf_home.machine.container import FACTS_VARIABLE, read_container
from scriptgraph.cli.container import facts

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = f"sha256:{'a' * 64}"
HANDED = {
    "engine": "podman", "version": "4.3.1", "image_digest": DIGEST, "cpuset": "0-3", "memory_limit_bytes": 2 << 30,
    "rootless": True, "virtual_machine": "",
}  # fmt: skip


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_facts_that_were_handed_in_count(tmp_path: Path) -> None:
    write(tmp_path, "run/.containerenv", "")

    found = read_container(tmp_path, {FACTS_VARIABLE: json.dumps(HANDED)})

    assert found == ContainerFacts(**HANDED)
    assert found.in_words() == "podman 4.3.1, rootless, CPUs 0-3, at most 2.0 GiB"
    assert found.kind == "podman container"


def test_the_variable_has_one_name() -> None:
    assert facts.FACTS_VARIABLE == FACTS_VARIABLE


def test_outside_of_containers_there_is_none(tmp_path: Path) -> None:
    assert read_container(tmp_path, {}) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 3}', '{"image_digest": "latest"}', "x" * 100_000])
def test_a_damaged_variable_gives_way_to_marks(tmp_path: Path, text: str) -> None:
    write(tmp_path, ".dockerenv", "")

    assert read_container(tmp_path, {FACTS_VARIABLE: text}) == ContainerFacts(engine="docker")


def test_podmans_mark_tells_engine_and_image(tmp_path: Path) -> None:
    marks = f'engine="podman-5.2.0"\nname="x"\nid="y"\nimage="private/x"\nimageid="{"a" * 64}"\nrootless=1\n'
    write(tmp_path, "run/.containerenv", marks)

    expected = ContainerFacts(engine="podman", version="5.2.0", image_digest=DIGEST, rootless=True)
    assert read_container(tmp_path, {}) == expected


@pytest.mark.parametrize("marks", ["", 'engine="\x1b[2J"\nimageid="no digest"\nrootless=maybe\n'])
def test_an_empty_or_odd_mark_tells_podman_alone(tmp_path: Path, marks: str) -> None:
    write(tmp_path, "run/.containerenv", marks)

    assert read_container(tmp_path, {}) == ContainerFacts(engine="podman")


@pytest.mark.parametrize(
    ("environ", "engine"),
    [
        ({"container": "lxc"}, "lxc"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({"container": "A B"}, None),
    ],
)
def test_other_containers_are_named(tmp_path: Path, environ: dict[str, str], engine: str | None) -> None:
    assert read_container(tmp_path, environ) == ContainerFacts(engine=engine)


def test_a_virtual_machine_is_part_of_the_kind() -> None:
    found = ContainerFacts(engine="docker", virtual_machine="Docker Desktop's virtual machine")

    assert found.kind == "docker container in Docker Desktop's virtual machine"
    assert ContainerFacts().in_words() == "unknown engine"
