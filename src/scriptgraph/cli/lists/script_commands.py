"""`cm find script` and `cm show script`: list and describe scripts from their manifests."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any

from scriptgraph.cli.artifacts import ARTIFACTS, FoundArtifact
from scriptgraph.cli.script_options import describe_option, notes_of, option_groups, value_form
from scriptgraph.cli.tables import Section, show_sections
from scriptgraph.errors import NoScriptError, RequestError
from scriptgraph.manifest.queries import ANY_VERSION, VERSION_KEYS, parse_query, select_version
from scriptgraph.manifest.text import MANIFEST_NAMES, parse_manifest, read_manifest
from scriptgraph.planning.conditions import guard_words, query_words
from scriptgraph.planning.environment import Environment, as_text
from scriptgraph.planning.resolver import layered
from scriptgraph.planning.variations import choose_variations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.cli.commands.table import Option
    from scriptgraph.manifest.queries import Query
    from scriptgraph.manifest.types import Dependency, Manifest
    from scriptgraph.planning.variations import ChosenVariation


def find_script(arguments: Arguments, load: Callable[[], Registry]) -> dict[str, Any]:
    """List the scripts that match; if none does, `error` names the nearest tags."""
    try:
        registry = load()
        found = find_scripts(registry, parse_query(arguments.word))
    except NoScriptError as error:
        return {"scripts": [], "nearest": list(error.hints), "closest": list(error.closest), "error": error.report()}
    if not arguments.as_json:
        rows = [(each.alias, ",".join(each.tags), each.name) for each in found]
        broken = [(str(each),) for each in registry.problems()]
        skipped = [Section("Skipped, with broken manifests", broken)] if broken else []
        show_sections([Section("", rows, ("script", "tags", "what it does")), *skipped])
    return {
        "scripts": [
            {"alias": each.alias, "uid": each.uid, "tags": list(each.tags), "name": each.name, "path": str(each.folder)}
            for each in found
        ],
        ARTIFACTS: [FoundArtifact(str(each.folder), partial(_manifest_of, each)) for each in found],
    }


def _manifest_of(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as its file has it."""
    path = next(path for name in MANIFEST_NAMES if (path := manifest.folder / name).is_file())
    return dict(parse_manifest(read_manifest(path), path))


def show_script(arguments: Arguments, load: Callable[[], Registry]) -> dict[str, Any]:
    """Show a script."""
    query = parse_query(arguments.word)
    if not query.required:
        raise RequestError(arguments.command.question)
    registry = load()
    described = describe(registry.select(query), query, registry)
    if not arguments.as_json:
        show_sections(list(_sections(described)))
    return {"script": described}


def options_to_help(query: Query, registry: Registry) -> list[tuple[str, list[Option]]]:
    """Return the option groups of the script that a query selects, for the help of a command."""
    manifest = registry.select(query)
    return option_groups(manifest, _defaults(manifest, query)[2])


def _sections(described: Mapping[str, Any]) -> Iterator[Section]:
    yield Section(
        f"{described['alias']}: {described['name']}" if described["name"] else described["alias"],
        [("folder", described["path"]), ("tags", ",".join(described["tags"])), ("uid", described["uid"])],
    )
    parts: dict[str, list[tuple[str, ...]]] = {
        "Options": [_option_row(each) for each in described["options"]],
        "Variations (of a group at most one)": [_variation_row(each) for each in described["variations"]],
        "Versions (--version, --version_min, --version_max)": [
            (each["version"], "default" if each["default"] else "") for each in described["versions"]
        ],
        "Dependencies": [_dependency_row(each) for each in described["dependencies"]],
        "Exports": [(key, f"with {name}" if name else "") for key, name in described["exports"].items()],
    }
    yield from (Section(title, rows) for title, rows in parts.items() if rows)
    keeps = described["keeps"]
    rows = [
        ("cached; rebuilt when these change:", ""),
        ("values", ", ".join(keeps["reads"]) or "none"),
        ("code", ", ".join(("its folder", *keeps["code"]))),
        ("choices", "version, variations, dependencies"),
    ]
    yield Section("Cache", rows if keeps["cache"] else [("not cached: it runs each time", "")])
    yield Section("Example", [(described["example"],)])


def _option_row(option: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"--{option['name']}{value_form(option)}", option["key"], notes_of(option))


def _variation_row(variation: Mapping[str, Any]) -> tuple[str, ...]:
    marks = [word for word in ("default", "on") if variation[word]]
    notes = (
        variation["description"],
        variation["alias"] and f"the same as _{variation['alias']}",
        variation["base"] and f"turns on {', '.join(f'_{name}' for name in variation['base'])}",
    )
    group = f"group {variation['group']}" if variation["group"] else ""
    return (group, f"_{variation['name']}", ", ".join(marks), "; ".join(filter(None, notes)))


def _dependency_row(dependency: Mapping[str, Any]) -> tuple[str, ...]:
    notes = (
        dependency["with"] and f"with {dependency['with']}",
        dependency["guard"],
        dependency["versions"] and f"version {dependency['versions']}",
    )
    names = " ".join(f"--adr.{name}" for name in dependency["names"])
    return (dependency["when"], dependency["tags"], names, "; ".join(filter(None, notes)))


