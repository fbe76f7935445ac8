"""What scripts there are, and what one of them is: from the manifests alone, as plain structures."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from scriptgraph.manifest.versions import ANY_VERSION, VERSION_KEYS, select_version
from scriptgraph.planning.condition_text import guard_words, query_words
from scriptgraph.planning.environment import Environment, Layer, as_text
from scriptgraph.planning.resolver import layered
from scriptgraph.planning.variations import choose_variations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.errors import NoScriptError
    from scriptgraph.manifest.tags import Query
    from scriptgraph.manifest.types import Dependency, Input, Manifest
    from scriptgraph.planning.variations import Chosen


def find_scripts(registry: Registry, query: Query) -> list[Manifest]:
    """Give the scripts that have all tags and variations of a query, by alias; `*` stands for any text in a tag.

    Raises:
        NoScriptError: none has; names the unknown tags and the nearest.
    """
    found = [each for each in registry if _fits(each, query)]
    if not found:
        raise _none_fits(registry, query)
    return sorted(found, key=lambda each: each.alias)


def _fits(manifest: Manifest, query: Query) -> bool:
    tags = _tags(manifest)
    return (
        all(any(fnmatchcase(tag, word) for tag in tags) for word in query.required)
        and not any(fnmatchcase(tag, word) for tag in tags for word in query.excluded)
        and all(_has_variation(manifest, name) for name in query.variations)
        and not any(_has_variation(manifest, name) for name in query.without)
    )


def _tags(manifest: Manifest) -> frozenset[str]:
    return frozenset({*manifest.tags, manifest.alias, manifest.uid})


def _has_variation(manifest: Manifest, written: str) -> bool:
    prefix, dot, value = written.partition(".")
    return written in manifest.variations or bool(dot and value and f"{prefix}.#" in manifest.variations)


def _none_fits(registry: Registry, query: Query) -> NoScriptError:
    known = {tag for each in registry for tag in _tags(each)} | {
        f"_{name}" for each in registry for name in each.variations
    }
    given = (*query.required, *(f"_{name}" for name in query.variations if not _anywhere(registry, name)))
    unknown = [word for word in given if not any(fnmatchcase(tag, word) for tag in known)]
    return registry.no_script(query, unknown, known)


def _anywhere(registry: Registry, variation: str) -> bool:
    return any(_has_variation(each, variation) for each in registry)


def describe(manifest: Manifest, query: Query, registry: Registry) -> dict[str, Any]:
    """Say what a script is: its options, variations, dependencies, exports and what it keeps.

    Values are those that hold with the variations of the query.

    Raises:
        VariationError: the script has no such variation, or two exclude each other.
    """
    chosen = choose_variations(manifest, query.variations, query.without)
    version = select_version(manifest.alias, manifest.versions, manifest.default_version, ANY_VERSION)
    env = layered(manifest, chosen, version, Environment())
    example = ",".join((*_shortest_query(manifest, registry), *(f"_{name}" for name in query.variations)))
    return {
        "alias": manifest.alias,
        "uid": manifest.uid,
        "name": manifest.name,
        "path": str(manifest.folder),
        "tags": list(manifest.tags),
        "options": [_option(each, env) for each in manifest.inputs.values()],
        "variations": _variations(manifest, chosen),
        "versions": [{"version": each, "default": each == version} for each in manifest.versions],
        "dependencies": list(_dependencies(manifest)),
        "exports": _exports(manifest),
        "keeps": {
            "cache": manifest.cache,
            "reads": sorted(manifest.reads - VERSION_KEYS),
            "code": list(manifest.code),
        },
        "example": f"cm run script --tags={example}",
    }


def _option(option: Input, env: Environment) -> dict[str, Any]:
    setting = env.origin(option.env_key) if option.env_key in env else None
    return {
        "name": option.name,
        "key": option.env_key,
        "type": option.kind,
        "default": setting.value if setting else None,
        # A variation's or the manifest's own value is above an option's.
        "fixed": bool(setting and setting.layer > Layer.INPUT),
        "choices": list(option.choices),
        "refused": dict(option.refused),
        "needs": option.needs,
        "description": option.description,
    }


def _variations(manifest: Manifest, chosen: Sequence[Chosen]) -> list[dict[str, Any]]:
    on = {each.variation.name for each in chosen}
    members = sorted(manifest.variations.values(), key=lambda each: each.group)
    return [
        {
            "name": each.name,
            "group": each.group,
            "default": each.default,
            "on": each.name in on,
            "alias": each.alias,
            "base": list(each.base),
            "description": each.description,
        }
        for each in members
    ]


def _dependencies(manifest: Manifest) -> Iterator[dict[str, Any]]:
    blocks: list[tuple[Iterable[Dependency], str, str]] = [(manifest.deps, "before", "")]
    for name, variation in manifest.variations.items():
        blocks += [(variation.deps, "before", f"_{name}"), (variation.post_deps, "after", f"_{name}")]
    blocks += [(entry.deps, "before", f"version {version}") for version, entry in manifest.versions.items()]
    blocks.append((manifest.post_deps, "after", ""))
    for deps, when, of in blocks:
        for each in deps:
            yield {
                "tags": query_words(each),
                "names": list(each.names),
                "when": when,
                "with": of,
                "guard": guard_words(each.guard),
                "versions": _version_words(each),
                "env": {key: as_text(value) for key, value in each.env.items()},
            }


def _version_words(dependency: Dependency) -> str:
    asked = dependency.versions
    words = (("", asked.exact), ("at least ", asked.minimum), ("at most ", asked.maximum))
    return ", ".join(f"{word}{version}" for word, version in words if version)


def _exports(manifest: Manifest) -> Mapping[str, str]:
    """Give the keys that leave the script, each with the variation that lets it out where it is one."""
    exports = dict.fromkeys(manifest.exports, "")
    for name, variation in manifest.variations.items():
        for key in variation.exports:
            exports.setdefault(key, f"_{name}")
    return exports


def _shortest_query(manifest: Manifest, registry: Registry) -> tuple[str, ...]:
    """Give the first of its tags that no other script has all of; its alias where others always fit as well."""
    others = [_tags(each) for each in registry if each.alias != manifest.alias]
    words = tuple(tag for tag in manifest.tags if tag != manifest.alias)
    for count in range(1, len(words) + 1):
        if not any(set(words[:count]) <= tags for tags in others):
            return words[:count]
    return (manifest.alias,)
