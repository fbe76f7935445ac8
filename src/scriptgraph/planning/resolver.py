"""Request + Registry -> Plan: selection, not constraint solving, and no I/O.

The same functions settle a deferred dependency during a run, once the exports that its guard needs are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from scriptgraph.errors import CycleError, RequestError, ScriptGraphError, VersionError
from scriptgraph.manifest.queries import ANY_VERSION, Query, parse_query, select_version, version_range
from scriptgraph.manifest.types import NOTHING, Dependency, Manifest, Override, Values
from scriptgraph.planning.conditions import decide
from scriptgraph.planning.environment import NOTHING_UNKNOWN, Environment, Layer, as_text
from scriptgraph.planning.foreign import (
    MOST_WITHIN_ITSELF,
    foreign_blocks,
    foreign_dependencies,
    foreign_version,
    foreign_version_keys,
    version_overrides,
)
from scriptgraph.planning.options import (
    check_needed_options,
    check_overrides,
    check_values,
    known_options,
    read_inputs,
)
from scriptgraph.planning.plan import Need, Plan, Step
from scriptgraph.planning.scope import DEEPEST, ResolvedSteps, Scope
from scriptgraph.planning.variations import ChosenVariation, choose_variations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.manifest.queries import VersionRange
    from scriptgraph.planning.environment import Unknown
    from scriptgraph.planning.plan import Request

_NO_OVERRIDE = Override()
_VERSION_INPUTS = ("version", "version_min", "version_max")


def resolve(request: Request, registry: Registry) -> Plan:
    """Resolve a request into a plan.

    Raises:
        ScriptGraphError: the request or a dependency selects no script or several, an unknown option, or a cycle; the
            error carries the chain.
    """
    inherited = Environment().merged(request.env, Layer.INHERITED, "--env")
    versions = version_range(*(as_text(request.inputs.get(key)) for key in _VERSION_INPUTS))
    inputs = {key: value for key, value in request.inputs.items() if key not in _VERSION_INPUTS}
    scope = Scope(inherited, ResolvedSteps(), overrides=request.overrides, versions=versions, inputs=inputs)
    root = _resolve_step(request.query, registry, scope, request.near)
    check_values(root, request)
    return Plan(root, check_overrides(root, request, registry))


def settle(
    need: Need,
    parent: Step,
    env: Environment,
    registry: Registry,
    chain: tuple[Manifest, ...],
    unknown: Unknown = NOTHING_UNKNOWN,
) -> Need:
    """Settle a deferred dependency with its parent's current environment.

    In a preview, `unknown` has the keys that are still to be exported; a dependency that they decide stays deferred.
    """
    scope = Scope(env, ResolvedSteps(), overrides=parent.overrides or {}, chain=chain, unknown=unknown)
    settled = _resolve_need(need.dependency, parent.manifest, registry, scope)
    if settled.step is not None:
        check_values(settled.step)
    return settled


def layered(
    manifest: Manifest, variations: Iterable[ChosenVariation], version: str, inherited: Environment
) -> Environment:
    """Return the inherited environment with a script's own values merged, in the order of `Layer`."""
    of_variations: list[tuple[Values, Layer, str]] = []
    blocks: list[tuple[Values, Layer, str]] = [(manifest.defaults, Layer.DEFAULT, manifest.alias)]
    for each in variations:
        source, variation = f"{manifest.alias},_{each.written}", each.variation
        defaults, values = variation.default_env, variation.env
        if each.value:
            defaults, values = each.fill(defaults), each.fill(values)
        blocks.append((defaults, Layer.DEFAULT, source))
        of_variations.append((values, Layer.VARIATION, source))
    blocks += [(manifest.env, Layer.MANIFEST, manifest.alias), *of_variations]
    if manifest.foreign is not None:
        return inherited.layered(foreign_blocks(manifest, blocks, version, tuple(variations), inherited))
    if version:
        entry = manifest.versions.get(version)
        values = {"CM_VERSION": version, **(entry.env if entry else {})}
        blocks.append((values, Layer.VERSION, f"{manifest.alias} {version}"))
    return inherited.layered(blocks)


