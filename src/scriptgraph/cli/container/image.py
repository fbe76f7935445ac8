"""Build an image of this installation; engines keep unchanged layers."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.container.base_image import BaseImage, inspected
from scriptgraph.cli.container.dockerfile import ImageRecipe, dockerfile
from scriptgraph.cli.container.probe import ContainerRefusedError, done_without
from scriptgraph.cli.container.refusals import explain
from scriptgraph.immutable import Immutable
from scriptgraph.process.programs import run
from scriptgraph.python_env.environments import locked_names
from scriptgraph.python_env.own_wheel import write_own_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from scriptgraph.cli.container.network import NetworkSettings
    from scriptgraph.cli.container.options import ContainerOptions
    from scriptgraph.cli.container.settings import ContainerSettings
    from scriptgraph.product import Product

_FAULT = re.compile(r"(?:^|\s)(?:error|fatal|ERROR)\b[: ]", re.IGNORECASE)


class BuiltImage(Immutable):
    """An image that was built.

    Attributes:
        name: its name.
        digest: the engine's identifier, a digest that depends on all its layers; "" if the engine does not tell.
    """

    name: str
    digest: str


class ImageBuild(Immutable):
    """What an image is built with.

    Attributes:
        folder: the folder of the build's context and log.
        product: the product in the image.
        options: the options of the container.
        network: the way to the network.
        offline: whether nothing may be fetched.
        say: called with lines about what the engine refuses.
        progress: called with lines about the build.
    """

    folder: Path
    product: Product
    options: ContainerOptions
    network: NetworkSettings
    offline: bool
    say: Callable[[str], None]
    progress: Callable[[str], None]


def build_image(
    build: ImageBuild, base: BaseImage, settings: ContainerSettings
) -> tuple[BuiltImage, ContainerSettings]:
    """Write the build's context and build the image.

    Returns:
        The image, and the settings without what the engine refused.

    Raises:
        WheelError: the installation cannot be packed.
        ContainerRefusedError: the image cannot be built.
        OSError: the context cannot be written.
    """
    context = build.folder / "image"
    if context.exists():
        shutil.rmtree(context)
    context.mkdir(parents=True)
    text = dockerfile(_written(build, base, context))
    (context / "Dockerfile").write_text(text, encoding="utf-8")
    name = f"{build.product.name}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    log = build.folder / "build.log"
    build.progress(f"building {name} on {base.name}; its log is {log}")
    log.unlink(missing_ok=True)
    secret = build.folder / "index.env"
    try:
        _write_private(secret, build.network.index_script())
        settings = _built(build, settings, name, secret, log)
    finally:
        secret.unlink(missing_ok=True)
    facts = inspected(settings.engine_words(), name)
    return BuiltImage(name, _digest(facts)), settings


def _built(build: ImageBuild, settings: ContainerSettings, name: str, secret: Path, log: Path) -> ContainerSettings:
    """Build the image; return the settings without what the engine refused."""
    context = build.folder / "image"
    env = {**os.environ, "DOCKER_BUILDKIT": "1"} if build.network.index else dict(os.environ)
    while True:
        # A build that may fetch nothing has no network; its cached layers need none.
        network = ["--network=none"] if build.offline else []
        words = ["--secret", f"id=index,src={secret}"] if build.network.index else []
        # The names alone: the engine takes the values from its environment, and leaves them out of the image.
        words += [word for name in build.network.proxies for word in ("--build-arg", name)]
        argv = [
            *settings.engine_words(),
            "build",
            *settings.build_words(),
            *network,
            *words,
            "--tag",
            name,
            str(context),
        ]
        ended = run(argv, env=env, cwd=context, log=log)
        if ended.ok:
            return settings
        refusal = explain("\n".join(ended.last_lines))
        if refusal is None:
            lines = [line.strip() for line in ended.last_lines if line.strip()]
            last = next((line for line in reversed(lines) if _FAULT.search(line)), lines[-1] if lines else "no output")
            problem = f"the image cannot be built (status {ended.exit_code}: {last})"
            raise ContainerRefusedError(settings.engine.program, problem, "see its log", log)
        settings = done_without(settings, refusal, log, build.say, building=True)


def _written(build: ImageBuild, base: BaseImage, context: Path) -> ImageRecipe:
    """Write the files of the context; return what the Dockerfile has to know."""
    product, options, network = build.product, build.options, build.network
    wheel = write_own_wheel(product, context)
    locks = product.locks
    if locks is None:
        raise ContainerRefusedError(product.name, "has no lock files", "run it without a container")
    shutil.copyfile(locks / f"{product.own_lock}.txt", context / "requirements.txt")
    environments = {name: (locks / f"{name}.txt").read_text(encoding="utf-8") for name in options.environments}
    for name, text in environments.items():
        (context / f"{name}.txt").write_text(text, encoding="utf-8")
    if network.certificates is not None:
        shutil.copyfile(network.certificates, context / "certificates.pem")
    if options.wheels is not None:
        shutil.copytree(options.wheels, context / "wheels", ignore=_all_but_wheels)
    return ImageRecipe(
        base=base.name,
        wheel=wheel.name,
        environments=environments,
        labels=image_labels(product, base, wheel.name.split("-")[1], environments),
        compiler=platform.machine() != "x86_64",
        certificates=network.certificates is not None,
        wheels=options.wheels is not None,
        index=bool(network.index) and options.wheels is None,
    )


def image_labels(product: Product, base: BaseImage, version: str, environments: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of an image, by OCI's names, and whether it may be redistributed."""
    labels = {
        "org.opencontainers.image.title": product.name,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.base.name": base.name,
    }
    if base.digest:
        labels["org.opencontainers.image.base.digest"] = base.digest
    packages = {package for lock in environments.values() for package in locked_names(lock)}
    if reasons := [reason for package, reason in sorted(product.restricted.items()) if package in packages]:
        labels[f"{product.name}.redistribution"] = f"not to be redistributed: {'; '.join(reasons)}"
    return labels


def _all_but_wheels(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith(".whl")]


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _digest(facts: Mapping[str, Any] | None) -> str:
    """Return an image's identity as "sha256:HEX": podman leaves the first part out."""
    digest = str((facts or {}).get("Id", ""))
    return digest if digest.startswith("sha256:") or not digest else f"sha256:{digest}"
