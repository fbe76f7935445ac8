"""The tables of `cm ... script`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from scriptgraph.cli.commands.table import (
    EVERYDAY,
    OUTPUT,
    STEERING,
    Command,
    Option,
    network_options,
    output_options,
    place_options,
    progress_options,
    trust_options,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from scriptgraph.product import Product

BASE_IMAGE = "python:3.11-slim-bookworm"
"""The image on which containers are built by default."""
_WORDS = '--tags=TAG,TAG,_VARIATION | "TAG TAG _VARIATION"'


def script_command(action: str, product: Product) -> Command:
    """Return the table of `cm ACTION script`."""
    return _TABLES[action](product)


def script_commands(product: Product) -> tuple[Command, ...]:
    """Return the tables of all commands of scripts."""
    return tuple(make(product) for make in _TABLES.values())


def run_command(product: Product) -> Command:
    """Return the table of `cm run script`."""
    return Command(
        "run",
        "script",
        "Run a script after the scripts that it depends on.",
        (_tags(), *_reporting_options(), *_run_options(product)),
        "cm run script --tags=detect,cpu --out=json",
        word="tags",
        words='--tags=TAG,_VARIATION | "TAG _VARIATION"',  # with the words after --, the line is full
        rest="COMMAND",
        question='which script? write cm run script --tags=a,b or cm run script "a b"',
        open_to="the script",
        extra="all",
    )


def replay_command(product: Product) -> Command:
    """Return the table of `cm replay script`."""
    record = Option("record", "path", "the record.json of a run, or the run's folder", value="=FILE")
    return Command(
        "replay",
        "script",
        "Repeat the request of a record, and show the differences; command-line options override recorded ones.",
        (record, *trust_options(), *_run_options(product)),
        "cm replay script --record=record.json --plan",
        words="--record=FILE",
        question="which record? write cm replay script --record=FILE, a run's record.json",
        open_to="the script",
        extra="all",
        refused={"tags": "cannot be set, because a replay uses the tags of the record; leave it out"},
    )


def container_command(action: str, product: Product) -> Command:
    """Return the table of `cm docker script` or `cm podman script`."""
    return Command(
        action,
        "script",
        "Run a script in a container of this installation.",
        (_tags(), *_container_options(action), *_run_options(product)),
        f"cm {action} script --tags=detect,cpu",
        word="tags",
        words=_WORDS,
        question=f"which script? write cm {action} script --tags=a,b",
        open_to="the script",
        extra="all",
    )


def _container_options(action: str) -> tuple[Option, ...]:
    image = "the image to build on, with or without @sha256:DIGEST"
    ready = "environments of engines to put into the image, so that no run fetches them"
    trusted = "trusted certificates, for the build and in the container"
    engine = "podman" if action == "podman" else "docker if it answers, otherwise podman"
    group = "Container"
    return (
        Option("container_engine", "text", "the engine", group, "=ENGINE", engine, choices=("docker", "podman")),
        Option("docker_base_image", "text", image, group, "=IMAGE", BASE_IMAGE),
        Option("with", "list", ready, group, "=NAME,..."),
        Option("docker_mounts", "list", "further folders to mount in the container", group, "=DIR,..."),
        Option("docker_env", "texts", "a variable in the container; without a value, that of this shell", group),
        Option(
            "docker_cpuset", "text", "the CPUs of the container, such as 0-3,8", group, "=CPUS", "those of this shell"
        ),
        Option("docker_memory", "text", "the most memory of the container, such as 8g", group, "=SIZE", "no limit"),
        Option("docker_wheels", "path", "a folder of wheels that replaces the package index", group, "=DIR"),
        Option("docker_certificates", "path", trusted, group, "=FILE", "$SSL_CERT_FILE"),
        Option("docker_skip_run_cmd", "switch", "start a shell instead of the run", group),
        Option("docker_cm_repo", "text", "ignored; accepted for commands of 2023", group),
    )


def find_command(_product: Product) -> Command:
    """Return the table of `cm find script`."""
    summary = "List scripts; ls and list are the same."
    options = (_tags(), *output_options())
    words = '[--tags=TAG,TAG | "TAG TAG"]'
    return Command("find", "script", summary, options, 'cm find script "mlperf bert-99"', word="tags", words=words)


def show_command(_product: Product) -> Command:
    """Return the table of `cm show script`."""
    return Command(
        "show",
        "script",
        "Show a script: options, variations, dependencies, exports, cache.",
        (_tags(), *output_options()),
        "cm show script --tags=detect,cpu",
        word="tags",
        words=_WORDS,
        question='which script? write cm show script --tags=a,b; "cm find script" lists them',
    )


def remove_command(_product: Product) -> Command:
    """Return the table of `cm rm script`."""
    summary = "Delete a script's folder; without a terminal, only with -f."
    options = (
        Option("tags", "tags", "the scripts that have all of these"),
        Option("f", "switch", "delete without confirmation", also=("force",)),
        *output_options(),
    )
    return Command("rm", "script", summary, options, "cm rm script my-script -f", word="name", words="ALIAS")


def add_command(_product: Product) -> Command:
    """Return the table of `cm add script`."""
    summary = "Add a script that runs, to change it: in the repository local, or in a registered one."
    return Command(
        "add",
        "script",
        summary,
        (
            Option("tags", "tags", "further tags beside its name"),
            Option("yaml", "switch", "write the manifest as YAML"),
            *output_options(),
        ),
        "cm add script words:count-words --tags=count,words",
        word="name",
        words="[REPOSITORY:]NAME",
        named_and_tagged=True,
        question="which name? write cm add script NAME",
    )


def convert_command(_product: Product) -> Command:
    """Return the table of `cm convert script`."""
    options = (
        Option("path", "path", "the folder of a script of 2023, or of a repository of such", value="=FOLDER"),
        Option("to", "path", "a repository, into whose script/ those are written that are surely right", value="=DIR"),
        *output_options(),
    )
    summary = "Show how scripts of 2023 are written in our form, as a diff; and write those that are surely right."
    return Command("convert", "script", summary, options, "cm convert script --path=OLD --to=NEW")


def completion_command(_product: Product) -> Command:
    """Return the table of `cm completion script`."""
    summary = "Print the shell function that completes cm's command lines."
    example = 'eval "$(cm completion script bash)"'
    return Command(
        "completion", "script", summary, output_options(), example, word="name", words="bash | zsh", rest="LINE"
    )


def _tags() -> Option:
    chosen = "the script that has all of these; _NAME turns a variation on, -_NAME off, -TAG excludes scripts"
    return Option("tags", "tags", chosen)


def _run_options(product: Product) -> tuple[Option, ...]:
    steered = "set an option, `tags`, `version`, `version_min` or `version_max` of the dependency NAME"
    return (
        Option("plan", "switch", "show the plan of the run, and stop", EVERYDAY),
        Option("env", "pairs", "set a key of the environment", STEERING),
        Option("adr", "blocks", steered, STEERING, also=("add_deps_recursive", "add_deps", "ad")),
        Option("version", "text", "the version of the script, if it has versions", STEERING, "=V"),
        Option("version_min", "text", "the lowest version allowed", STEERING, "=V"),
        Option("version_max", "text", "the highest version allowed", STEERING, "=V"),
        Option("new", "switch", "make all cache entries of the run again", STEERING),
        Option("renew", "switch", "make the script's own cache entry again", STEERING),
        Option("prefetch", "switch", "download files and run the cached steps, and stop", STEERING),
        Option("explain", "text", "show each step's value of a key and its origin, and stop", STEERING, "=KEY"),
        *network_options(),
        *place_options(product),
        *progress_options(),
        *output_options(),
    )


def _reporting_options() -> tuple[Option, ...]:
    return (
        Option("print_env", "switch", "print the values that each step reads, before it runs", OUTPUT),
        Option("save_env", "switch", "write what the script exports to ./tmp-env.sh, for a shell", OUTPUT),
        Option("time", "switch", "print how long the run took", OUTPUT),
        Option("repro", "switch", "print the command that repeats the run from its record", OUTPUT),
    )


_TABLES: dict[str, Callable[[Product], Command]] = {
    "run": run_command,
    "replay": replay_command,
    "docker": partial(container_command, "docker"),
    "podman": partial(container_command, "podman"),
    "find": find_command,
    "show": show_command,
    "add": add_command,
    "convert": convert_command,
    "rm": remove_command,
    "completion": completion_command,
}
