"""A request, and the plan that it becomes: the steps that it needs, known before anything runs."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptgraph.files.sha256 import sha256
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scriptgraph.manifest.queries import Query
    from scriptgraph.manifest.types import Dependency, Manifest, Override, Values
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.variations import Chosen


class Step(Immutable):
    """A script with everything chosen that can be chosen before it runs.

    Attributes:
        env: the environment as far as it is known beforehand, in layers.
        before: the dependencies that run first; `after`: those that run last.
        overrides: what `adr` says of names below this step.
    """

    manifest: Manifest
    variations: tuple[Chosen, ...]
    version: str
    env: Environment
    before: tuple[Need, ...] = ()
    after: tuple[Need, ...] = ()
    overrides: Mapping[str, Override] | None = None

    def __repr__(self) -> str:
        # Steps are shared: written out, what is below would double with each level.
        return f"Step({self.title!r})"

    @cached_property
    def title(self) -> str:
        """The alias, with the variations that are on."""
        return ",".join((self.manifest.alias, *(f"_{each.written}" for each in self.variations)))

    @cached_property
    def exports(self) -> tuple[str, ...]:
        """The patterns of all keys that may leave the step."""
        return (*self.manifest.exports, *(key for each in self.variations for key in each.variation.exports))

    def needs(self) -> tuple[Need, ...]:
        """All dependencies, in the order in which they run."""
        return (*self.before, *self.after)


class Need(NamedTuple):
    """A dependency in a plan: settled (`step`), skipped, or waiting for an earlier step.

    Attributes:
        step: the step, where it is settled and wanted.
        waits_for: the environment's keys that must be known first, of a deferred dependency; empty when settled.
    """

    dependency: Dependency
    step: Step | None = None
    waits_for: frozenset[str] = frozenset()


class Plan(Immutable):
    """The resolved graph of one request."""

    root: Step
    notes: tuple[str, ...] = ()

    def steps(self) -> Iterable[Step]:
        """Return the settled steps, dependencies before their dependants; one that several share comes once."""
        return _walk(self.root, {}).values()

    def deferred(self) -> list[Need]:
        """Return the dependencies that wait for an earlier step."""
        return [need for step in self.steps() for need in step.needs() if need.waits_for]

    def summary(self) -> list[dict[str, object]]:
        """Give title, version, manifest's hash and environment of each settled step, for the record."""
        return [
            {
                "title": step.title,
                "alias": step.manifest.alias,
                "version": step.version,
                "manifest": step.manifest.digest,
                "env": step.env.only(step.manifest.reads),
            }
            for step in self.steps()
        ]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that was chosen; equal plans have equal fingerprints."""
        return _digest(self.root, {})


def _walk(step: Step, seen: dict[int, Step]) -> dict[int, Step]:
    """Put a step and those it needs behind the steps seen, each by its identity."""
    for need in step.before:
        if need.step is not None and id(need.step) not in seen:
            _walk(need.step, seen)
    seen[id(step)] = step
    for need in step.after:
        if need.step is not None and id(need.step) not in seen:
            _walk(need.step, seen)
    return seen


def _digest(step: Step, known: dict[int, str]) -> str:
    """Hash a step and what it stands on; shared steps once."""
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
    # Which script it will be is open, so all that may reach it counts.
    return {
        "tags": need.dependency.tags,
        "waits_for": sorted(need.waits_for),
        "env": {key: repr(value) for key, value in sorted(parent.env.items())},
        "overrides": {name: repr(override) for name, override in sorted((parent.overrides or {}).items())},
    }


class Request(Immutable):
    """One command: which script, with what, and how.

    Attributes:
        query: the tags and variations.
        inputs: options by name, underscores for dashes.
        env: environment set by `--env.KEY=value`.
        overrides: what `--adr.NAME.KEY=value` says, by name.
        versions: `version`, `version_min` and `version_max` are inputs of every script.
        argv: the command as typed, for the record.
        maybe: names in `overrides` that need not be there, as they are meant for every command.
    """

    query: Query
    inputs: Values = NOTHING
    env: Values = NOTHING
    overrides: Mapping[str, Override] = NOTHING
    argv: tuple[str, ...] = ()
    maybe: frozenset[str] = frozenset()

    def told(self) -> dict[str, Any]:
        """Give the request as the record keeps it: enough to ask the same again."""
        return {
            "tags": self.query.text,
            "argv": list(self.argv),
            "inputs": dict(self.inputs),
            "env": dict(self.env),
            "adr": {name: override.told() for name, override in self.overrides.items()},
        }