def _resolve_step(query: Query, registry: Registry, scope: Scope, near: Path | None) -> Step:
    manifest = registry.select(query, near)
    places = [each.place for each in scope.chain]
    # A foreign script may need itself in another environment, which its guards decide.
    if places.count(manifest.place) >= (1 if manifest.foreign is None else MOST_WITHIN_ITSELF):
        circle = (*scope.chain[places.index(manifest.place) :], manifest)
        raise CycleError([each.alias for each in circle])
    if len(scope.chain) >= DEEPEST:
        raise RequestError(f"dependencies are more than {DEEPEST} deep at {manifest.alias}; shorten the chain")
    try:
        return scope.resolved.step(manifest, query, scope, lambda: _expand(manifest, query, registry, scope))
    except ScriptGraphError as error:
        raise error.within(manifest.alias)  # noqa: B904 - the same error, with its chain


class _Outline(NamedTuple):
    """A script's variations, version and dependencies, before its environment is considered."""

    variations: tuple[ChosenVariation, ...]
    version: str
    deps: tuple[Dependency, ...]
    post_deps: tuple[Dependency, ...]
    within: Mapping[str, tuple[Dependency, ...]] = NOTHING


def _outline(manifest: Manifest, query: Query, versions: VersionRange) -> _Outline:
    variations = choose_variations(manifest, query.variations, query.without)
    if manifest.foreign is not None:
        version = foreign_version(manifest, versions)
        own = foreign_dependencies(manifest, variations, version, versions)
        return _Outline(variations, version, own.pop("deps"), (), own)
    if versions is not ANY_VERSION and not manifest.takes_version:
        raise VersionError(
            f"{manifest.alias}: {versions} was requested, but this script takes none; omit it, or set it for a "
            "dependency: --adr.NAME.version=V"
        )
    version = select_version(manifest.alias, manifest.versions, manifest.default_version, versions)
    entry = manifest.versions.get(version)
    on = {each.written for each in variations}

    def needs(own: Iterable[Dependency], of_variations: Iterable[Dependency], last: Iterable[Dependency] = ()) -> Any:
        return tuple(each for each in (*own, *of_variations, *last) if each.dropped_by.isdisjoint(on))

    before = (dep for each in variations for dep in _filled(each, each.variation.deps))
    after = (dep for each in variations for dep in _filled(each, each.variation.post_deps))
    return _Outline(
        variations,
        version,
        needs(manifest.deps, before, entry.deps if entry else ()),
        needs(manifest.post_deps, after),
    )


def _filled(chosen: ChosenVariation, deps: Iterable[Dependency]) -> Iterable[Dependency]:
    if not chosen.value:
        return deps
    return [dep.replaced(tags=dep.tags.replace("#", chosen.value), env=chosen.fill(dep.env)) for dep in deps]


def _expand(manifest: Manifest, query: Query, registry: Registry, scope: Scope) -> Step:
    versions = scope.versions
    outline = scope.resolved.outline(manifest, query, versions, lambda: _outline(manifest, query, versions))
    start = scope.inherited
    if scope.inputs or scope.forced or versions is not ANY_VERSION:
        start = start.layered(
            (
                (read_inputs(manifest, scope.inputs), Layer.INPUT, f"option of {manifest.alias}"),
                (_version_keys(manifest, versions), Layer.OVERRIDE, "requested version"),
                (read_inputs(manifest, known_options(manifest, scope.forced)), Layer.OVERRIDE, "--adr"),
            )
        )
    env = layered(manifest, outline.variations, outline.version, start)
    if scope.inputs:
        check_needed_options(manifest, scope.inputs, env)
    overrides = dict(scope.overrides)
    for each in (*(each.variation.overrides for each in outline.variations), version_overrides(manifest, outline)):
        for name, override in each.items():
            overrides[name] = overrides[name].over(override) if name in overrides else override
    inner = scope.replaced(
        inherited=env, overrides=overrides, chain=(*scope.chain, manifest), inputs=NOTHING, forced=NOTHING,
        versions=ANY_VERSION,
    )  # fmt: skip
    before, inner = _resolve_needs(outline.deps, manifest, registry, inner)
    step = Step(manifest, outline.variations, outline.version, env, before, (), overrides)
    if manifest.foreign is not None:
        # Its code may set every key that it names before its guards are evaluated.
        own = inner.replaced(unknown=inner.unknown.and_also(manifest.foreign.sets))
        within = {}
        for phase, deps in outline.within.items():
            within[phase], own = _resolve_needs(deps, manifest, registry, own)
        return step.replaced(within=within)
    if not outline.post_deps:
        return step
    own = inner.replaced(unknown=inner.unknown.and_also(step.exports))
    return step.replaced(after=_resolve_needs(outline.post_deps, manifest, registry, own)[0])


