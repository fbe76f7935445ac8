"""The options of containers: each mistake is one line, before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scriptgraph.cli.commands.decoder import decode
from scriptgraph.cli.commands.script import script_command
from scriptgraph.cli.container.options import ContainerOptions, read_container_options
from scriptgraph.errors import RequestError
from scriptgraph.product import Product

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def product(tmp_path: Path) -> Product:
    for name in ("own", "fast", "small"):
        (tmp_path / f"{name}.txt").touch()
    return Product("product", "cm_product", tmp_path, "PRODUCT_CACHE", locks=tmp_path, own_lock="own")


def read(product: Product, action: str = "docker", **options: Any) -> ContainerOptions:
    command = {"action": action, "automation": "script", "tags": "detect,os", **options}
    return read_container_options(decode(script_command(action, product), command), product)


def test_podmans_command_means_podman(product: Product) -> None:
    assert read(product).engine == ""
    assert read(product, "podman").engine == "podman"
    assert read(product, "podman", container_engine="docker").engine == "docker"


@pytest.mark.parametrize(("text", "size"), [("8g", 8 << 30), ("512M", 512 << 20), (str(64 << 20), 64 << 20)])
def test_memory_has_units(product: Product, text: str, size: int) -> None:
    assert read(product, docker_memory=text).memory_bytes == size


def test_a_variable_has_its_text_or_the_shells(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "of the shell")

    options = read(product, docker_env={"TOKEN": True, "COUNT": "1", "WORD": "yes"})

    assert options.env == {"TOKEN": "of the shell", "COUNT": "1", "WORD": "yes"}


def test_a_base_may_have_a_digest(product: Product) -> None:
    name = f"python:3.11-slim@sha256:{'a' * 64}"

    assert read(product, docker_base_image=name).base_image == name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"with": "fats"}, "--with=fats: is no environment; did you mean fast?"),
        ({"with": "own"}, "--with=own: is no environment"),
        ({"docker_memory": "8"}, "--docker_memory=8: must be at least 6m"),
        ({"docker_memory": "much"}, "write a size like 8g"),
        ({"docker_cpuset": "0-"}, "is not a list of CPUs; write one like 0-3,8"),
        ({"docker_env": {"A-B": "1"}}, "is not the name of a variable"),
        ({"docker_env": {"ABSENT_HERE": True}}, "has no value here"),
        ({"docker_env": "A"}, "needs a key"),
        ({"docker_env": {"A": False}}, "needs one value"),
        ({"docker_base_image": "python:3.11@sha256:abc"}, "is not the name of an image"),
        ({"docker_base_image": "--privileged"}, "is not the name of an image"),
        ({"container_engine": "lxc"}, "must be one of docker, podman"),
        ({"docker_wheels": "/nowhere"}, "has no wheel"),
        ({"docker_certificates": "/nowhere"}, "is not a file"),
        ({"docker_mounts": "/nowhere/at/all"}, "does not exist; name a folder"),
    ],
)
def test_a_wrong_option_is_named(product: Product, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=r"^--") as raised:
        read(product, **options)

    assert message in str(raised.value)
