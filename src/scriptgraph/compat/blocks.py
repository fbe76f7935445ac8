"""Read the blocks that manifests of 2023 are made of: dependencies, variations, overrides and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.compat.keys import OF_DEPENDENCIES
from scriptgraph.manifest.foreign import ConditionalValues, ForeignBlock
from scriptgraph.manifest.located_json import Malformed, each, kind, read_object, read_text, read_texts
from scriptgraph.manifest.queries import version_range
from scriptgraph.manifest.types import Dependency, Override, Value, Variation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptgraph.manifest.types import Conditions, Values

_VERSION_KEYS = ("version", "version_min", "version_max")
_CONDITIONS = frozenset({"enable_if_env", "enable_if_any_env", "skip_if_env", "skip_if_any_env"})
_TRUE = frozenset({"true", "yes", "1", "on"})
_OF_DEPENDENCIES = frozenset({
    "tags", "names", "enable_if_env", "enable_if_any_env", "skip_if_env", "skip_if_any_env", "env", "local_env",
    "state", "update_tags_from_env", "update_tags_from_env_with_prefix", "force_env_keys", "reuse_version",
    "force_cache", "inherit_variation_tags", "skip_inherit_variation_groups", "version_max_usable", "ignore_missing",
    "skip_if_fake_run", "force_new_env_keys", "new_env_keys", "adr", "add_deps_recursive", *_VERSION_KEYS,
})  # fmt: skip


def texts(value: Any) -> tuple[str, ...]:
    """Read a list of texts, or one text; numbers become text, and None and an empty list are the same."""
    if isinstance(value, list):
        value = [str(entry) if isinstance(entry, int | float) else entry for entry in value]
    return read_texts(value) if value else ()


def read_raw_values(value: Any) -> Values:
    """Read environment values as they are written: unlike ours, "on" and "True" stay different words."""
    if value is None:
        return {}
    return {key: raw_value(member, key) for key, member in read_object(value).items()}


def raw_value(value: Any, key: str) -> Value:
    """Convert a value of the environment; booleans become Python's words for them, as in 2023."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return tuple(map(str, value))
    if value is None or isinstance(value, str | int | float):
        return value
    raise Malformed(f"{kind(value)} is not a value of the environment", "/env/" + key)


def read_dependencies(fields: Mapping[str, Any], key: str, keeps: tuple[str, ...] = ()) -> tuple[Dependency, ...]:
    """Read a list of dependencies; those without tags do nothing, as in 2023."""
    found = fields.get(key) or []
    try:
        dependencies = each(lambda value: _dependency(read_object(value), keeps))(found)
    except Malformed as error:
        raise error.below(key) from None
    return tuple(dependency for dependency in dependencies if dependency.tags)


def _dependency(fields: Mapping[str, Any], keeps: tuple[str, ...]) -> Dependency:
    names = texts(fields.get("names"))
    prefixed = fields.get("update_tags_from_env_with_prefix") or {}
    # Further members are options of the dependency, as all members are in 2023.
    options = {
        key: raw_value(value, key)
        for key, value in fields.items()
        if key not in _OF_DEPENDENCIES and key not in OF_DEPENDENCIES
        if not key.startswith(("version", "update_tags", "force")) and not isinstance(value, dict)
    }
    return Dependency(
        tags=",".join(texts(fields.get("tags"))),
        names=names,
        enable=_conditions(fields, "enable_if_env"),
        enable_any=_conditions(fields, "enable_if_any_env"),
        skip=_conditions(fields, "skip_if_env"),
        skip_any=_conditions(fields, "skip_if_any_env"),
        tags_from=texts(fields.get("update_tags_from_env")),
        prefixed_tags_from={prefix: texts(keys) for prefix, keys in read_object(prefixed).items()},
        env=read_raw_values({**(fields.get("env") or {}), **(fields.get("local_env") or {})}),
        lenient=True,
        keeps=texts(fields.get("force_env_keys")) + keeps,
        reuses_version=_on(fields.get("reuse_version")),
        inherits_variations=_on(fields.get("inherit_variation_tags")),
        not_inherited=texts(fields.get("skip_inherit_variation_groups")),
        options=options,
        version=str(fields.get("version", "")),
        version_min=str(fields.get("version_min", "")),
        version_max=str(fields.get("version_max", "")),
    )


