"""What a script says of itself, decoded: frozen types, no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from scriptgraph.immutable import Immutable
from scriptgraph.manifest.queries import ANY_VERSION, VERSION_KEYS, VersionRange, version_range

if TYPE_CHECKING:
    from pathlib import Path

Value = str | bool | int | float | tuple[str, ...] | None
Values = Mapping[str, Value]
NOTHING: Mapping[str, Any] = MappingProxyType({})
# Stands for the value of a key of the environment.
PLACEHOLDER = re.compile(r"<<<([A-Za-z0-9_]+)>>>")


# Keys of the environment, each with the values of which it must have one.
Conditions = Mapping[str, tuple[Value, ...]]


class ForEach(Immutable):
    """The rows of a table over which a dependency or a variation is repeated.

    Attributes:
        table: the table's file, relative to the script's folder.
        where: by column, the cells of the rows that are taken; or, by variation, those that are taken while it is on.
    """

    table: str
    where: Mapping[str, tuple[str, ...] | Mapping[str, tuple[str, ...]]] = NOTHING


class Dependency(Immutable):
    """Another script that must have run: a query, its guard, and the values it gets.

    Attributes:
        enable: conditions of the guard that must all hold.
        skip: conditions that must not all hold.
        skip_any: conditions of which none may hold.
        tags_from: keys of the environment whose values are tags of the query as well.
        prefixed_tags_from: such keys by the prefix that their values get.
        for_each: the table of which this is a row; None for one that stands in the manifest itself.
        dropped_by: the variations with which it is left out, since its row is not among those selected.
        may_fail: the environment's key that gets such dependencies that failed, as JSON text; the others go on.
            Empty: a failure ends the run.
    """

    tags: str
    names: tuple[str, ...] = ()
    enable: Conditions = NOTHING
    skip: Conditions = NOTHING
    skip_any: Conditions = NOTHING
    tags_from: tuple[str, ...] = ()
    prefixed_tags_from: Mapping[str, tuple[str, ...]] = NOTHING
    env: Values = NOTHING
    version: str = ""
    version_min: str = ""
    version_max: str = ""
    may_fail: str = ""
    for_each: ForEach | None = None
    dropped_by: frozenset[str] = frozenset()

    @cached_property
    def versions(self) -> VersionRange:
        """The versions that may be selected."""
        return version_range(self.version, self.version_min, self.version_max)

    @cached_property
    def updates(self) -> tuple[tuple[str, str], ...]:
        """The keys whose values are tags of the query, each after the prefix that its values get."""
        prefixed = ((prefix, key) for prefix, keys in self.prefixed_tags_from.items() for key in keys)
        return (*prefixed, *(("", key) for key in self.tags_from))

    @cached_property
    def updating_keys(self) -> frozenset[str]:
        """The environment's keys that add to the query."""
        return frozenset(key for _, key in self.updates)

    @cached_property
    def keys(self) -> frozenset[str]:
        """The environment's keys that decide whether and what is selected."""
        return self.updating_keys.union(self.enable, self.skip, self.skip_any)


class Override(Immutable):
    """What `adr` says of every dependency with a certain name."""

    tags: str = ""
    versions: VersionRange = ANY_VERSION
    inputs: Values = NOTHING

    def told(self) -> dict[str, Value]:
        """Give it as it is written after `--adr.NAME.`."""
        versions = self.versions
        named = {"version": versions.exact, "version_min": versions.minimum, "version_max": versions.maximum}
        return {key: value for key, value in {"tags": self.tags, **named}.items() if value} | dict(self.inputs)

    def over(self, under: Override) -> Override:
        """Give `under` with this override's values put over it."""
        return Override(
            tags=",".join(part for part in (under.tags, self.tags) if part),
            versions=under.versions.narrowed(self.versions),
            inputs={**under.inputs, **self.inputs},
        )


