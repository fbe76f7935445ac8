"""Audit the roles of values: what names a program, an output, a repository or an address is marked as such."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from scriptgraph.manifest.roles import marked_role, role_of_option, suggested_role
from scriptgraph.manifest.types import PLACEHOLDER, ROLES, matches_any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from scriptgraph.manifest.types import Dependency, Manifest, Role, Value

    Fault = tuple[str, str]

_CHOICES = f"{', '.join(ROLES[:-1])} or {ROLES[-1]}"
_READS = frozenset({"text", "path", "existing"})
# The calls whose first argument, or its first entry, is a program.
_RUNS = frozenset({"command", "Run", "probe", "capture", "run"})


def role_faults(manifest: Manifest, registry: Iterable[Manifest], code: ast.Module | None) -> Iterator[Fault]:
    """Yield the faults of a script's roles, each with the JSON pointer of its place.

    Args:
        manifest: the script's manifest.
        registry: all scripts; their marks and exports count too.
        code: the script's customize.py, if it has one.
    """
    every = tuple(registry)
    yield from _of_options(manifest, every)
    yield from _of_keys(manifest, every)
    yield from _of_flow(manifest, every)
    if code is not None:
        yield from _of_code(manifest, every, code)


def _of_options(manifest: Manifest, every: tuple[Manifest, ...]) -> Iterator[Fault]:
    for name, option in manifest.inputs.items():
        place = f"/inputs/{name}"
        if role_of_option(option) is None:
            reason = "is a path" if option.kind == "path" else f"suggests {suggested_role(name, option.env_key)}"
            yield place, f"{reason}, and has no role; write role: {_CHOICES}"
        elif option.role is None and option.kind == "text" and not option.choices:
            marked = marked_role(option.env_key, every)
            if marked not in {None, "value"}:
                yield place, f"has no role, but another script marks {option.env_key} as {marked}; write a role"


def _of_keys(manifest: Manifest, every: tuple[Manifest, ...]) -> Iterator[Fault]:
    for key in sorted(manifest.roles.keys() - manifest.reads):
        yield f"/roles/{key}", "is not a key that this script reads; add it to env_keys, or remove it"
    exports = tuple({key for each in every for key in _exports(each)})
    for key in manifest.env_keys:
        suggested = suggested_role(key)
        known = suggested in {None, "input"} or marked_role(key, every) or matches_any(key, exports)
        if not known:
            yield "/env_keys", f"{key} suggests {suggested}, and no script exports it; add it to roles: {_CHOICES}"


def _exports(manifest: Manifest) -> tuple[str, ...]:
    return (*manifest.exports, *(key for each in manifest.variations.values() for key in each.exports))


def _of_flow(manifest: Manifest, every: tuple[Manifest, ...]) -> Iterator[Fault]:
    """Yield the options that a dependency gets under a key of another role."""
    options = {option.env_key: option for option in manifest.inputs.values()}
    for env in _handed_down(manifest):
        for key, value in env.items():
            role = marked_role(key, every)
            for source in PLACEHOLDER.findall(value) if isinstance(value, str) else ():
                option = options.get(source)
                if role not in {None, "value", "input"} and option is not None and _lacks(option.role, role):
                    yield f"/inputs/{option.name}", f"reaches {key}, which is marked {role}; write role: {role}"


def _lacks(own: Role | None, role: Role | None) -> bool:
    return own != role and own not in {"output", "program", "repository", "address"}


def _handed_down(manifest: Manifest) -> Iterator[Mapping[str, Value]]:
    blocks: list[tuple[Dependency, ...]] = [manifest.deps, manifest.post_deps]
    for variation in manifest.variations.values():
        blocks += [variation.deps, variation.post_deps]
        yield variation.env
    yield manifest.env
    yield from (dependency.env for block in blocks for dependency in block)


def _of_code(manifest: Manifest, every: tuple[Manifest, ...], code: ast.Module) -> Iterator[Fault]:
    for node in (each for each in ast.walk(code) if isinstance(each, ast.Call)):
        key = _key_of(node, {"output_path"})
        if key and manifest.key_roles.get(key) != "output":
            yield "", f"writes to {key} in customize.py:{node.lineno}, which is not marked; write role: output"
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in _RUNS or not node.args:
            continue
        first = node.args[0]
        if isinstance(first, ast.List | ast.Tuple) and first.elts:
            first = first.elts[0]
        key = next(filter(None, (_key_of(each, _READS) for each in ast.walk(first))), "")
        exported = any(matches_any(key, _exports(each)) for each in every if each is not manifest)
        if key and not exported and manifest.key_roles.get(key) != "program":
            yield "", f"runs {key} in customize.py:{node.lineno}, which is not marked; write role: program"


def _key_of(node: ast.AST, methods: Iterable[str]) -> str:
    """Return the key that a call `context.METHOD("KEY")` reads; "" for another node."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods and node.args:
        key = node.args[0]
        return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""
    return ""