def _conditions(fields: Mapping[str, Any], key: str) -> Conditions:
    found = read_object(fields.get(key) or {})
    return {
        name: tuple(str(word) if isinstance(word, bool) else word for word in _listed(value))
        for name, value in found.items()
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _on(value: Any) -> bool:
    return str(value).lower() in _TRUE


def read_overrides(fields: Mapping[str, Any], *keys: str) -> dict[str, Override]:
    """Read overrides by name; later keys go over earlier ones."""
    merged: dict[str, Override] = {}
    for key in keys:
        for name, value in read_object(fields.get(key) or {}).items():
            # A text instead of an object has no effect in 2023 either.
            override = _override(value) if isinstance(value, dict) else Override()
            merged[name] = override.over(merged[name]) if name in merged else override
    return merged


def _override(fields: Mapping[str, Any]) -> Override:
    words = {key.replace("-", "_"): value for key, value in fields.items()}
    return Override(
        tags=",".join(texts(words.get("tags"))),
        versions=version_range(*(str(words.get(key, "")) for key in _VERSION_KEYS)),
        env=read_raw_values(words.get("env")),
        inputs={
            key: raw_value(value, key)
            for key, value in words.items()
            if key not in {"tags", "env", "extra_cache_tags", "names"}
            and not key.startswith(("version", "skip_if", "enable_if"))
            if not isinstance(value, dict)
        },
    )


def read_block(fields: Mapping[str, Any]) -> ForeignBlock:
    """Read the members of a manifest, a variation or a version that ours do not have."""
    return ForeignBlock(
        prehook=read_dependencies(fields, "prehook_deps"),
        posthook=read_dependencies(fields, "posthook_deps"),
        state=read_object(fields.get("state") or {}),
        own_overrides=read_overrides(fields, "ad", "add_deps"),
        conditional=_conditional(fields),
    )


def _conditional(fields: Mapping[str, Any]) -> tuple[ConditionalValues, ...]:
    found = []
    for number, change in enumerate(fields.get("update_meta_if_env") or ()):
        if more := sorted(change.keys() - _CONDITIONS - {"env", "default_env", "docker"}):
            problem = f"changes {', '.join(more)} by the environment, which is not supported; write variations instead"
            raise Malformed(problem, f"/update_meta_if_env/{number}")
        guard = _dependency({key: change[key] for key in _CONDITIONS & change.keys()}, ())
        values = {key: read_raw_values(change.get(key)) for key in ("env", "default_env")}
        found += [ConditionalValues(guard, **values)] if any(values.values()) else []
    return tuple(found)


def read_variation(value: Any, name: str) -> Variation:
    """Read a variation."""
    fields = read_object(value or {})
    block = read_block(fields)
    post = read_dependencies(fields, "post_deps", keeps=("*",))
    states = tuple(f"state.{key}" for key in texts(fields.get("new_state_keys")))
    preferred = {**(fields.get("default-variations") or {}), **(fields.get("default_variations") or {})}
    try:
        return Variation(
            name=name,
            description=str(fields.get("description", "")),
            group=read_text(fields.get("group", "")),
            default=_on(fields.get("default")),
            alias=read_text(fields.get("alias", "")),
            base=texts(fields.get("base")),
            default_variations={group: str(name) for group, name in preferred.items()},
            env=read_raw_values(fields.get("env")),
            default_env=read_raw_values(fields.get("default_env")),
            deps=read_dependencies(fields, "deps"),
            exports=texts(fields.get("new_env_keys")) + states,
            overrides=read_overrides(fields, "add_deps_recursive", "adr"),
            foreign=block.replaced(post=post),
        )
    except Malformed as error:
        raise error from None
