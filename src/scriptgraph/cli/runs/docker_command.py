"""`cm docker script`: build an image with this installation, and run a script in a container of it."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.commands.cmind_input import EXTRA, extra_words
from scriptgraph.cli.commands.script import BASE_IMAGE
from scriptgraph.cli.commands.values import absolute
from scriptgraph.cli.runs.run_options import read_run
from scriptgraph.errors import RequestError, ScriptGraphError
from scriptgraph.immutable import Immutable
from scriptgraph.planning.environment import as_text
from scriptgraph.planning.resolver import resolve
from scriptgraph.printable import printable
from scriptgraph.process.programs import ProcessFailed, capture, run, run_in_foreground

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.product import Product

HOME = "/home/cm"
# Characters that end a field of docker's --mount.
_ENDS_A_FIELD = frozenset(',"\n')
_CHECKOUT_FILES = ("cmr.yaml", "pyproject.toml", "setup.py", "MANIFEST.in", "LICENSE", "README.md", "CHANGELOG.md")
_CHECKOUT_FOLDERS = ("cm-repo", "script", "challenge", "src")
_TIMEOUT_S = 30.0


class DockerOptions(Immutable):
    """The options whose names begin with docker_.

    Attributes:
        base_image: the image to build on.
        mounts: further folders to mount.
        shell: whether to start a shell instead of the run.
        repository: the value of an option of 2023 that has no effect.
    """

    base_image: str
    mounts: tuple[str, ...]
    shell: bool
    repository: str


def run_in_docker(
    arguments: Arguments, product: Product, repository: Path, load: Callable[[], Registry]
) -> dict[str, Any]:
    """Build the image and run the request in a container; `error` reports an exit status other than 0.

    Raises:
        ScriptGraphError: an option is invalid, no Docker engine answers, or the image cannot be built.
        OSError: a folder cannot be written.
    """
    container = read_docker_options(arguments)
    request, options = read_run(arguments, product)
    # Report a wrong tag or option before minutes of building.
    manifest = resolve(request, load()).root.manifest
    kinds = {name.replace("-", "_"): option.kind for name, option in manifest.inputs.items()}
    inputs = {name.replace("-", "_"): value for name, value in request.inputs.items()}
    paths = {name: absolute(as_text(value)) for name, value in inputs.items() if kinds.get(name) == "path" and value}
    paths |= {name: path for name in ("cache_dir", "mirrors") if (path := arguments.path(name))}
    mounts = mounts_of(paths | {f"docker_mounts ({each})": absolute(each) for each in container.mounts})
    words = ["cm", "run", "script", *words_inside(request.argv, paths)]
    if container.shell and not sys.stdin.isatty():
        raise RequestError("--docker_skip_run_cmd starts a shell, which needs a terminal; run it on a terminal")
    require_engine(["cm", "run", "script", *words_outside(request.argv)])
    if container.repository:
        _say(f"--docker_cm_repo={container.repository}: ignored; the container has the scripts of this installation")
    folder = options.home / "docker"
    for path in (folder / "home", *mounts):
        if not path.exists():
            path.mkdir(parents=True, exist_ok=True)
    image = build_image(folder, product, repository, container.base_image)
    if container.shell:
        _say(f"a shell in {image}; the command of the run is: {shlex.join(words)}")
    extra = shlex.join(words_inside(extra_words(), paths))
    argv = run_argv(image, folder / "home", mounts, [] if container.shell else words, extra)
    _say(f"starting {shlex.join(argv)}")
    status = run_in_foreground(argv)
    return {"error": f"the container ended with status {status}; see its output above"} if status else {}


def read_docker_options(arguments: Arguments) -> DockerOptions:
    """Decode the options of docker.

    Raises:
        RequestError: an option has an invalid value.
    """
    image = arguments.text("docker_base_image") or BASE_IMAGE
    if not re.fullmatch(r"[A-Za-z0-9][\w./:@-]*", image):
        raise RequestError(f"--docker_base_image={image}: is not the name of an image; write one like {BASE_IMAGE}")
    folders = arguments.words("docker_mounts")
    for each in folders:
        if not absolute(each).exists():
            raise RequestError(f"--docker_mounts={each}: does not exist; name a folder or file")
    shell = arguments.on("docker_skip_run_cmd")
    return DockerOptions(image, folders, shell, arguments.text("docker_cm_repo"))


def require_engine(words: list[str]) -> None:
    """Raise ScriptGraphError if docker is absent or its engine does not answer."""
    alternative = f"or run without a container: {shlex.join(words)}"
    if shutil.which("docker") is None:
        remedy = "install Docker Engine, or podman under the name docker"
        raise ScriptGraphError(f"docker is not on PATH; {remedy}, {alternative}")
    try:
        capture(["docker", "version", "--format", "{{.Server.Version}}"], timeout_s=_TIMEOUT_S)
    except ProcessFailed as failure:
        remedy = "start it (systemctl start docker) and join the group docker"
        raise ScriptGraphError(f"no docker engine answers ({failure}); {remedy}, {alternative}") from failure


def build_image(folder: Path, product: Product, repository: Path, base_image: str) -> str:
    """Write the build context into `folder` and build the image; docker caches unchanged layers.

    Returns:
        The image's name, with a hash of its Dockerfile.
    """
    context = folder / "image"
    if context.exists():
        shutil.rmtree(context)
    checkout = (repository / "pyproject.toml").is_file()
    _copy_source(repository, context / "source", "" if checkout else product.name)
    text = dockerfile(base_image, checkout=checkout, compiler=platform.machine() != "x86_64")
    (context / "Dockerfile").write_text(text, encoding="utf-8")
    name = f"{product.name}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    log = folder / "build.log"
    _say(f"building {name} on {base_image}; its log is {log}")
    log.unlink(missing_ok=True)
    run(["docker", "build", "--tag", name, str(context)], env=os.environ, cwd=context, log=log).require_success()
    return name


def installed_packages(distribution: metadata.Distribution) -> list[Path]:
    """Return the folders of a distribution's top-level packages, from its list of installed files.

    Its top_level.txt lacks packages generated at build time, such as the CM repository.
    """
    files = distribution.files or ()
    names = {file.parts[0] for file in files if len(file.parts) == 2 and file.name == "__init__.py"}  # noqa: PLR2004
    return [Path(str(distribution.locate_file(name))) for name in sorted(names)]


def _copy_source(repository: Path, target: Path, installed: str) -> None:
    """Copy a checkout, or the packages of an installed distribution."""
    target.mkdir(parents=True)
    if not installed:
        for name in _CHECKOUT_FILES:
            shutil.copy2(repository / name, target / name)
        folders = [repository / name for name in _CHECKOUT_FOLDERS if (repository / name).is_dir()]
    else:
        folders = installed_packages(metadata.distribution(installed))
        needed = [each for each in metadata.requires(installed) or () if "extra ==" not in each]
        (target / "requirements.txt").write_text("".join(f"{each}\n" for each in needed), encoding="utf-8")
    for folder in folders:
        shutil.copytree(folder, target / folder.name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr)


def dockerfile(base_image: str, *, checkout: bool, compiler: bool) -> str:
    """Return the text of the Dockerfile, for a context with `source/`: a checkout, or packages and requirements.txt.

    `compiler` installs a compiler, for machines on which packages have no wheels, such as Arm.
    """
    programs = "git g++" if compiler else "git"
    source = "/opt/source" if checkout else "-r /opt/source/requirements.txt\nENV PYTHONPATH=/opt/source"
    return (
        f"FROM {base_image}\n"
        f"RUN apt-get update && apt-get install -y --no-install-recommends {programs} && rm -rf /var/lib/apt/lists/*\n"
        "COPY source /opt/source\n"
        f"RUN pip install --no-cache-dir {source}\n"
        f"ENV HOME={HOME} CM_REPOS={HOME}/CM\n"
        f"WORKDIR {HOME}\n"
    )


def mounts_of(paths: Mapping[str, Path]) -> tuple[Path, ...]:
    """Return the paths to mount for options that are paths: existing paths, and the parents of files to be made.

    Raises:
        RequestError: a path and its parent do not exist, or docker cannot mount the path.
    """
    mounts: dict[Path, None] = {}
    for name, path in paths.items():
        place = path if path.exists() or name.endswith("_dir") else path.parent
        if place != path and not place.is_dir():
            raise RequestError(f"--{name}={path}: neither it nor the folder {place} exists; name another path")
        if _ENDS_A_FIELD & set(str(place)):
            problem = "has a comma, a quote or a line break, which docker cannot mount; rename it"
            raise RequestError(f"--{name}={place}: {problem}")
        mounts[place] = None
    return tuple(mounts)


def words_inside(words: Sequence[str], paths: Mapping[str, Path]) -> list[str]:
    """Return the arguments for `cm` in the container: absolute paths, and neither docker's options nor a home folder.

    The container has a home of its own.
    """
    inside = []
    for word in words_outside(words):
        name, equals, value = word.partition("=")
        bare = _option_name(word)
        if bare != "home":
            inside.append(f"{name}={paths[bare]}" if equals and value and bare in paths else word)
    return inside


def words_outside(words: Sequence[str]) -> list[str]:
    """Return the arguments of the same run without a container."""
    return [word for word in words if not _option_name(word).startswith("docker_")]


def _option_name(word: str) -> str:
    """Return the name of an option with underscores; "" for another word."""
    name = word.partition("=")[0]
    return name.lstrip("-").replace("-", "_") if name.startswith("-") else ""


def run_argv(image: str, home: Path, mounts: Iterable[Path], command: Sequence[str], extra: str = "") -> list[str]:
    """Return the argv of `docker run`; an empty `command` starts a shell.

    `home` becomes the container's home, so that its cache outlives the container. The `mounts` keep their paths.
    `extra` becomes the container's CM_SCRIPT_EXTRA_CMD.
    """
    shared = [f"type=bind,source={home},target={HOME}", *(f"type=bind,source={each},target={each}" for each in mounts)]
    return [
        # The user owns the written files. The machine's name lets the next container continue the results.
        "docker", "run", "--rm", "--init", *([] if command else ["--interactive", "--tty"]),
        "--user", f"{os.getuid()}:{os.getgid()}", "--hostname", platform.node() or "localhost",
        *(("--env", f"{EXTRA}={extra}") if extra else ()),
        *(word for each in shared for word in ("--mount", each)), image, *(command or ["bash"]),
    ]  # fmt: skip