def _resolve_needs(
    deps: Iterable[Dependency], manifest: Manifest, registry: Registry, scope: Scope
) -> tuple[tuple[Need, ...], Scope]:
    needs = []
    for dependency in deps:
        need = _resolve_need(dependency, manifest, registry, scope)
        needs.append(need)
        exports: tuple[str, ...] = ()
        if need.step is not None:
            exports = need.step.exports
        elif need.waits_for:
            # Unresolved: its exports are unknown.
            exports = possible_exports(dependency, manifest, registry, _override_of(dependency, scope).tags)
        if exports and not scope.unknown.patterns.issuperset(exports):
            scope = scope.replaced(unknown=scope.unknown.and_also(exports))
    return tuple(needs), scope


def possible_exports(
    dependency: Dependency, parent: Manifest, registry: Registry, override_tags: str = ""
) -> tuple[str, ...]:
    """Return the patterns of all keys that a script's deferred dependency may export."""
    if not all(prefix.startswith("_") for prefix, _ in dependency.updates):
        return ("*",)
    query = parse_query(f"{dependency.tags},{override_tags}")
    exports: set[str] = set()
    for manifest in registry.candidates(query.required, parent.repository):
        exports |= {*manifest.exports, *(key for each in manifest.variations.values() for key in each.exports)}
    return tuple(sorted(exports))


def _override_of(dependency: Dependency, scope: Scope) -> Override:
    override = _NO_OVERRIDE
    for name in dependency.names:
        if name in scope.overrides:
            override = scope.overrides[name].over(override)
    return override


def _resolve_need(dependency: Dependency, parent: Manifest, registry: Registry, scope: Scope) -> Need:
    unknown, consulted = scope.unknown, scope.resolved.consulted
    keys = dependency.keys
    env, known, changing = scope.inherited.known_for(keys, unknown, consulted)
    enabled = decide(dependency, known, changing) if keys else True
    if enabled is False:
        return Need(dependency)
    waits_for = changing if enabled is None else changing & dependency.updating_keys
    if waits_for:
        return Need(dependency, waits_for=waits_for)
    override = _override_of(dependency, scope)
    tags = [dependency.tags, override.tags]
    for prefix, key in dependency.updates:
        value = known.get(key)
        # Each entry of a list is a separate tag.
        texts = value if isinstance(value, tuple) else (as_text(value),)
        tags += [f"{prefix}{text}" for text in texts if text]
    inner = scope.replaced(
        inherited=hand_down(env, parent, dependency).merged(override.env, Layer.INHERITED, "--adr"),
        # Values with placeholders of unknown keys are unknown below too.
        unknown=env.unknown_below(dependency.env, unknown, consulted),
        versions=dependency.versions if override is _NO_OVERRIDE else dependency.versions.narrowed(override.versions),
        forced={**dependency.options, **override.inputs} if dependency.options else override.inputs,
    )
    return Need(dependency, _resolve_step(parse_query(",".join(tags)), registry, inner, parent.repository))


def hand_down(env: Environment, parent: Manifest, dependency: Dependency) -> Environment:
    """Return the initial environment of a dependency, from its parent's current one."""
    values = dependency.env
    if dependency.keeps:
        values = {**env.exported(dependency.keeps), **values}
    return env.handed_down(values, parent.local_env_keys, f"{parent.alias} for {dependency.tags}")


def _version_keys(manifest: Manifest, versions: VersionRange) -> Values:
    if versions is ANY_VERSION:
        return NOTHING
    if manifest.foreign is not None:
        return foreign_version_keys(manifest.foreign, versions)
    if manifest.versions:
        return NOTHING
    values = {"CM_VERSION": versions.exact, "CM_VERSION_MIN": versions.minimum, "CM_VERSION_MAX": versions.maximum}
    return {key: value for key, value in values.items() if value}