def find_scripts(registry: Registry, query: Query) -> list[Manifest]:
    """Return the scripts with all tags and variations of a query, sorted by alias; `*` matches any text in a tag.

    Raises:
        NoScriptError: no script has them; the text names the unknown tags and the nearest ones.
    """
    found = [
        each
        for each in registry
        if all(any(fnmatchcase(tag, word) for tag in _tags(each)) for word in query.required)
        and not any(fnmatchcase(tag, word) for tag in _tags(each) for word in query.excluded)
        and all(_has_variation(each, name) for name in query.variations)
        and not any(_has_variation(each, name) for name in query.without)
    ]
    if found:
        return sorted(found, key=lambda each: each.alias)
    known = {tag for each in registry for tag in (*_tags(each), *(f"_{name}" for name in each.variations))}
    absent = (name for name in query.variations if not any(_has_variation(each, name) for each in registry))
    given = (*query.required, *(f"_{name}" for name in absent))
    unknown = [word for word in given if not any(fnmatchcase(tag, word) for tag in known)]
    raise registry.no_script_error(query, unknown, known)


def _tags(manifest: Manifest) -> frozenset[str]:
    return frozenset({*manifest.tags, manifest.alias, manifest.uid})


def _has_variation(manifest: Manifest, written: str) -> bool:
    prefix, dot, value = written.partition(".")
    return written in manifest.variations or bool(dot and value and f"{prefix}.#" in manifest.variations)


def describe(manifest: Manifest, query: Query, registry: Registry) -> dict[str, Any]:
    """Return a script's options, variations, dependencies, exports and cache, with the query's variations on.

    Raises:
        VariationError: the script has no such variation, or two exclude each other.
    """
    chosen, version, env = _defaults(manifest, query)
    example = ",".join((*_shortest_query(manifest, registry), *(f"_{name}" for name in query.variations)))
    return {
        "alias": manifest.alias,
        "uid": manifest.uid,
        "name": manifest.name,
        "path": str(manifest.folder),
        "tags": list(manifest.tags),
        "options": [describe_option(each, env) for each in manifest.inputs.values()],
        "variations": _variations(manifest, chosen),
        "versions": [{"version": each, "default": each == version} for each in manifest.versions],
        "dependencies": list(_dependencies(manifest)),
        "exports": _exports(manifest),
        "keeps": {"cache": manifest.cache, "reads": sorted(manifest.reads - VERSION_KEYS), "code": list(manifest.code)},
        "example": f"cm run script --tags={example}",
    }


def _defaults(manifest: Manifest, query: Query) -> tuple[Sequence[ChosenVariation], str, Environment]:
    """Return the variations and the version that a query chooses, and the values that they set."""
    chosen = choose_variations(manifest, query.variations, query.without)
    version = select_version(manifest.alias, manifest.versions, manifest.default_version, ANY_VERSION)
    return chosen, version, layered(manifest, chosen, version, Environment())


def _variations(manifest: Manifest, chosen: Sequence[ChosenVariation]) -> list[dict[str, Any]]:
    on = {each.variation.name for each in chosen}
    fields = ("name", "group", "default", "alias", "description")
    return [
        {**{field: getattr(each, field) for field in fields}, "on": each.name in on, "base": list(each.base)}
        for each in sorted(manifest.variations.values(), key=lambda each: each.group)
    ]


def _dependencies(manifest: Manifest) -> Iterator[dict[str, Any]]:
    blocks: list[tuple[Iterable[Dependency], str, str]] = [(manifest.deps, "before", "")]
    for name, variation in manifest.variations.items():
        blocks += [(variation.deps, "before", f"_{name}"), (variation.post_deps, "after", f"_{name}")]
    blocks += [(entry.deps, "before", f"version {version}") for version, entry in manifest.versions.items()]
    blocks.append((manifest.post_deps, "after", ""))
    for deps, when, owner in blocks:
        for each in deps:
            bounds = each.versions
            versions = (("", bounds.exact), ("at least ", bounds.minimum), ("at most ", bounds.maximum))
            yield {
                "tags": query_words(each),
                "names": list(each.names),
                "when": when,
                "with": owner,
                "guard": guard_words(each),
                "versions": ", ".join(f"{word}{version}" for word, version in versions if version),
                "env": {key: as_text(value) for key, value in each.env.items()},
            }


def _exports(manifest: Manifest) -> Mapping[str, str]:
    """Return the exported keys, each with the variation that exports it; "" for the script itself."""
    exports = dict.fromkeys(manifest.exports, "")
    for name, variation in manifest.variations.items():
        for key in variation.exports:
            exports.setdefault(key, f"_{name}")
    return exports


def _shortest_query(manifest: Manifest, registry: Registry) -> tuple[str, ...]:
    """Return the shortest prefix of its tags that selects only this script; its alias or UID if there is none."""
    others = [_tags(each) for each in registry if each.place != manifest.place]
    words = tuple(tag for tag in manifest.tags if tag != manifest.alias)
    prefixes = (words[:count] for count in range(1, len(words) + 1))
    unique = (each for each in prefixes if not any(tags.issuperset(each) for tags in others))
    names = (manifest.alias, manifest.uid)
    return next(unique, next(((name,) for name in names if not any(name in tags for tags in others)), names[:1]))
