"""The sources of the keys that steps read: an export of a step before, an option, or a value of a manifest.

Code that can do without a key reads it with a default or asks for it first. A key that is read in no other way than by
`context.text(KEY)`, `name(KEY)` or `existing(KEY)` ends the run when it has no value.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from scriptgraph.errors import nearest
from scriptgraph.manifest.queries import VERSION_KEYS, parse_query
from scriptgraph.manifest.types import matches_any
from scriptgraph.planning.environment import Unknown
from scriptgraph.planning.resolver import possible_exports

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.manifest.types import Dependency, Manifest
    from scriptgraph.planning.plan import Plan, Step

    Fault = tuple[str, str]

# A key has a value, or reading it raises.
_NEEDING = frozenset({"text", "name", "existing"})
_ASKING = frozenset({"text", "name", "path", "output_path", "value", "flag", "number", "whole", "failures"})


def unsourced_keys(plan: Plan, registry: Registry) -> Iterator[str]:
    """Yield a sentence for each key that a step of a plan needs and nothing before it sets or exports.

    A deferred dependency may export what any script exports that it may select.
    """
    steps = list(plan.steps())
    waiting = ((need.dependency, step.manifest) for step in steps for need in step.needs() if need.waits_for)
    found = Unknown(key for dep, parent in waiting for key in possible_exports(dep, parent, registry))
    needed: dict[str, frozenset[str]] = {}
    reported = set[tuple[str, str]]()
    for step in steps:
        place, alias = step.manifest.place, step.manifest.alias
        if place not in needed:
            needed[place] = needed_keys(step.manifest)
        for key in sorted(needed[place] - _set_by(step)) if needed[place] else ():
            # A hook that checks an entry reads what the step itself has exported.
            if key not in found and not matches_any(key, step.exports) and (alias, key) not in reported:
                reported.add((alias, key))
                yield f"{alias} needs {key}, which nothing before it exports{_hint(key, found.patterns)}"
        found = found.and_also(step.exports)


def _set_by(step: Step) -> frozenset[str]:
    options = {each.env_key for each in step.manifest.inputs.values()}
    return frozenset(options.union(key for key, value in step.env.items() if value not in {None, ""}))


def _hint(key: str, known: Iterable[str]) -> str:
    close = nearest(key, (each for each in known if "*" not in each), 1)
    return f"; did you mean {close[0]}?" if close else "; depend on a script that exports it, or make it an option"


def source_faults(manifest: Manifest, registry: Registry) -> Iterator[Fault]:
    """Yield the keys that a script reads and that have no source, each with the JSON pointer of its place.

    A script that others depend on may get a key from them. Any other script gets it from its own dependencies, or is
    given it as an option. A key with a role counts as one that users set by `--env`.
    """
    every = tuple(registry)
    patterns, keys = _sources(every)
    for key in sorted({*manifest.env_keys, *manifest.deciding_keys} - VERSION_KEYS):
        if key not in keys and not matches_any(key, patterns):
            place = "/env_keys" if key in manifest.env_keys else ""
            yield place, f"{key} is exported by no script and set by no option{_suggested(key, {*patterns, *keys})}"
    if not _is_dependency(manifest, every):
        exports = (*_sources((manifest,))[0], *_sources(_below(manifest, registry))[0])
        for key in sorted(needed_keys(manifest) - _own_keys(manifest) - VERSION_KEYS - set(manifest.roles)):
            if not matches_any(key, exports) and (key in keys or matches_any(key, patterns)):
                hint = _hint(key, exports)
                yield "/env_keys", f"{key} is needed, and no dependency of this script exports it{hint}"


def _suggested(key: str, known: Iterable[str]) -> str:
    close = nearest(key, (each for each in known if "*" not in each), 1)
    mark = "if users set it by --env, give it a role (roles)"
    return f"; did you mean {close[0]}?" if close else f"; {mark}"


def _sources(manifests: Iterable[Manifest]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the patterns of all exports, and all keys that options, manifests, roles and dependencies set."""
    patterns, keys = dict[str, None](), set[str]()
    for each in manifests:
        patterns |= dict.fromkeys((*each.exports, *(key for one in each.variations.values() for key in one.exports)))
        keys |= _own_keys(each).union(each.roles)
        for dependency in each.all_deps:
            keys |= {*dependency.env, dependency.may_fail} - {""}
    return tuple(patterns), frozenset(keys)


def _own_keys(manifest: Manifest) -> frozenset[str]:
    """Return the keys that a script's options, variations, versions and other values set."""
    keys = {*manifest.defaults, *manifest.env, *(each.env_key for each in manifest.inputs.values())}
    keys.update(key for each in manifest.variations.values() for key in (*each.env, *each.default_env))
    keys.update(key for each in manifest.versions.values() for key in each.env)
    return frozenset(keys)


def _is_dependency(manifest: Manifest, every: Iterable[Manifest]) -> bool:
    """Whether a script may be a dependency of another one."""
    tags = {*manifest.tags, manifest.alias, manifest.uid}
    return any(tags.issuperset(_tags_of(dep)) for each in every for dep in each.all_deps)


def _below(manifest: Manifest, registry: Registry) -> list[Manifest]:
    """Return all scripts that a script may depend on, at any depth, whatever guards and variations say."""
    found, waiting = dict[str, "Manifest"](), [manifest]
    while waiting:
        each = waiting.pop()
        for dependency in each.all_deps:
            for other in registry.candidates(_tags_of(dependency), each.repository):
                if other.place not in found:
                    found[other.place] = other
                    waiting.append(other)
    return list(found.values())


def _tags_of(dependency: Dependency) -> tuple[str, ...]:
    return parse_query(dependency.tags.replace("#", "x")).required


def needed_keys(manifest: Manifest) -> frozenset[str]:
    """Return the keys without which a script's own code cannot run."""
    try:
        tree = ast.parse((manifest.folder / "customize.py").read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    needed, asked = set[str](), set[str]()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        key = node.args[0]
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str) and _of_context(node.func)):
            continue
        alone = len(node.args) == 1 and not node.keywords
        if node.func.attr in _NEEDING and alone:
            needed.add(key.value)
        elif node.func.attr in _ASKING:
            asked.add(key.value)
    return frozenset(needed - asked)


def _of_context(function: ast.Attribute) -> bool:
    return isinstance(function.value, ast.Name) and function.value.id == "context"