class Input(Immutable):
    """An option of a script: its name, and the environment's key that it sets.

    Attributes:
        choices: the values it may have; any, where empty.
        refused: values that are not served, each with the reason that the user reads.
        needs: another option, without which this one would have no effect; none, where empty.
    """

    name: str
    env_key: str
    description: str = ""
    default: Value = None
    choices: tuple[str, ...] = ()
    refused: Mapping[str, str] = NOTHING
    kind: Literal["text", "path", "number", "flag"] = "text"
    needs: str = ""


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


class VersionEntry(Immutable):
    """What one version of a script adds."""

    env: Values = NOTHING
    deps: tuple[Dependency, ...] = ()


class Manifest(Immutable):
    """A script: how it is found, what it needs, reads and exports.

    Attributes:
        env_keys: keys that it reads without setting them (exports of dependencies, mostly).
        exports: patterns of the keys that leave it.
        measures: it measures, so nothing of ours may run beside it.
        pure: it only looks and exports, so when it runs does not matter to other steps.
        downloads: it fetches files; its hook of that name tells which.
        code: modules outside the folder whose source is part of the script, for the cache.
        retired_names: names of dependencies that 2023's commands steer and that no longer
            exist, each with the reason; steering them is a note, not an error.
        digest: SHA-256 of the manifest's text.
        shared_inputs: the names of the inputs that come from sets of options.
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
    local_env_keys: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    versions: Mapping[str, VersionEntry] = NOTHING
    default_version: str = ""
    cache: bool = False
    measures: bool = False
    downloads: bool = False
    pure: bool = False
    code: tuple[str, ...] = ()
    retired_names: Mapping[str, str] = NOTHING
    digest: str = ""
    shared_inputs: frozenset[str] = frozenset()

    @cached_property
    def _all_deps(self) -> tuple[Dependency, ...]:
        blocks = [self.deps, self.post_deps, *(each.deps for each in self.versions.values())]
        blocks += [deps for each in self.variations.values() for deps in (each.deps, each.post_deps)]
        return tuple(dependency for deps in blocks for dependency in deps)

    @cached_property
    def defaults(self) -> Values:
        """The values that are set where nothing else sets them: those of options, and `default_env`."""
        options = {option.env_key: option.default for option in self.inputs.values() if option.default is not None}
        return {**options, **self.default_env}

    @cached_property
    def deciding_keys(self) -> frozenset[str]:
        """Every environment key on which a dependency of this script depends."""
        found = {key for each in self._all_deps for key in each.keys}
        texts = [value for each in self._all_deps for value in each.env.values() if isinstance(value, str)]
        return frozenset(found | {key for text in texts for key in PLACEHOLDER.findall(text)})

    @cached_property
    def dependency_names(self) -> frozenset[str]:
        """Every name by which `adr` may reach a dependency of this script."""
        return frozenset(name for each in self._all_deps for name in each.names)

    @cached_property
    def reads(self) -> frozenset[str]:
        """Every environment key that the script's code may look at."""
        keys = {*self.default_env, *self.env, *self.env_keys}
        keys |= {option.env_key for option in self.inputs.values()}
        for variation in self.variations.values():
            keys |= {*variation.env, *variation.default_env}
        for version in self.versions.values():
            keys |= {*version.env}
        return frozenset(keys | VERSION_KEYS if self.versions else keys)

    @cached_property
    def takes_version(self) -> bool:
        """Whether a version can be asked of the script: it knows some, or it reads what is asked."""
        return bool(self.versions) or not VERSION_KEYS.isdisjoint(self.reads | self.deciding_keys)


@lru_cache(maxsize=1 << 14)  # a plan of a thousand steps asks the same a million times
def matches_any(key: str, patterns: tuple[str, ...]) -> bool:
    """Say whether `key` fits one of the patterns (`*` stands for anything)."""
    return any(key == pattern or fnmatchcase(key, pattern) for pattern in patterns)
