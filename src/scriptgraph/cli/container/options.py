"""The options of a run in a container."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from scriptgraph.cli.commands.script import BASE_IMAGE
from scriptgraph.cli.commands.values import absolute
from scriptgraph.errors import RequestError, nearest
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.product import Product

_IMAGE = re.compile(r"[A-Za-z0-9][\w./:-]*(@sha256:[0-9a-f]{64})?")
_CPUS = re.compile(r"\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*")
_MEMORY = re.compile(r"([1-9]\d{0,15})([bkmgBKMG]?)")
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The least that docker accepts.
_LEAST_MEMORY = 6 << 20


class ContainerOptions(Immutable):
    """The options of a container.

    Attributes:
        engine: "docker" or "podman"; "" for the one that answers.
        base_image: the image to build on.
        environments: names of lock files whose environments become layers of the image.
        mounts: further folders to mount.
        env: values of variables in the container.
        cpuset: the CPUs to use, in the kernel's form ("0-3,8"); "" for all.
        memory_bytes: the most memory; 0 for no limit.
        wheels: a folder of wheels that replaces the package index; None without.
        certificates: a file of trusted certificates; None without.
        shell: whether to start a shell instead of the run.
        repository: the value of an option of 2023 that has no effect.
    """

    engine: str
    base_image: str
    environments: tuple[str, ...]
    mounts: tuple[str, ...]
    env: Mapping[str, str]
    cpuset: str
    memory_bytes: int
    wheels: Path | None
    certificates: Path | None
    shell: bool
    repository: str


def read_container_options(arguments: Arguments, product: Product) -> ContainerOptions:
    """Decode the options of a container.

    Raises:
        RequestError: an option has an invalid value.
    """
    engine = arguments.text("container_engine")
    if not engine and arguments.command.action == "podman":
        engine = "podman"
    folders = arguments.words("docker_mounts")
    for each in folders:
        if not absolute(each).exists():
            raise RequestError(f"--docker_mounts={each}: does not exist; name a folder or file")
    wheels, certificates = arguments.path("docker_wheels"), arguments.path("docker_certificates")
    if wheels is not None and not any(wheels.glob("*.whl")):
        raise RequestError(f"--docker_wheels={wheels}: has no wheel; name a folder that `pip download` filled")
    if certificates is not None and not certificates.is_file():
        raise RequestError(
            f"--docker_certificates={certificates}: is not a file; name one with certificates in PEM form"
        )
    return ContainerOptions(
        engine,
        _base_image(arguments),
        _environments(arguments, product),
        folders,
        _variables(arguments.values.get("docker_env", {})),
        _cpuset(arguments),
        _memory_bytes(arguments),
        wheels,
        certificates,
        arguments.on("docker_skip_run_cmd"),
        arguments.text("docker_cm_repo"),
    )


def _base_image(arguments: Arguments) -> str:
    image = arguments.text("docker_base_image") or BASE_IMAGE
    if not _IMAGE.fullmatch(image):
        raise RequestError(f"--docker_base_image={image}: is not the name of an image; write one like {BASE_IMAGE}")
    return image


def _environments(arguments: Arguments, product: Product) -> tuple[str, ...]:
    """Return the names of --with, each of which has a lock file."""
    names = tuple(dict.fromkeys(arguments.words("with")))
    known = sorted(path.stem for path in product.locks.glob("*.txt")) if product.locks else []
    known = [name for name in known if name != product.own_lock]
    for name in names:
        if name not in known:
            close = nearest(name, known, 1)
            hint = f"did you mean {close[0]}? It" if close else "it"
            raise RequestError(f"--with={name}: is no environment; {hint} may be one of {', '.join(known)}")
    return names


def _variables(pairs: Mapping[str, str | None]) -> dict[str, str]:
    """Return the variables of --docker_env; one without a value has that of this process."""
    found = {}
    for name, value in pairs.items():
        if not _VARIABLE.fullmatch(name):
            raise RequestError(f"--docker_env.{name}: is not the name of a variable; write letters, digits and _")
        if value is not None:
            found[name] = value
        elif name in os.environ:
            found[name] = os.environ[name]
        else:
            raise RequestError(f"--docker_env.{name}: has no value here; set the variable, or write =VALUE")
    return found


def _cpuset(arguments: Arguments) -> str:
    cpus = arguments.text("docker_cpuset")
    if cpus and not _CPUS.fullmatch(cpus):
        raise RequestError(f"--docker_cpuset={cpus}: is not a list of CPUs; write one like 0-3,8")
    return cpus


def _memory_bytes(arguments: Arguments) -> int:
    text = arguments.text("docker_memory")
    if not text:
        return 0
    found = _MEMORY.fullmatch(text)
    size = int(found[1]) * _UNITS[found[2].lower()] if found else 0
    if not _LEAST_MEMORY <= size < 1 << 60:
        raise RequestError(f"--docker_memory={text}: must be at least 6m; write a size like 8g or 512m")
    return size
