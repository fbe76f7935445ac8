"""The paths and words of a run in a container: what is mounted, and how the command is written inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Characters that end a field of --mount.
_ENDS_A_FIELD = frozenset(',"\n')
_OWN = frozenset({"container_engine", "with"})


def mounts_of(paths: Mapping[str, Path]) -> tuple[Path, ...]:
    """Return the paths to mount for options that are paths: existing paths, and the parents of files to be made.

    Raises:
        RequestError: a path and its parent do not exist, or no engine can mount the path.
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
    """Return the arguments for `cm` in the container: absolute paths, and no options of the container or home folder.

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
    names = ((word, _option_name(word)) for word in words)
    return [word for word, name in names if not name.startswith("docker_") and name not in _OWN]


def _option_name(word: str) -> str:
    """Return the name of an option with underscores; "" for another word."""
    name = word.partition("=")[0]
    return name.lstrip("-").replace("-", "_") if name.startswith("-") else ""
