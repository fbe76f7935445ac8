"""Decoded manifests: immutable types, no I/O."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

from scriptgraph.immutable import Immutable
from scriptgraph.manifest.dependencies import (
    NOTHING,
    PLACEHOLDER,
    Conditions,
    Dependency,
    ForEach,
    Override,
    Value,
    Values,
)
from scriptgraph.manifest.queries import VERSION_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scriptgraph.manifest.foreign import Foreign, ForeignBlock

__all__ = [
    "NOTHING",
    "PLACEHOLDER",
    "ROLES",
    "Conditions",
    "Dependency",
    "ForEach",
    "Input",
    "Manifest",
    "Override",
    "Role",
    "Value",
    "Values",
    "Variation",
    "VersionEntry",
    "matches_any",
]
# What the value of a key names: a file that is read, one that is written, a program or what a program loads or takes
# as arguments, a repository, another address of the network, or none of these ("value").
Role = Literal["input", "output", "program", "repository", "address", "value"]
ROLES: tuple[Role, ...] = ("input", "output", "program", "repository", "address", "value")


class Input(Immutable):
    """An option of a script, and the environment key that it sets.

    Attributes:
        choices: the allowed values; any if empty.
        refused: values that are not supported, each with the reason to show.
        needs: another option, without which this one has no effect; may be empty.
        role: what its value names; None if the manifest does not tell.
        whole: whether a number must be whole.
        minimum, above: the lower bound of a number, included or excluded.
        maximum, below: the upper bound, included or excluded; "cpus" is the number of CPUs that the process may use.
        longest: the most bytes of a text or name; 0 for any.
        place: whether a path must exist, or the folder or file that the script writes there.
    """

    name: str
    env_key: str
    description: str = ""
    default: Value = None
    choices: tuple[str, ...] = ()
    refused: Mapping[str, str] = NOTHING
    kind: Literal["text", "name", "path", "number", "numbers", "flag"] = "text"
    needs: str = ""
    role: Role | None = None
    whole: bool = False
    minimum: float | None = None
    above: float | None = None
    below: float | None = None
    maximum: float | str | None = None
    longest: int = 0
    place: Literal["", "existing", "folder", "file"] = ""


class Variation(Immutable):
    """A named change of a script: environment, dependencies, other variations."""

    name: str
    description: str = ""
    group: str = ""
    default: bool = False
    alias: str = ""
    base: tuple[str, ...] = ()
    default_variations: Mapping[str, str] = NOTHING
    env: Values = NOTHING
    default_env: Values = NOTHING
    deps: tuple[Dependency, ...] = ()
    post_deps: tuple[Dependency, ...] = ()
    exports: tuple[str, ...] = ()
    overrides: Mapping[str, Override] = NOTHING
    for_each: ForEach | None = None
    foreign: ForeignBlock | None = None


class VersionEntry(Immutable):
    """The environment and dependencies that one version of a script adds."""

    env: Values = NOTHING
    deps: tuple[Dependency, ...] = ()
    foreign: ForeignBlock | None = None


class Manifest(Immutable):
    """A script: its identity, dependencies, options, and the keys that it reads and exports.

    Attributes:
        env_keys: keys that the script reads but does not set, mostly exports of dependencies.
        roles: what the values of keys without an option name.
        exports: patterns of the exported keys.
        measures: whether the script measures; then no other step runs at the same time.
        pure: whether the script only reads and exports, so that it can run at any time.
        downloads: whether the script fetches files; its hook `downloads` lists them.
        estimates: whether the script's hook `estimate` describes its work and its duration.
        light: whether the script's work is too short to disturb a measurement of another run, so it never waits.
        code: modules outside the folder that belong to the script's content in the cache.
        retired_names: names of dependencies that `adr` could reach in 2023 and that no longer exist, each with the
            reason; an override of one is a note, not an error.
        digest: SHA-256 of the manifest's text.
        shared_inputs: the names of inputs from shared sets of options.
        foreign: the further facts of a script from somebody else's collection; None for other scripts.
    """

    alias: str
    uid: str
    folder: Path
    tags: tuple[str, ...]
    name: str = ""
    deps: tuple[Dependency, ...] = ()
    post_deps: tuple[Dependency, ...] = ()
    variations: Mapping[str, Variation] = NOTHING
    inputs: Mapping[str, Input] = NOTHING
    default_env: Values = NOTHING
    env: Values = NOTHING
    env_keys: tuple[str, ...] = ()
    roles: Mapping[str, Role] = NOTHING
    local_env_keys: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    versions: Mapping[str, VersionEntry] = NOTHING
    default_version: str = ""
    cache: bool = False
    measures: bool = False
    downloads: bool = False
    estimates: bool = False
    light: bool = False
    pure: bool = False
    code: tuple[str, ...] = ()
    retired_names: Mapping[str, str] = NOTHING
    digest: str = ""
    shared_inputs: frozenset[str] = frozenset()
    foreign: Foreign | None = None

    @cached_property
    def limited_inputs(self) -> tuple[Input, ...]:
        """The options whose values have limits, see `scriptgraph.manifest.limits`."""
        return tuple(
            each for each in self.inputs.values() if each.kind in ("name", "number", "numbers") or each.longest
        )

    @cached_property
    def place(self) -> str:
        """The folder as text; unlike an alias, no two scripts share it."""
        return str(self.folder)

    @cached_property
    def repository(self) -> Path:
        """The `script/` folder of the script's repository."""
        return self.folder.parent

    @cached_property
    def all_deps(self) -> tuple[Dependency, ...]:
        """All dependencies: its own, and those of variations and versions."""
        blocks = [self.deps, self.post_deps, *(each.deps for each in self.versions.values())]
        blocks += [deps for each in self.variations.values() for deps in (each.deps, each.post_deps)]
        if self.foreign is not None:
            more: list[Variation | VersionEntry] = [*self.variations.values(), *self.versions.values()]
            blocks += self.foreign.all_deps(each.foreign for each in more)
        return tuple(dependency for deps in blocks for dependency in deps)

    @cached_property
    def defaults(self) -> Values:
        """The default values: those of options, and `default_env`."""
        options = {option.env_key: option.default for option in self.inputs.values() if option.default is not None}
        return {**options, **self.default_env}

    @cached_property
    def deciding_keys(self) -> frozenset[str]:
        """Every environment key that decides about a dependency or appears in its values."""
        found = {key for each in self.all_deps for key in each.keys}
        texts = [value for each in self.all_deps for value in each.env.values() if isinstance(value, str)]
        return frozenset(found | {key for text in texts for key in PLACEHOLDER.findall(text)})

    @cached_property
    def dependency_names(self) -> frozenset[str]:
        """Every name of a dependency that `adr` can override."""
        return frozenset(name for each in self.all_deps for name in each.names)

    @cached_property
    def reads(self) -> frozenset[str]:
        """Every environment key that the script's code may read."""
        if self.foreign is not None:
            return self.foreign.reads
        keys = {*self.default_env, *self.env, *self.env_keys}
        keys |= {option.env_key for option in self.inputs.values()}
        for variation in self.variations.values():
            keys |= {*variation.env, *variation.default_env}
        for version in self.versions.values():
            keys |= {*version.env}
        return frozenset(keys | VERSION_KEYS if self.versions else keys)

    @cached_property
    def key_roles(self) -> Mapping[str, Role]:
        """What the values of keys name, by `roles` and by the options that set them."""
        return {**self.roles, **{each.env_key: each.role for each in self.inputs.values() if each.role}}

    @cached_property
    def takes_version(self) -> bool:
        """Whether a version can be requested: the script lists versions, or reads the requested one."""
        if self.foreign is not None:
            return True
        return bool(self.versions) or not VERSION_KEYS.isdisjoint(self.reads | self.deciding_keys)


@lru_cache(maxsize=1 << 14)  # a plan of a thousand steps makes a million calls
def matches_any(key: str, patterns: tuple[str, ...]) -> bool:
    """Whether `key` matches one of the patterns (`*` matches anything)."""
    return any(key == pattern or fnmatchcase(key, pattern) for pattern in patterns)
