"""Request + Registry -> Plan: selection, not constraint solving, and no I/O.

The same functions settle a dependency before anything runs and, where its guard needs
an earlier step's exports, when these are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.errors import CycleError, RequestError, ScriptGraphError, VersionError
from scriptgraph.manifest.tags import Query, parse_query
from scriptgraph.manifest.types import Dependency, Manifest, Override, Values
from scriptgraph.manifest.versions import ANY_VERSION, VersionRange, select_version
from scriptgraph.planning.conditions import decide
from scriptgraph.planning.environment import Environment, Layer, as_text
from scriptgraph.planning.options import read_inputs, require_needed
from scriptgraph.planning.plan import Need, Plan, Step
from scriptgraph.planning.scope import DEEPEST, ResolvedSteps, Scope
from scriptgraph.planning.unmatched import check_overrides
from scriptgraph.planning.variations import Chosen, choose_variations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.planning.request import Request

_VERSION_INPUTS = ("version", "version_min", "version_max")


def resolve(request: Request, registry: Registry) -> Plan:
    """Turn a request into a plan.

    Raises:
        ScriptGraphError: the request, or a dependency on the way, selects nothing, more
            than one script, an unknown option or a circle; the error carries the chain.
    """
    inherited = Environment().merged(request.env, Layer.INHERITED, "--env")
    versions = VersionRange(*(as_text(request.inputs.get(key)) for key in _VERSION_INPUTS))
    inputs = {key: value for key, value in request.inputs.items() if key not in _VERSION_INPUTS}
    scope = Scope(inherited, ResolvedSteps(), request.overrides, versions, inputs)
    root = _resolve_step(request.query, registry, scope)
    return Plan(root, check_overrides(root, request, registry))


def settle(
    need: Need,
    parent: Step,
    env: Environment,
    registry: Registry,
    chain: tuple[str, ...],
    unknown: tuple[str, ...] = (),
) -> Need:
    """Settle a deferred dependency with the environment that its parent has by now.

    `unknown` has patterns of keys that are still to be exported, for a look ahead; a dependency that they decide
    stays deferred.
    """
    scope = Scope(env, ResolvedSteps(), parent.overrides or {}, chain=chain, unknown=unknown)
    return _resolve_need(need.dependency, parent.manifest, registry, scope)


def layered(manifest: Manifest, variations: Iterable[Chosen], version: str, inherited: Environment) -> Environment:
    """Put a script's own values over what it inherits, by the one table of precedence."""
    defaults = {option.env_key: option.default for option in manifest.inputs.values() if option.default is not None}
    env = inherited
    blocks: list[tuple[Values, Layer, str]] = [({**defaults, **manifest.default_env}, Layer.DEFAULT, manifest.alias)]
    chosen = tuple(variations)
    names = {each.written: f"{manifest.alias},_{each.written}" for each in chosen}
    blocks.extend((each.fill(each.variation.default_env), Layer.DEFAULT, names[each.written]) for each in chosen)
    blocks.append((manifest.env, Layer.MANIFEST, manifest.alias))
    blocks.extend((each.fill(each.variation.env), Layer.VARIATION, names[each.written]) for each in chosen)
    if version:
        entry = manifest.versions.get(version)
        values: Values = {"CM_VERSION": version, **(entry.env if entry else {})}
        blocks.append((values, Layer.VERSION, f"{manifest.alias} {version}"))
    for values, layer, source in blocks:
        env = env.merged(values, layer, source)
    return env


def _resolve_step(query: Query, registry: Registry, scope: Scope) -> Step:
    manifest = registry.select(query)
    if manifest.alias in scope.chain:
        raise CycleError((*scope.chain[scope.chain.index(manifest.alias) :], manifest.alias))
    if len(scope.chain) >= DEEPEST:
        raise RequestError(f"dependencies are more than {DEEPEST} deep at {manifest.alias}; shorten the chain")
    try:
        return scope.resolved.step(manifest, query, scope, lambda: _expand(manifest, query, registry, scope))
    except ScriptGraphError as error:
        raise error.within(manifest.alias)  # noqa: B904 - the same error, with its chain


def _expand(manifest: Manifest, query: Query, registry: Registry, scope: Scope) -> Step:
    variations = choose_variations(manifest, query.variations, query.without)
    _require_version_taken(manifest, scope.versions)
    version = select_version(manifest.alias, manifest.versions, manifest.default_version, scope.versions)
    given = read_inputs(manifest, scope.inputs)
    start = scope.inherited.merged(given, Layer.INPUT, f"option of {manifest.alias}")
    start = start.merged(_asked_versions(manifest, scope.versions), Layer.OVERRIDE, "version asked for")
    start = start.merged(read_inputs(manifest, scope.forced), Layer.OVERRIDE, "--adr")
    env = layered(manifest, variations, version, start)
    require_needed(manifest, scope.inputs, env)
    overrides = dict(scope.overrides)
    for each in variations:
        for name, override in each.variation.overrides.items():
            overrides[name] = overrides[name].over(override) if name in overrides else override
    entry = manifest.versions.get(version)
    deps = [*manifest.deps, *(dep for each in variations for dep in _filled(each, each.variation.deps))]
    deps += entry.deps if entry else ()
    on = {each.written for each in variations}
    deps = [dep for dep in deps if dep.dropped_by.isdisjoint(on)]
    after = [*manifest.post_deps, *(dep for each in variations for dep in _filled(each, each.variation.post_deps))]
    after = [dep for dep in after if dep.dropped_by.isdisjoint(on)]
    inner = scope.replaced(
        overrides=overrides, chain=(*scope.chain, manifest.alias), inputs={}, forced={}, versions=ANY_VERSION
    )
    before_needs, inner = _resolve_needs(deps, manifest, env, registry, inner)
    own = (*inner.unknown, *_exports(manifest, variations))
    after_needs, _ = _resolve_needs(after, manifest, env, registry, inner.replaced(unknown=own))
    return Step(manifest, variations, version, env, before_needs, after_needs, overrides)


