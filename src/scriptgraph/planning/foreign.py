"""Plan scripts of other people's collections, whose manifests are combined as in 2023."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import VariationError
from scriptgraph.files.json_reader import parse_json
from scriptgraph.manifest.foreign import STATE_PREFIX
from scriptgraph.manifest.queries import version_range
from scriptgraph.manifest.types import NOTHING, PLACEHOLDER
from scriptgraph.planning.conditions import decide
from scriptgraph.planning.environment import Layer, as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scriptgraph.manifest.foreign import Foreign, ForeignBlock
    from scriptgraph.manifest.queries import VersionRange
    from scriptgraph.manifest.types import Dependency, Manifest, Override, Values
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.variations import ChosenVariation

# How often a foreign script may occur in one chain of dependencies: its guards end the circle.
MOST_WITHIN_ITSELF = 4


def foreign_version(manifest: Manifest, requested: VersionRange) -> str:
    """Return the version of a foreign script: the requested one, or its default within the requested bounds.

    As in 2023, a version that the manifest does not list is passed on to the script's code.
    """
    own = manifest.foreign.versions if manifest.foreign else NOTHING
    exact = requested.exact or own.get("version", "")
    if exact or not manifest.default_version:
        return exact
    minimum = requested.minimum or own.get("version_min", "")
    maximum = requested.maximum or own.get("version_max", "")
    if not minimum and not maximum:
        return manifest.default_version
    if minimum and not version_range(minimum=minimum).admits(manifest.default_version):
        return minimum
    if maximum and not version_range(maximum=maximum).admits(manifest.default_version):
        return own.get("version_max_usable") or maximum
    return manifest.default_version


def foreign_version_keys(foreign: Foreign, requested: VersionRange) -> Values:
    """Return the keys with the requested bounds."""
    texts = {"VERSION_MIN": requested.minimum, "VERSION_MAX": requested.maximum}
    return {f"{foreign.prefix}{key}": text for key, text in texts.items() if text}


def foreign_dependencies(
    manifest: Manifest, variations: Sequence[ChosenVariation], version: str, requested: VersionRange
) -> dict[str, tuple[Dependency, ...]]:
    """Return a foreign script's dependencies by phase: "deps", "prehook", "posthook" and "post".

    A dependency of a variation or a version replaces one of the same name, and variations change the others by name.
    """
    assert manifest.foreign is not None  # noqa: S101 - the caller's condition
    _check_combinations(manifest, [each.written for each in variations])
    entry = manifest.versions.get(version)
    of_entry = entry.foreign if entry is not None else None
    phases: dict[str, list[Dependency]] = {
        "deps": list(manifest.deps),
        "prehook": list(manifest.foreign.block.prehook),
        "posthook": list(manifest.foreign.block.posthook),
        "post": list(manifest.foreign.post),
    }
    for each in variations:
        block = each.variation.foreign
        _add(phases["deps"], _filled(each, each.variation.deps))
        if block is not None:
            for phase in ("prehook", "posthook", "post"):
                _add(phases[phase], _filled(each, getattr(block, phase)))
            _override(phases, block)
    if entry is not None:
        _add(phases["deps"], entry.deps)
    if of_entry is not None:
        for phase in ("prehook", "posthook", "post"):
            _add(phases[phase], getattr(of_entry, phase))
        _override(phases, of_entry)
    return {phase: tuple(_completed(dep, manifest, variations, version, requested) for dep in deps)
            for phase, deps in phases.items()}  # fmt: skip


def _add(deps: list[Dependency], more: Iterable[Dependency]) -> None:
    for new in more:
        names = frozenset(new.names)
        place = next((at for at, each in enumerate(deps) if not names.isdisjoint(each.names)), None)
        if place is None:
            deps.append(new)
        else:
            deps[place] = new


def _filled(chosen: ChosenVariation, deps: Iterable[Dependency]) -> Iterable[Dependency]:
    if not chosen.value:
        return deps
    return [dep.replaced(tags=dep.tags.replace("#", chosen.value), env=chosen.fill(dep.env)) for dep in deps]


def _override(phases: Mapping[str, list[Dependency]], block: ForeignBlock) -> None:
    for name, override in block.own_overrides.items():
        for deps in phases.values():
            for place, dep in enumerate(deps):
                if name in dep.names:
                    deps[place] = overridden(dep, override)


def overridden(dep: Dependency, override: Override) -> Dependency:
    """Return a dependency with an override applied to it."""
    versions = dep.versions.narrowed(override.versions)
    return dep.replaced(
        tags=",".join(part for part in (dep.tags, override.tags) if part),
        version=versions.exact,
        version_min=versions.minimum,
        version_max=versions.maximum,
        env={**dep.env, **override.env},
        options={**dep.options, **override.inputs},
    )


def _completed(
    dep: Dependency, manifest: Manifest, variations: Sequence[ChosenVariation], version: str, requested: VersionRange
) -> Dependency:
    """Return a dependency with what it inherits from the script: its variations and its version."""
    if dep.reuses_version and not dep.version:
        dep = dep.replaced(
            version=version,
            version_min=dep.version_min or requested.minimum,
            version_max=dep.version_max or requested.maximum,
        )
    if not dep.inherits_variations:
        return dep
    skipped = {name for name, each in manifest.variations.items() if each.group in dep.not_inherited}
    without = {word.lstrip("-_") for word in dep.tags.split(",") if word.startswith(("-_", "_-"))}
    inherited = [
        f"_{each.written}"
        for each in variations
        if each.variation.name not in skipped and each.written not in without and "," not in each.written
    ]
    return dep.replaced(tags=",".join((dep.tags, *inherited)))


def _check_combinations(manifest: Manifest, on: Sequence[str]) -> None:
    assert manifest.foreign is not None  # noqa: S101 - the caller's condition
    together, names = manifest.foreign.together, set(on)
    if together and not any(names.issuperset(each) for each in together):
        listed = "; ".join(" and ".join(f"_{name}" for name in each) for each in together)
        raise VariationError(manifest.alias, f"works with these variations only: {listed}", tuple(manifest.variations))
    for each in manifest.foreign.apart:
        if names.issuperset(each):
            listed = " and ".join(f"_{name}" for name in each)
            raise VariationError(manifest.alias, f"does not work with {listed} together", tuple(manifest.variations))


def version_overrides(manifest: Manifest, outline: Any) -> Mapping[str, Override]:
    """Return the overrides that the version of a foreign script sets at any depth."""
    entry = manifest.versions.get(outline.version) if manifest.foreign is not None else None
    return entry.foreign.overrides if entry is not None and entry.foreign is not None else NOTHING


def foreign_blocks(
    manifest: Manifest,
    blocks: Sequence[tuple[Values, Layer, str]],
    version: str,
    variations: Sequence[ChosenVariation],
    inherited: Environment,
) -> list[tuple[Values, Layer, str]]:
    """Return the values of a foreign script, in order: later ones, and exports of dependencies, win as in 2023."""
    assert manifest.foreign is not None  # noqa: S101 - the caller's condition
    entry, prefix = manifest.versions.get(version), manifest.foreign.prefix
    found = [(values, min(layer, Layer.DEPENDENCY), source) for values, layer, source in blocks]
    states = [manifest.foreign.block.state]
    states += [each.variation.foreign.state for each in variations if each.variation.foreign is not None]
    source = f"{manifest.alias} {version}"
    if version:
        found.append(({f"{prefix}VERSION": version}, Layer.DEPENDENCY, source))
    if entry is not None:
        found.append((entry.env, Layer.DEPENDENCY, source))
        if entry.foreign is not None:
            found.append((entry.foreign.default_env, Layer.DEFAULT, source))
            states.append(entry.foreign.state)
    found += _conditional(manifest, variations, inherited.layered(found))
    merged: dict[str, Any] = {}
    for state in states:
        for key, value in state.items():
            name = f"{STATE_PREFIX}{key}"
            before = merged[name] if name in merged else _parsed(as_text(inherited.get(name)) or "null")
            merged[name] = merge_state(before, value)
    if merged:
        found.append(({key: json.dumps(value) for key, value in merged.items()}, Layer.DEPENDENCY, manifest.alias))
    return found


def _conditional(
    manifest: Manifest, variations: Sequence[ChosenVariation], env: Environment
) -> Iterator[tuple[Values, Layer, str]]:
    """Yield the values whose conditions hold in the environment at the script's start."""
    assert manifest.foreign is not None  # noqa: S101 - the caller's condition
    blocks = [manifest.foreign.block, *(each.variation.foreign for each in variations)]
    known = env.resolved()
    for block in blocks:
        for each in block.conditional if block is not None else ():
            if decide(each.guard, known, ()):
                yield each.default_env, Layer.DEFAULT, manifest.alias
                yield each.env, Layer.DEPENDENCY, manifest.alias


def merge_state(under: Any, over: Any) -> Any:
    """Merge two JSON values as in 2023: objects by member, lists joined without repetition, others replaced."""
    if isinstance(under, dict) and isinstance(over, dict):
        more = {key: merge_state(under[key], value) if key in under else value for key, value in over.items()}
        return {**under, **more}
    if isinstance(under, list) and isinstance(over, list):
        return [*under, *(each for each in over if each not in under)]
    return over


def foreign_exports(manifest: Manifest, version: str, env: Environment, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns of a foreign step's exports; a placeholder is replaced by the value that is known."""
    entry = manifest.versions.get(version)
    if entry is not None and entry.foreign is not None:
        keys += entry.foreign.exports
    if manifest.foreign is not None:
        keys += tuple(manifest.foreign.names_of_ours(keys).values())
    if not any("<<<" in key for key in keys):
        return keys
    filled = (PLACEHOLDER.sub(lambda match: as_text(env.get(match[1])), key) if "<<<" in key else key for key in keys)
    return tuple(key for key in filled if key)


def _parsed(text: str) -> Any:
    return parse_json(text, "the state of a foreign script", paths=True)
