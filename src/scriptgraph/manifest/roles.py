"""Roles of values: what a value names, as marked in manifests, or as the name of its key suggests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scriptgraph.manifest.types import Input, Manifest, Role

_WORDS: dict[Role, frozenset[str]] = {
    "program": frozenset([
        "ARGS", "ARGUMENTS", "BIN", "CC", "CMD", "COMMAND", "COMPILER", "CXX", "DELEGATE", "EXE", "EXEC", "EXECUTABLE",
        "INTERPRETER", "LIBRARIES", "LIBRARY", "PACKAGE", "PACKAGES", "PLUGIN", "PREFIX", "PRELOAD", "PROGRAM",
        "PYTHONHOME", "PYTHONPATH", "SHELL", "WRAPPER",
    ]),
    "repository": frozenset(["FORK", "GIT", "REMOTE", "REPO", "REPOSITORY"]),
    "output": frozenset(["DEST", "DESTINATION", "OUT", "OUTDIR", "OUTFILE", "OUTPUT", "TARFILE"]),
}  # fmt: skip
# As the last word of a name; elsewhere they belong to other things, such as SERVER_TARGET_QPS.
_LAST_WORDS: dict[Role, frozenset[str]] = {
    "program": frozenset(["PYTHON"]),
    "address": frozenset([
        "ADDRESS", "ENDPOINT", "HOST", "MIRROR", "MIRRORS", "PROXY", "SERVER", "TORRENT", "URI", "URL", "URLS",
    ]),
    "input": frozenset(["DIR", "DIRECTORY", "FILE", "FILEPATH", "FOLDER", "PATH"]),
}  # fmt: skip
# The stronger role first, for a key that several scripts mark.
_STRENGTH: tuple[Role, ...] = ("output", "program", "repository", "address", "input", "value")


def suggested_role(*names: str) -> Role | None:
    """Return the role that the words of an option's or a key's name suggest; None if they suggest none."""
    parts = [name.upper().replace("-", "_").split("_") for name in names]
    words, last = {word for each in parts for word in each}, {each[-1] for each in parts}
    found = (role for among, known in ((words, _WORDS), (last, _LAST_WORDS)) for role in known if among & known[role])
    return next(found, None)


def role_of_option(option: Input) -> Role | None:
    """Return an option's role: its mark, or `value` for one that can name nothing; None if it has to be marked."""
    if option.role is not None:
        return option.role
    closed = option.kind in {"number", "flag"} or (option.choices and not any("*" in each for each in option.choices))
    if closed or any(refused == "*" for refused in option.refused):
        return "value"
    return None if option.kind == "path" or suggested_role(option.name, option.env_key) else "value"


def role_of_key(key: str, manifests: Iterable[Manifest]) -> Role:
    """Return the role of an environment key: the strongest by marks, else what it suggests.

    A path without a mark counts as an output.
    """
    return strongest(_roles_of(key, manifests)) or suggested_role(key) or "value"


def role_of_variation(manifest: Manifest, written: str, manifests: Iterable[Manifest]) -> Role | None:
    """Return the role of the value in a variation; None if it has no value, or the script has no such variation."""
    variation = manifest.variations.get(f"{written.partition('.')[0]}.#")
    if variation is None:
        return None
    filled = {**variation.default_env, **variation.env}
    keys = [key for key, value in filled.items() if isinstance(value, str) and "#" in value]
    return strongest(role_of_key(key, manifests) for key in keys)


def marked_role(key: str, manifests: Iterable[Manifest]) -> Role | None:
    """Return the strongest role by which manifests mark a key; None if none does."""
    return strongest(manifest.key_roles.get(key) for manifest in manifests)


def strongest(roles: Iterable[Role | None]) -> Role | None:
    """Return the role that needs the most care; None if there is none."""
    found = set(roles)
    return next((role for role in _STRENGTH if role in found), None)


def _roles_of(key: str, manifests: Iterable[Manifest]) -> Iterator[Role | None]:
    for manifest in manifests:
        yield manifest.roles.get(key)
        for option in manifest.inputs.values():
            if option.env_key == key:
                unmarked = "output" if option.kind == "path" else suggested_role(option.name, key)
                yield role_of_option(option) or unmarked
