"""The shapes of manifests: which keys there are, and how each is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.manifest.located_json import (
    Malformed,
    Shape,
    decode_value,
    each,
    members,
    named,
    read_boolean,
    read_text,
    read_texts,
    read_value,
    read_values,
)
from scriptgraph.manifest.retired_keys import OF_DEPENDENCIES, OF_SCRIPTS, OF_VARIATIONS
from scriptgraph.manifest.types import (
    Condition,
    Dependency,
    ForEach,
    Guard,
    Input,
    Override,
    TagUpdate,
    Variation,
    VersionEntry,
)
from scriptgraph.manifest.versions import VersionRange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_VERSION_KEYS = ("version", "version_min", "version_max")


_OF_OVERRIDES: Mapping[str, Callable[[Any], Any]] = {"tags": read_texts, **dict.fromkeys(_VERSION_KEYS, read_text)}
# A guard has one value, or a list of them; any spelling of yes in the list is one too.
_wanted = members(lambda value: each(read_value)(value) if isinstance(value, list) else (read_value(value),))


def _read_conditions(value: Any) -> tuple[Condition, ...]:
    return tuple(Condition(key, wanted) for key, wanted in _wanted(value).items())


def _read_tags(value: Any) -> str:
    tags = read_texts(value)
    if not tags:
        raise Malformed("names no tag")
    return ",".join(tags)


def _make_dependency(found: dict[str, Any]) -> Dependency:
    updates = [TagUpdate(prefix, keys) for prefix, keys in found.get("update_tags_from_env_with_prefix", {}).items()]
    if "update_tags_from_env" in found:
        updates.append(TagUpdate("", found["update_tags_from_env"]))
    guards = [found.get(key, ()) for key in ("enable_if_env", "skip_if_env", "skip_if_any_env")]
    return Dependency(
        found["tags"],
        found.get("names", ()),
        Guard(*guards) if any(guards) else Guard(),
        tuple(updates),
        found.get("env", {}),
        VersionRange(*(found.get(key, "") for key in _VERSION_KEYS)),
        found.get("may_fail", ""),
        found.get("for_each"),
    )


def decode_override(fields: Mapping[str, Any]) -> Override:
    """Read what `--adr.NAME.*` or a manifest's `adr` says of one name.

    Raises:
        TypeError: a member has members itself.
    """
    tags = fields.get("tags", "")
    return Override(
        tags=",".join(tags) if isinstance(tags, list) else str(tags),
        versions=VersionRange(*(str(fields.get(key, "")) for key in _VERSION_KEYS)),
        inputs={
            key.replace("-", "_"): decode_value(value)
            for key, value in fields.items()
            if key != "tags" and key not in _VERSION_KEYS
        },
    )


def _read_override(value: Any) -> Override:
    for key in members(lambda member: member)(value):
        reader: Callable[[Any], object] = _OF_OVERRIDES.get(key, read_value)
        members(reader)({key: value[key]})
    return decode_override(value)


def _make_variation(name: str, found: dict[str, Any]) -> Variation:
    return Variation(
        name=name,
        description=found.get("description", ""),
        group=found.get("group", ""),
        default=found.get("default", False),
        alias=found.get("alias", ""),
        base=found.get("base", ()),
        default_variations=found.get("default_variations", {}),
        env=found.get("env", {}),
        default_env=found.get("default_env", {}),
        deps=found.get("deps", ()),
        post_deps=found.get("post_deps", ()),
        exports=found.get("new_env_keys", ()),
        overrides=found.get("adr", found.get("add_deps_recursive", {})),
        for_each=found.get("for_each"),
    )


def _read_kind(value: Any) -> str:
    word = read_text(value)
    if word not in {"text", "path", "number", "flag"}:
        raise Malformed("must be text, path, number or flag")
    return word


def make_input(name: str, found: Mapping[str, Any]) -> Input:
    """Make an option of the members that an object of `inputs` has."""
    return Input(
        name,
        found["env"],
        found.get("desc", ""),
        found.get("default"),
        found.get("choices", ()),
        found.get("refused", {}),
        found.get("type", "text"),
        found.get("needs", ""),
    )


_for_each = Shape(
    {
        "table": read_text,
        "where": members(lambda value: members(read_texts)(value) if isinstance(value, dict) else read_texts(value)),
    },
    lambda found: ForEach(found["table"], found.get("where", {})),
    {"table": "for_each needs a table"},
)
dependency = Shape(
    {
        "tags": _read_tags,
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
    _make_dependency,
    {"tags": "a dependency needs tags"},
    OF_DEPENDENCIES,
)
_dependencies = each(dependency)
_overrides = members(_read_override)
variation = Shape(
    {
        "description": read_text,
        "group": read_text,
        "default": read_boolean,
        "alias": read_text,
        "base": read_texts,
        "default_variations": members(read_text),
        "env": read_values,
        "default_env": read_values,
        "deps": _dependencies,
        "post_deps": _dependencies,
        "new_env_keys": read_texts,
        "adr": _overrides,
        "add_deps_recursive": _overrides,
        "for_each": _for_each,
    },
    lambda found: found,
    retired=OF_VARIATIONS,
)
_version = Shape(
    {"env": read_values, "deps": _dependencies},
    lambda found: VersionEntry(found.get("env", {}), found.get("deps", ())),
)
option = Shape(
    {
        "env": read_text,
        "desc": read_text,
        "default": read_value,
        "choices": read_texts,
        "type": _read_kind,
        "refused": members(read_text),
        "needs": read_text,
    },
    lambda found: found,
    {"env": "an input needs env, the key that it sets"},
)
read_inputs = named(option, make_input)
_description = Shape({"desc": read_text, "default": read_value, "choices": read_texts}, lambda found: found)
read_fields = Shape(
    {
        **dict.fromkeys(("automation_alias", "automation_uid"), lambda value: value),
        **dict.fromkeys(("alias", "uid", "name", "default_variation", "default_version"), read_text),
        **dict.fromkeys(("tags", "env_keys", "local_env_keys", "new_env_keys", "code", "inputs_from"), read_texts),
        **dict.fromkeys(("cache", "measures", "downloads", "pure"), read_boolean),
        **dict.fromkeys(("default_env", "env"), read_values),
        **dict.fromkeys(("deps", "post_deps"), _dependencies),
        **dict.fromkeys(("input_mapping", "retired_names"), members(read_text)),
        "input_description": members(_description),
        "inputs": read_inputs,
        "variations": named(variation, _make_variation),
        "versions": members(_version),
    },
    lambda found: found,
    {key: f"needs {key}" for key in ("alias", "uid", "tags")},
    OF_SCRIPTS,
)
