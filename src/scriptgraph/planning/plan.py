"""A request, and its plan: all steps, known before anything runs."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptgraph.files.sha256 import sha256
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.types import NOTHING
from scriptgraph.planning.foreign import foreign_exports

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from scriptgraph.manifest.queries import Query
    from scriptgraph.manifest.types import Dependency, Manifest, Override, Values
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.variations import ChosenVariation


class Step(Immutable):
    """A script with its variations, version, environment and dependencies chosen.

    Attributes:
        env: the environment in layers, as known before the run.
        before: the dependencies that run before the script.
        after: the dependencies that run after it.
        overrides: the overrides by `adr` of names below this step.
        within: the dependencies that a foreign script asks for while it runs, by phase: "prehook", "posthook", "post".
    """

    manifest: Manifest
    variations: tuple[ChosenVariation, ...]
    version: str
    env: Environment
    before: tuple[Need, ...] = ()
    after: tuple[Need, ...] = ()
    overrides: Mapping[str, Override] | None = None
    within: Mapping[str, tuple[Need, ...]] = NOTHING

    def __repr__(self) -> str:
        # Steps are shared; written in full, the text would double with each level.
        return f"Step({self.title!r})"

    @cached_property
    def title(self) -> str:
        """The alias, with the variations that are on."""
        return ",".join((self.manifest.alias, *(f"_{each.written}" for each in self.variations)))

    @cached_property
    def exports(self) -> tuple[str, ...]:
        """The patterns of all keys that the step may export."""
        keys = (*self.manifest.exports, *(key for each in self.variations for key in each.variation.exports))
        return keys if self.manifest.foreign is None else foreign_exports(self.manifest, self.version, self.env, keys)

    def needs(self) -> tuple[Need, ...]:
        """Return all dependencies in the order in which they run."""
        return (*self.before, *self.within_needs, *self.after)

    @cached_property
    def within_needs(self) -> tuple[Need, ...]:
        """The dependencies that a foreign script asks for while it runs."""
        return tuple(need for needs in self.within.values() for need in needs)


class Need(NamedTuple):
    """A dependency in a plan: settled (`step`), skipped (neither field), or deferred (`waits_for`).

    Attributes:
        step: the step of a settled dependency that is not skipped.
        waits_for: the environment keys that must be known before a deferred dependency can be settled.
    """

    dependency: Dependency
    step: Step | None = None
    waits_for: frozenset[str] = frozenset()


class Plan(Immutable):
    """The resolved dependency graph of one request."""

    root: Step
    notes: tuple[str, ...] = ()

    def steps(self) -> Iterable[Step]:
        """Return the settled steps once each, dependencies before their dependants."""
        return _walk(self.root, {}).values()

    def deferred(self) -> list[Need]:
        """Return the deferred dependencies."""
        return [need for step in self.steps() for need in step.needs() if need.waits_for]

    def summary(self) -> list[dict[str, object]]:
        """Return title, alias, uid, version, manifest digest and environment of each settled step, for the record."""
        return [
            {
                "title": step.title,
                "alias": step.manifest.alias,
                "uid": step.manifest.uid,
                "version": step.version,
                "manifest": step.manifest.digest,
                "env": step.env.only(step.manifest.reads),
            }
            for step in self.steps()
        ]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all choices; equal plans have equal fingerprints."""
        return _digest(self.root, {})


def _walk(step: Step, seen: dict[int, Step]) -> dict[int, Step]:
    """Append a step and those it needs to the steps seen, by identity."""
    for need in (*step.before, *step.within_needs):
        if need.step is not None and id(need.step) not in seen:
            _walk(need.step, seen)
    seen[id(step)] = step
    for need in step.after:
        if need.step is not None and id(need.step) not in seen:
            _walk(need.step, seen)
    return seen


def _digest(step: Step, known: dict[int, str]) -> str:
    """Hash a step and its dependencies; shared steps once."""
    if id(step) not in known:
        outline = {
            "alias": step.manifest.alias,
            "manifest": step.manifest.digest,
            "variations": [each.written for each in step.variations],
            "version": step.version,
            "env": {key: repr(value) for key, value in step.env.only(step.manifest.reads).items()},
            "needs": [
                _outline_waiting(need, step) if need.waits_for else (_digest(need.step, known) if need.step else None)
                for need in step.needs()
            ],
        }
        known[id(step)] = sha256(json.dumps(outline, sort_keys=True).encode()).hexdigest()
    return known[id(step)]


def _outline_waiting(need: Need, parent: Step) -> dict[str, object]:
    # Its script is not yet selected, so everything that may reach it counts.
    return {
        "tags": need.dependency.tags,
        "waits_for": sorted(need.waits_for),
        "env": {key: repr(value) for key, value in sorted(parent.env.items())},
        "overrides": {name: repr(override) for name, override in sorted((parent.overrides or {}).items())},
    }


class Request(Immutable):
    """A request to run one script.

    Attributes:
        query: the tags and variations.
        inputs: options by name, with underscores for dashes; every script takes `version`, `version_min` and
            `version_max`.
        env: the environment values of `--env.KEY=value`.
        overrides: the values of `--adr.NAME.KEY=value`, by name.
        argv: the command as typed, for the record.
        near: the `script/` folder of the repository whose challenge makes the request, see `Registry.select`.
        maybe: names in `overrides` that may be missing from the plan, as they apply to every command.
    """

    query: Query
    inputs: Values = NOTHING
    env: Values = NOTHING
    overrides: Mapping[str, Override] = NOTHING
    argv: tuple[str, ...] = ()
    maybe: frozenset[str] = frozenset()
    near: Path | None = None

    def as_document(self) -> dict[str, Any]:
        """Return the request as recorded: enough to repeat it."""
        return {
            "tags": self.query.text,
            "argv": list(self.argv),
            "inputs": dict(self.inputs),
            "env": dict(self.env),
            "adr": {name: override.as_options() for name, override in self.overrides.items()},
        }
