"""`cm docker script` and `cm podman script`: build an image with this installation, and run a script in it."""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.commands.cmind_input import EXTRA, extra_words
from scriptgraph.cli.commands.values import absolute
from scriptgraph.cli.container.base_image import base_image
from scriptgraph.cli.container.engine import find_engine
from scriptgraph.cli.container.facts import FACTS_VARIABLE, container_facts
from scriptgraph.cli.container.image import ImageBuild, build_image
from scriptgraph.cli.container.network import network_settings
from scriptgraph.cli.container.options import read_container_options
from scriptgraph.cli.container.paths import mounts_of, words_inside, words_outside
from scriptgraph.cli.container.probe import probed
from scriptgraph.cli.container.settings import ContainerSettings, cpuset_of
from scriptgraph.cli.runs.run_options import read_run
from scriptgraph.errors import RequestError
from scriptgraph.planning.environment import as_text
from scriptgraph.planning.resolver import resolve
from scriptgraph.printable import printable
from scriptgraph.process.programs import run_in_foreground

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.planning.plan import Request
    from scriptgraph.product import Product

# Variables that the programs of engines heed; others reach a container by name, so that values stay off command lines.
_OF_ENGINES = re.compile(
    r"PATH$|HOME$|TMPDIR$|LD_|DOCKER_|BUILDKIT_|BUILDX_|CONTAINER|STORAGE_|REGISTRY_|XDG_|SSL_CERT_|GO"
)


def run_in_container(arguments: Arguments, product: Product, load: Callable[[], Registry]) -> dict[str, Any]:
    """Build the image and run the request in a container; `error` reports an exit status other than 0.

    Raises:
        ScriptGraphError: an option is invalid, no engine answers, or it refuses the image or the container.
        OSError: a folder cannot be written.
    """
    container = read_container_options(arguments, product)
    request, options = read_run(arguments, product)
    # Report a wrong tag or option before minutes of building.
    paths = _paths(arguments, request, load())
    mounts = mounts_of(paths | {f"docker_mounts ({each})": absolute(each) for each in container.mounts})
    words = ["cm", "run", "script", *words_inside(request.argv, paths)]
    if "mirrors" in paths and arguments.path("mirrors") is None:
        words.append(f"--mirrors={paths['mirrors']}")
    if container.shell and not sys.stdin.isatty():
        raise RequestError("--docker_skip_run_cmd starts a shell, which needs a terminal; run it on a terminal")
    progress = _silent if options.switches.quiet else _say
    engine = find_engine(container.engine, shlex.join(["cm", "run", "script", *words_outside(request.argv)]))
    cpuset = cpuset_of(container.cpuset, engine)
    if container.repository:
        _say(f"--docker_cm_repo={container.repository}: ignored; the container has the scripts of this installation")
    folder = options.home / "docker"
    for path in (folder / "home", *mounts):
        if not path.exists():
            path.mkdir(parents=True, exist_ok=True)
    network = network_settings(os.environ, container.certificates)
    for address in network.unreachable if container.wheels is None else ():
        _say(f"{address}: no container reaches this place of packages; name a folder of wheels by --docker_wheels")
    extra = shlex.join(words_inside(extra_words(), paths))
    env = {**container.env, **({EXTRA: extra} if extra else {})}
    values = {name: env.pop(name) for name in list(env) if _OF_ENGINES.match(name)}
    settings = ContainerSettings(
        engine, mounts, folder / "home", (*network.proxies, *env), cpuset, container.memory_bytes,
        frozenset({"network"}) if network.local_proxy else frozenset(), network.certificates, values,
    )  # fmt: skip
    program, offline = settings.engine_words(), options.switches.offline
    base = base_image(engine, program, container.base_image, folder / "pull.log", offline=offline, say=progress)
    build = ImageBuild(folder, product, container, network, offline, _say, progress)
    image, settings = build_image(build, base, settings)
    environment = {**os.environ, **env, FACTS_VARIABLE: container_facts(settings, image)}
    settings = settings.replaced(variables=(*settings.variables, FACTS_VARIABLE))
    settings = probed(settings, image.name, environment, _new_log(folder / "probe.log"), _say)
    if container.shell:
        _say(f"a shell in {image.name}; the command of the run is: {shlex.join(words)}")
    argv = settings.run_argv(image.name, [] if container.shell else words, terminal=container.shell)
    progress(f"starting {shlex.join(argv)}")
    status = run_in_foreground(argv, environment)
    return {"error": f"the container ended with status {status}; see its output above"} if status else {}


def _paths(arguments: Arguments, request: Request, registry: Registry) -> dict[str, Path]:
    """Return the paths among the options of the script and of the command, by name."""
    manifest = resolve(request, registry).root.manifest
    kinds = {name.replace("-", "_"): option.kind for name, option in manifest.inputs.items()}
    inputs = {name.replace("-", "_"): value for name, value in request.inputs.items()}
    paths = {name: absolute(as_text(value)) for name, value in inputs.items() if kinds.get(name) == "path" and value}
    mirrors = os.environ.get("CM_MIRRORS")
    places = {"cache_dir": arguments.path("cache_dir"), "mirrors": arguments.path("mirrors")}
    if mirrors and places["mirrors"] is None:
        places["mirrors"] = absolute(mirrors)
    return paths | {name: path for name, path in places.items() if path}


def _new_log(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path


def _silent(_line: str) -> None:
    pass


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr)
