"""What `docker` is asked for: the files of an image, and the argv of a run; nothing here starts anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

HOME = "/home/cm"
BASE_IMAGE = "python:3.11-slim-bookworm"
# Characters that end a field of docker's --mount.
_ENDS_A_FIELD = frozenset(',"\n')


@dataclass(frozen=True)
class DockerOptions:
    """The options that begin with docker_.

    Attributes:
        base_image: what the image is built on.
        mounts: more folders that the container sees.
        shell: give a shell in the container, in place of the run.
        notes: what is said of options of 2023 that need nothing here.
    """

    base_image: str
    mounts: tuple[str, ...]
    shell: bool
    notes: tuple[str, ...]


def dockerfile(base_image: str, *, checkout: bool, compiler: bool) -> str:
    """Write the image's recipe; beside it lies `source/`: a checkout, or packages and their requirements.txt.

    `compiler` is whether packages have to be compiled, as on Arm.
    """
    programs = "git g++" if compiler else "git"
    install = (
        "RUN pip install --no-cache-dir /opt/source"
        if checkout
        else "RUN pip install --no-cache-dir -r /opt/source/requirements.txt\nENV PYTHONPATH=/opt/source"
    )
    return (
        f"FROM {base_image}\n"
        f"RUN apt-get update && apt-get install -y --no-install-recommends {programs} && rm -rf /var/lib/apt/lists/*\n"
        "COPY source /opt/source\n"
        f"{install}\n"
        f"ENV HOME={HOME} CM_REPOS={HOME}/CM\n"
        f"WORKDIR {HOME}\n"
    )


def mounts_of(given: Mapping[str, Path]) -> tuple[Path, ...]:
    """Give what has to be mounted for options that are paths: what is there, or the folder that it is made in.

    Raises:
        RequestError: a path neither is there nor can be made, or holds a character that docker does not take.
    """
    found: dict[Path, None] = {}
    for name, path in given.items():
        place = path if path.exists() or name.endswith("_dir") else path.parent
        if place != path and not place.is_dir():
            raise RequestError(f"--{name}={path}: nothing is there, nor the folder {place}")
        if _ENDS_A_FIELD & set(str(place)):
            raise RequestError(f"--{name}={place}: docker cannot mount a path with a comma, a quote or a line break")
        found[place] = None
    return tuple(found)


def words_inside(words: Sequence[str], paths: Mapping[str, Path]) -> list[str]:
    """Give the words for `cm` in the container: without docker's options, paths as they are mounted."""
    inside = []
    for word in words:
        name, equals, _ = word.partition("=")
        bare = name.lstrip("-").replace("-", "_")
        if name.startswith("--") and bare.startswith("docker_"):
            continue
        inside.append(f"{name}={paths[bare]}" if equals and bare in paths else word)
    return inside


@dataclass(frozen=True)
class Host:
    """What the container has from the machine that it runs on.

    Attributes:
        name: results are named after it, so that the next container goes on with them.
        user: "uid:gid", to whom what is written belongs.
    """

    name: str
    user: str


def run_argv(image: str, kept: Path, mounts: Iterable[Path], host: Host, command: Sequence[str]) -> list[str]:
    """Give the argv of `docker run`.

    Args:
        image: the image's name.
        kept: a folder of this machine that is the container's home, so that its cache outlives it.
        mounts: folders and files that stand in the container where they stand here.
        host: where it runs.
        command: what runs; none stands for a shell.
    """
    shared = [f"type=bind,source={kept},target={HOME}", *(f"type=bind,source={each},target={each}" for each in mounts)]
    return [
        "docker", "run", "--rm", "--init", *([] if command else ["--interactive", "--tty"]), "--user", host.user,
        "--hostname", host.name,
        *(word for each in shared for word in ("--mount", each)), image, *(command or ["bash"]),
    ]  # fmt: skip
