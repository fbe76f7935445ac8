"""Split a decoded run command into the request for the script and the options of the command itself."""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from scriptgraph.cli.commands.values import absolute
from scriptgraph.errors import DocumentError, RequestError
from scriptgraph.execution.context import Switches
from scriptgraph.files.json_reader import read_json
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.queries import parse_query
from scriptgraph.planning.plan import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.execution.runtime import Rebuild
    from scriptgraph.product import Product

COMMAND = "command"
"""The option of a script that takes the words after `--`."""
_VERSIONS = ("version", "version_min", "version_max")


class Afterwards(Immutable):
    """What to do after a run.

    Attributes:
        time: print how long it took.
        repro: print the record that repeats it.
        save_env: write the exports to a file for a shell.
    """

    time: bool = False
    repro: bool = False
    save_env: bool = False


class RunOptions(Immutable):
    """The options of a run that do not concern the script.

    Attributes:
        home: the folder of records, state and index.
        cache: the cache's folder, by default in `home`.
        switches: verbosity, offline mode and mirrors.
        rebuild: which cache entries to make again.
        plan: whether to show the plan and stop.
        prefetch: whether to run the cached steps and stop.
        explain: a key whose origin to show instead of a run; empty for none.
        afterwards: what to do after the run.
    """

    home: Path
    cache: Path
    switches: Switches
    rebuild: Rebuild = "none"
    plan: bool = False
    prefetch: bool = False
    explain: str = ""
    afterwards: Afterwards = Afterwards()


_repository: ContextVar[Path | None] = ContextVar("repository", default=None)


@contextmanager
def requests_from(scripts: Path) -> Iterator[None]:
    """Make the requests within as those of a repository, not of a user: its own scripts go first, see `Request.near`.

    Args:
        scripts: the repository's `script/` folder.
    """
    token = _repository.set(scripts)
    try:
        yield
    finally:
        _repository.reset(token)


def read_run(arguments: Arguments, product: Product, query: str = "") -> tuple[Request, RunOptions]:
    """Return the request and the options of a decoded command; `query` overrides the command's tags.

    Raises:
        RequestError: there are no tags, or the file of mirrors cannot be read.
    """
    parsed = parse_query(query or arguments.word)
    if not parsed.required:
        raise RequestError(arguments.command.question)
    options = RunOptions(
        *home_folders(arguments, product),
        Switches(
            quiet=arguments.on("quiet"),
            verbose=arguments.on("verbose"),
            offline=arguments.on("offline"),
            mirrors=_mirrors(arguments.text("mirrors") or os.environ.get("CM_MIRRORS", "")),
            command_line=arguments.typed,
            print_env=arguments.on("print_env"),
        ),
        rebuild="all" if arguments.on("new") else "requested" if arguments.on("renew") else "none",
        plan=arguments.on("plan"),
        prefetch=arguments.on("prefetch"),
        explain=arguments.text("explain"),
        afterwards=Afterwards(*(arguments.on(name) for name in ("time", "repro", "save_env"))),
    )
    # For the planner, a version is an input that every script has.
    versions = {name: arguments.text(name) for name in _VERSIONS if name in arguments.values}
    request = Request(
        query=parsed,
        inputs={**arguments.others, **versions, **_command_of(arguments)},
        env=arguments.values.get("env", {}),
        overrides=arguments.values.get("adr", {}),
        argv=arguments.typed,
        maybe=arguments.steered,
        near=_repository.get(),
    )
    return request, options


def _command_of(arguments: Arguments) -> dict[str, str]:
    """Return the words after `--` as the script's option `command`, quoted as for a shell.

    Raises:
        RequestError: the option is set too.
    """
    if not arguments.rest:
        return {}
    if COMMAND in arguments.others:
        raise RequestError(f"--{COMMAND}: is set beside a command after --; keep one of them")
    import shlex  # noqa: PLC0415 - few scripts run a command

    return {COMMAND: shlex.join(arguments.rest)}


def home_folders(arguments: Arguments, product: Product) -> tuple[Path, Path]:
    """Return the home folder and the cache's folder, which may be elsewhere."""
    home = arguments.path("home") or absolute(product.home)
    cache = arguments.path("cache_dir") or os.environ.get(product.cache_variable, "").strip()
    return home, absolute(cache) if cache else home / "cache"


def _mirrors(path: str) -> Mapping[str, str]:
    """Read the file that maps prefixes of URLs to their replacements."""
    if not path:
        return {}
    try:
        document = read_json(absolute(path))
    except DocumentError as error:
        raise RequestError(f"--mirrors={path}: {error.problem}") from None
    if not isinstance(document, dict) or not all(isinstance(each, str) for each in document.values()):
        raise RequestError(f'--mirrors={path}: is not an object like {{"https://host/": "http://mirror/host/"}}')
    return document