def _filled(chosen: Chosen, deps: Iterable[Dependency]) -> Iterable[Dependency]:
    if not chosen.value:
        return deps
    return [dep.replaced(tags=dep.tags.replace("#", chosen.value), env=chosen.fill(dep.env)) for dep in deps]


def _exports(manifest: Manifest, variations: Iterable[Chosen]) -> tuple[str, ...]:
    return (*manifest.exports, *(key for each in variations for key in each.variation.exports))


def exports_of(step: Step) -> tuple[str, ...]:
    """Give the patterns of all keys that may leave a step."""
    return _exports(step.manifest, step.variations)


def _resolve_needs(
    deps: Iterable[Dependency], manifest: Manifest, env: Environment, registry: Registry, scope: Scope
) -> tuple[tuple[Need, ...], Scope]:
    needs = []
    for dependency in deps:
        need = _resolve_need(dependency, manifest, registry, scope.replaced(inherited=env))
        needs.append(need)
        if need.step is not None:
            scope = scope.replaced(unknown=(*scope.unknown, *exports_of(need.step)))
        elif need.deferred:
            # Which script it will be is open, and so is what it exports.
            scope = scope.replaced(
                unknown=(*scope.unknown, *possible_exports(dependency, registry, _override_of(dependency, scope).tags)),
            )
    return tuple(needs), scope


def possible_exports(dependency: Dependency, registry: Registry, override_tags: str = "") -> tuple[str, ...]:
    """Give the patterns of all keys that a dependency may export whose script is still open."""
    if not all(update.prefix.startswith("_") for update in dependency.tag_updates):
        return ("*",)
    query = parse_query(f"{dependency.tags},{override_tags}")
    found: set[str] = set()
    for manifest in registry.candidates(query.required):
        found |= {*manifest.exports, *(key for each in manifest.variations.values() for key in each.exports)}
    return tuple(sorted(found))


def unknown_test(env: Environment, patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Say which keys may still change where steps to come may export what the patterns fit."""
    return _unknown_test(env, Scope(env, ResolvedSteps(), unknown=patterns))


def _unknown_test(env: Environment, scope: Scope) -> Callable[[str], bool]:
    """Say which keys may still change: an export to come wins unless a higher layer has spoken."""

    def may_be_exported(key: str) -> bool:
        if not scope.may_be_exported(key):
            return False
        return key not in env or env.origin(key).layer <= Layer.DEPENDENCY

    return lambda key: any(may_be_exported(each) for each in {key, *env.made_of(env.get(key))})


def _override_of(dependency: Dependency, scope: Scope) -> Override:
    override = Override()
    for name in dependency.names:
        override = scope.overrides[name].over(override) if name in scope.overrides else override
    return override


def _resolve_need(dependency: Dependency, parent: Manifest, registry: Registry, scope: Scope) -> Need:
    unknown = _unknown_test(scope.inherited, scope)
    env = scope.inherited.resolved(unknown)
    wanted = decide(dependency.guard, env, unknown)
    if wanted is False:
        return Need(dependency)
    matters = dependency.keys if wanted is None else dependency.updating_keys
    waits_for = frozenset(key for key in matters if unknown(key))
    if waits_for:
        return Need(dependency, waits_for=waits_for)
    override = _override_of(dependency, scope)
    tags = [dependency.tags, override.tags]
    for update in dependency.tag_updates:
        for key in update.keys:
            value = env.get(key)
            # Each entry of a list is a tag of its own.
            texts = value if isinstance(value, tuple) else (as_text(value),)
            tags += [f"{update.prefix}{text}" for text in texts if text]
    made_of = {key: env.made_of(value) for key, value in (*env.items(), *dependency.env.items())}
    inner = scope.replaced(
        inherited=hand_down(env, parent, dependency),
        # What is made of keys that are not known yet is not known below either.
        unknown=(*scope.unknown, *(key for key, keys in made_of.items() if any(unknown(each) for each in keys))),
        versions=dependency.versions.narrowed(override.versions),
        forced=override.inputs,
    )
    return Need(dependency, _resolve_step(parse_query(",".join(tags)), registry, inner))


def hand_down(env: Environment, parent: Manifest, dependency: Dependency) -> Environment:
    """Give what a dependency starts from, of the environment that its parent has by then."""
    return env.inherited(parent.local_env_keys, env.expanded(dependency.env), f"{parent.alias} for {dependency.tags}")


def _require_version_taken(manifest: Manifest, versions: VersionRange) -> None:
    if versions != ANY_VERSION and not manifest.takes_version:
        raise VersionError(
            f"{manifest.alias}: {versions} is asked for, and this script takes none; leave it out, or ask it of a "
            "dependency: --adr.NAME.version=V"
        )


def _asked_versions(manifest: Manifest, versions: VersionRange) -> Values:
    if manifest.versions:
        return {}
    asked = {"CM_VERSION": versions.exact, "CM_VERSION_MIN": versions.minimum, "CM_VERSION_MAX": versions.maximum}
    return {key: value for key, value in asked.items() if value}
