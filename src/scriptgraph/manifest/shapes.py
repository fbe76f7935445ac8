"""The shapes of manifests: their keys, and the reader of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.manifest.limits import CPUS
from scriptgraph.manifest.located_json import (
    Malformed,
    Shape,
    decode_value,
    each,
    members,
    named,
    one_of,
    one_or_more,
    pointer_to,
    read_anything,
    read_boolean,
    read_number,
    read_object,
    read_query,
    read_text,
    read_texts,
    read_value,
    read_values,
)
from scriptgraph.manifest.queries import version_range
from scriptgraph.manifest.types import (
    ROLES,
    Dependency,
    ForEach,
    Input,
    Override,
    Variation,
    VersionEntry,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Keys of 2023's manifests that are not supported, each with its replacement.
_BY_CONTENT = "cache entries are found by their content; remove it"

OF_SCRIPTS = {
    "prehook_deps": "a script's code runs after all of its deps; move earlier work into a script of its own",
    "posthook_deps": "write post_deps, or move earlier work into a script of its own",
    "new_state_keys": "scripts export environment values only; write new_env_keys",
    "can_force_cache": "write cache: true",
    "extra_cache_tags_from_env": _BY_CONTENT,
    "cache_expiration": _BY_CONTENT,
    "clean_files": "each cache entry has a folder of its own; remove it",
    "valid_variation_combinations": "put variations that exclude each other into a group; write base for the others",
    "docker": "scripts do not run in containers of their own; remove it",
    "predeps": "dependencies always run before the script; remove it",
    "category": "write tags",
    "category_sort": "write tags",
}

OF_VARIATIONS = {
    **{key: OF_SCRIPTS[key] for key in ("prehook_deps", "posthook_deps", "new_state_keys", "docker")},
    "ad": "write adr",
    "default_version": "write version in the dependency, or version_min and version_max in adr",
}

OF_DEPENDENCIES = {
    "force_env_keys": 'write env: {"KEY": "<<<KEY>>>"}',
    "reuse_version": "write version in the dependency",
    "inherit_variation_tags": "write update_tags_from_env_with_prefix, or the variation in tags",
    "extra_cache_tags": _BY_CONTENT,
    "reuse_cached": _BY_CONTENT,
    "dynamic": "a dependency is settled as soon as its keys are known; remove it",
    "force_cache": "write cache: true in the script itself",
    "quiet": "no script asks questions; remove it",
}

_VERSION_KEYS = ("version", "version_min", "version_max")
_OF_OVERRIDES: Mapping[str, Callable[[Any], Any]] = {"tags": read_texts, **dict.fromkeys(_VERSION_KEYS, read_text)}
# A condition has one value, or a list of them.
_read_conditions = members(one_or_more(read_value))


def decode_override(fields: Mapping[str, Any]) -> Override:
    """Decode the override of one name, from `--adr.NAME.*` or a manifest's `adr`.

    Raises:
        TypeError: a member is an object.
    """
    tags = fields.get("tags", "")
    return Override(
        tags=",".join(tags) if isinstance(tags, list) else str(tags),
        versions=version_range(*(str(fields.get(key, "")) for key in _VERSION_KEYS)),
        inputs={
            key.replace("-", "_"): decode_value(value)
            for key, value in fields.items()
            if key != "tags" and key not in _VERSION_KEYS
        },
    )


def _read_override(value: Any) -> Override:
    for key in read_object(value):
        members(_OF_OVERRIDES.get(key, read_value))({key: value[key]})
    return decode_override(value)


_for_each = Shape(
    {
        "table": read_text,
        "where": members(lambda value: members(read_texts)(value) if isinstance(value, dict) else read_texts(value)),
        "label": read_text,
    },
    ForEach,
    {"table": "for_each needs a table"},
)
dependency = Shape(
    {
        "tags": read_query,
        "names": read_texts,
        "enable_if_env": _read_conditions,
        "skip_if_env": _read_conditions,
        "skip_if_any_env": _read_conditions,
        "env": read_values,
        "update_tags_from_env_with_prefix": members(read_texts),
        "update_tags_from_env": read_texts,
        "may_fail": read_text,
        "for_each": _for_each,
        **dict.fromkeys(_VERSION_KEYS, read_text),
    },
    Dependency,
    {"tags": "a dependency needs tags"},
    OF_DEPENDENCIES,
    {
        "enable_if_env": "enable",
        "skip_if_env": "skip",
        "skip_if_any_env": "skip_any",
        "update_tags_from_env": "tags_from",
        "update_tags_from_env_with_prefix": "prefixed_tags_from",
    },
)
_dependencies = each(dependency)
_overrides = members(_read_override)
variation = Shape(
    {
        **dict.fromkeys(("description", "group", "alias"), read_text),
        **dict.fromkeys(("env", "default_env"), read_values),
        **dict.fromkeys(("deps", "post_deps"), _dependencies),
        **dict.fromkeys(("base", "new_env_keys"), read_texts),
        **dict.fromkeys(("add_deps_recursive", "adr"), _overrides),
        "default": read_boolean,
        "default_variations": members(read_text),
        "for_each": _for_each,
    },
    Variation,
    retired=OF_VARIATIONS,
    names={"new_env_keys": "exports", "adr": "overrides", "add_deps_recursive": "overrides"},
)


def _read_maximum(value: Any) -> float | str:
    if isinstance(value, str) and value != CPUS:
        raise Malformed(f"must be a number or {CPUS}")
    return CPUS if isinstance(value, str) else read_number(value)


def _read_bytes(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Malformed("must be a whole number of bytes above 0")
    return value


def _make_option(**fields: Any) -> Input:
    made = Input(**fields)
    for keys, kinds in _ONLY_OF.items():
        for key in keys:
            if key in fields and made.kind not in kinds:
                raise Malformed(
                    f"belongs to the type {' or '.join(kinds)}; set that type, or remove it", pointer_to(key)
                )
    return made


_ONLY_OF = {
    ("whole", "minimum", "above", "below", "maximum"): ("number", "numbers"),
    ("longest",): ("text", "name"),
    ("place",): ("path",),
}
option = Shape(
    {
        "env": read_text,
        "desc": read_text,
        "default": read_value,
        "choices": read_texts,
        "type": one_of("text", "name", "path", "number", "numbers", "flag"),
        "refused": members(read_text),
        "needs": read_text,
        "role": one_of(*ROLES),
        "whole": read_boolean,
        **dict.fromkeys(("minimum", "above", "below"), read_number),
        "maximum": _read_maximum,
        "longest": _read_bytes,
        "place": one_of("existing", "folder", "file"),
    },
    _make_option,
    {"env": "an input needs env, the key that it sets"},
    names={"env": "env_key", "desc": "description", "type": "kind"},
)
read_inputs = named(option)
_description: Shape[dict[str, Any]] = Shape(
    {key: option.readers[key] for key in ("desc", "default", "choices")}, dict, names={"desc": "description"}
)
read_fields: Shape[dict[str, Any]] = Shape(
    {
        **dict.fromkeys(("automation_alias", "automation_uid"), read_anything),
        **dict.fromkeys(("alias", "uid", "name", "default_variation", "default_version"), read_text),
        **dict.fromkeys(("tags", "env_keys", "local_env_keys", "new_env_keys", "code", "inputs_from"), read_texts),
        **dict.fromkeys(("cache", "measures", "downloads", "estimates", "light", "pure"), read_boolean),
        **dict.fromkeys(("default_env", "env"), read_values),
        **dict.fromkeys(("deps", "post_deps"), _dependencies),
        **dict.fromkeys(("input_mapping", "retired_names"), members(read_text)),
        "roles": members(one_of(*ROLES)),
        "input_description": members(
            Shape(
                {"desc": read_text, "default": read_value, "choices": read_texts}, dict, names={"desc": "description"}
            )
        ),
        "inputs": read_inputs,
        "variations": named(variation),
        "versions": members(Shape({"env": read_values, "deps": _dependencies}, VersionEntry)),
    },
    dict,
    {key: f"needs {key}" for key in ("alias", "uid", "tags")},
    OF_SCRIPTS,
    {"new_env_keys": "exports"},
)
