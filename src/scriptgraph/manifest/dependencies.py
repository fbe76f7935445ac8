"""Dependencies of scripts, and the overrides of their tags, versions and options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from scriptgraph.immutable import Immutable
from scriptgraph.manifest.queries import ANY_VERSION, VersionRange, version_range

Value = str | bool | int | float | tuple[str, ...] | None
Values = Mapping[str, Value]
NOTHING: Mapping[str, Any] = MappingProxyType({})
# The placeholder of an environment value.
PLACEHOLDER = re.compile(r"<<<([A-Za-z0-9_]+)>>>")


# Environment keys, each with its accepted values.
Conditions = Mapping[str, tuple[Value, ...]]


class ForEach(Immutable):
    """The table rows over which a dependency or a variation is repeated.

    Attributes:
        table: the table's file, relative to the script's folder.
        where: for each column the cells of the selected rows, or for each variation the cells selected while it is on.
        label: the words for a row in plans and progress, with `{{COLUMN}}`; by default the values of `env`.
    """

    table: str
    where: Mapping[str, tuple[str, ...] | Mapping[str, tuple[str, ...]]] = NOTHING
    label: str = ""


class Dependency(Immutable):
    """A dependency on another script: a query, its guard, and the values handed down.

    Attributes:
        enable: the dependency runs only if all of these conditions hold.
        skip: it is skipped if all of these hold.
        skip_any: it is skipped if one of these holds.
        tags_from: environment keys; their values are added to the query as tags.
        prefixed_tags_from: such keys by a prefix; it is put before each value.
        for_each: the table rows over which to repeat it; None for a single dependency.
        row: the label of the table row that it is for; "" for a single dependency.
        dropped_by: the variations that exclude its table row.
        may_fail: the environment key that receives the failures of such dependencies as JSON text, while the run
            continues; empty if a failure ends the run.
        enable_any: it runs only if one of these conditions holds.
        lenient: whether conditions match as in 2023, where any value but a spelling of no counts as yes.
        keeps: patterns of the parent's local keys that it gets nevertheless.
        reuses_version: whether it gets its parent's version.
        inherits_variations: whether it gets its parent's variations.
        not_inherited: the groups whose variations it does not get.
        options: options of the script, by name.
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
    row: str = ""
    dropped_by: frozenset[str] = frozenset()
    enable_any: Conditions = NOTHING
    lenient: bool = False
    keeps: tuple[str, ...] = ()
    reuses_version: bool = False
    inherits_variations: bool = False
    not_inherited: tuple[str, ...] = ()
    options: Values = NOTHING

    @cached_property
    def versions(self) -> VersionRange:
        """The range of acceptable versions."""
        return version_range(self.version, self.version_min, self.version_max)

    @cached_property
    def updates(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a prefix and an environment key; the key's value is added to the query as a tag."""
        prefixed = ((prefix, key) for prefix, keys in self.prefixed_tags_from.items() for key in keys)
        return (*prefixed, *(("", key) for key in self.tags_from))

    @cached_property
    def updating_keys(self) -> frozenset[str]:
        """The environment keys that add tags to the query."""
        return frozenset(key for _, key in self.updates)

    @cached_property
    def keys(self) -> frozenset[str]:
        """The environment keys that decide whether the dependency runs and which script it selects."""
        return self.updating_keys.union(self.enable, self.skip, self.skip_any, self.enable_any)


class Override(Immutable):
    """Values that `adr` sets for every dependency of one name: tags, versions, options, and environment values."""

    tags: str = ""
    versions: VersionRange = ANY_VERSION
    inputs: Values = NOTHING
    env: Values = NOTHING

    def as_options(self) -> dict[str, Value]:
        """Return the override as options, without their prefix `--adr.NAME.`."""
        exact, minimum, maximum = self.versions.exact, self.versions.minimum, self.versions.maximum
        options = {"tags": self.tags, "version": exact, "version_min": minimum, "version_max": maximum}
        return {key: value for key, value in options.items() if value} | dict(self.inputs)

    def over(self, under: Override) -> Override:
        """Return `under` with this override applied to it."""
        return Override(
            tags=",".join(part for part in (under.tags, self.tags) if part),
            versions=under.versions.narrowed(self.versions),
            inputs={**under.inputs, **self.inputs},
            env={**under.env, **self.env},
        )
