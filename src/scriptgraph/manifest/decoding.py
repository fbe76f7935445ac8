"""Decode a manifest; every error names the file and, by JSON pointer, the place."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from scriptgraph.errors import ManifestError
from scriptgraph.manifest.located_json import Fields, Place, decode_value
from scriptgraph.manifest.retired_keys import OF_DEPENDENCIES, OF_SCRIPTS, OF_VARIATIONS
from scriptgraph.manifest.text import parse_manifest
from scriptgraph.manifest.types import (
    Condition,
    Dependency,
    Guard,
    Input,
    Manifest,
    Override,
    TagUpdate,
    Variation,
    VersionEntry,
)
from scriptgraph.manifest.versions import VersionRange

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# A script has one of these files.
MANIFEST_NAMES = ("_cm.json", "_cm.yaml")
_VERSION_KEYS = frozenset({"version", "version_min", "version_max"})
_DEPENDENCY_KEYS = _VERSION_KEYS | {
    "tags", "names", "enable_if_env", "skip_if_env", "skip_if_any_env", "env", "update_tags_from_env_with_prefix",
    "update_tags_from_env", "may_fail",
}  # fmt: skip
_VARIATION_KEYS = frozenset({
    "description", "group", "default", "alias", "base", "default_variations", "env", "default_env", "deps",
    "post_deps", "new_env_keys", "adr", "add_deps_recursive",
})  # fmt: skip
_DESCRIPTION_KEYS = frozenset({"desc", "default", "choices"})
_INPUT_KEYS = frozenset({"env", "desc", "default", "choices", "type", "refused", "needs"})
_MANIFEST_KEYS = frozenset({
    "automation_alias", "automation_uid", "alias", "uid", "tags", "name", "deps", "post_deps", "variations",
    "inputs", "default_env", "env", "env_keys", "local_env_keys", "new_env_keys", "versions", "input_mapping",
    "input_description", "default_variation", "default_version", "cache", "measures", "downloads", "pure", "code",
    "retired_names",
})  # fmt: skip


def _conditions(place: Place) -> tuple[Condition, ...]:
    found = []
    for key, wanted in place.mapping().items():
        places = wanted.items() if isinstance(wanted.value, list) else [wanted]
        found.append(Condition(key, tuple(each.one_value() for each in places)))
    return tuple(found)


def _tag_updates(fields: Fields) -> tuple[TagUpdate, ...]:
    updates = []
    if "update_tags_from_env_with_prefix" in fields:
        for prefix, keys in fields["update_tags_from_env_with_prefix"].mapping().items():
            updates.append(TagUpdate(prefix, keys.texts()))
    if "update_tags_from_env" in fields:
        updates.append(TagUpdate("", fields["update_tags_from_env"].texts()))
    return tuple(updates)


def _versions(fields: Fields) -> VersionRange:
    exact, low, high = (fields.get_as(key, Place.text, "") for key in ("version", "version_min", "version_max"))
    return VersionRange(exact, low, high)


def _dependency(place: Place) -> Dependency:
    fields = place.mapping(_DEPENDENCY_KEYS, OF_DEPENDENCIES)
    if "tags" not in fields:
        place.fail("a dependency needs tags")
    tags = fields["tags"].texts()
    if not tags:
        fields["tags"].fail("names no tag")
    return Dependency(
        tags=",".join(tags),
        names=fields.get_as("names", Place.texts, ()),
        guard=Guard(
            fields.get_as("enable_if_env", _conditions, ()),
            fields.get_as("skip_if_env", _conditions, ()),
            fields.get_as("skip_if_any_env", _conditions, ()),
        ),
        tag_updates=_tag_updates(fields),
        env=fields.get_as("env", Place.values, {}),
        versions=_versions(fields),
        may_fail=fields.get_as("may_fail", Place.text, ""),
    )


def _dependencies(place: Place) -> tuple[Dependency, ...]:
    return tuple(_dependency(each) for each in place.items())


def decode_override(fields: Mapping[str, Any]) -> Override:
    """Read what `--adr.NAME.*` or a manifest's `adr` says of one name.

    Raises:
        TypeError: a member has members itself.
    """
    tags = fields.get("tags", "")
    return Override(
        tags=",".join(tags) if isinstance(tags, list) else str(tags),
        versions=VersionRange(*(str(fields.get(key, "")) for key in ("version", "version_min", "version_max"))),
        inputs={
            key.replace("-", "_"): decode_value(value)
            for key, value in fields.items()
            if key != "tags" and key not in _VERSION_KEYS
        },
    )


def _overrides(fields: Fields) -> Mapping[str, Override]:
    place = fields.get("adr", fields.get("add_deps_recursive"))
    if place is None:
        return {}
    found = {}
    for name, entry in place.mapping().items():
        members = entry.mapping()
        readers = {"tags": Place.texts, **dict.fromkeys(_VERSION_KEYS, Place.text)}
        for key, each in members.items():
            readers.get(key, Place.one_value)(each)  # what it raises names the place
        found[name] = decode_override({key: each.value for key, each in members.items()})
    return found


def _variation(name: str, place: Place) -> Variation:
    fields = place.mapping(_VARIATION_KEYS, OF_VARIATIONS)
    groups = fields.members("default_variations")
    return Variation(
        name=name,
        description=fields.get_as("description", Place.text, ""),
        group=fields.get_as("group", Place.text, ""),
        default=fields.get_as("default", Place.boolean, False),
        alias=fields.get_as("alias", Place.text, ""),
        base=fields.get_as("base", Place.texts, ()),
        default_variations={group: each.text() for group, each in groups.items()},
        env=fields.get_as("env", Place.values, {}),
        default_env=fields.get_as("default_env", Place.values, {}),
        deps=fields.get_as("deps", _dependencies, ()),
        post_deps=fields.get_as("post_deps", _dependencies, ()),
        exports=fields.get_as("new_env_keys", Place.texts, ()),
        overrides=_overrides(fields),
    )


def _input(name: str, place: Place) -> Input:
    fields = place.mapping(_INPUT_KEYS)
    if "env" not in fields:
        place.fail("an input needs env, the key that it sets")
    kind = fields.get_as("type", Place.text, "text")
    if kind not in {"text", "path", "number", "flag"}:
        fields["type"].fail("must be text, path, number or flag")
    return Input(
        name=name,
        env_key=fields["env"].text(),
        description=fields.get_as("desc", Place.text, ""),
        default=fields.get_as("default", Place.one_value, None),
        choices=fields.get_as("choices", Place.texts, ()),
        refused={value: each.text() for value, each in fields.members("refused").items()},
        kind=kind,  # type: ignore[arg-type]  # narrowed by the check above
        needs=fields.get_as("needs", Place.text, ""),
    )


def _mapped_inputs(fields: Fields) -> dict[str, Input]:
    """Read options as 2023's manifests declare them: `input_mapping`, with what `input_description` says of each."""
    described = fields.members("input_description")
    found = {}
    for name, key in fields.members("input_mapping").items():
        said = described[name].mapping(_DESCRIPTION_KEYS) if name in described else Fields()
        found[name] = Input(
            name=name,
            env_key=key.text(),
            description=said.get_as("desc", Place.text, ""),
            default=said.get_as("default", Place.one_value, None),
            choices=said.get_as("choices", Place.texts, ()),
        )
    for name, place in described.items():
        if name not in found:
            place.fail("describes an option that input_mapping does not have")
    return found


def _variations(places: Fields, fields: Fields) -> dict[str, Variation]:
    found = {key: _variation(key, each) for key, each in places.items()}
    if "default_variation" in fields:
        name = fields["default_variation"].text()
        if name not in found:
            fields["default_variation"].fail(f"must be one of variations: {', '.join(found) or 'there are none'}")
        found[name] = found[name].replaced(default=True)
    return found


def _version_entry(place: Place) -> VersionEntry:
    fields = place.mapping(frozenset({"env", "deps"}))
    return VersionEntry(fields.get_as("env", Place.values, {}), fields.get_as("deps", _dependencies, ()))


def _default_version(fields: Fields) -> str:
    default = fields.get_as("default_version", Place.text, "")
    known = fields.members("versions")
    if default and default not in known:
        listed = f": {', '.join(known)}" if known else ", of which there are none"
        fields["default_version"].fail(f"must be one of versions{listed}")
    return default


def decode_manifest(text: str, path: Path) -> Manifest:
    """Decode the manifest of the script in `path`'s folder.

    Raises:
        ManifestError: the text cannot be parsed, or says something without meaning.
    """
    others = [name for name in MANIFEST_NAMES if name != path.name and (path.parent / name).is_file()]
    if others:
        raise ManifestError(path, "", f"stands beside {others[0]}; keep one of them")
    place = Place(path, "", parse_manifest(text, path))
    fields = place.mapping(_MANIFEST_KEYS, OF_SCRIPTS)
    for key in ("alias", "uid", "tags"):
        if key not in fields:
            place.fail(f"needs {key}")
    named = {key: fields.members(key) for key in ("variations", "inputs", "versions")}
    return Manifest(
        alias=fields["alias"].text(),
        uid=fields["uid"].text(),
        folder=path.parent,
        tags=fields["tags"].texts(),
        name=fields.get_as("name", Place.text, ""),
        deps=fields.get_as("deps", _dependencies, ()),
        post_deps=fields.get_as("post_deps", _dependencies, ()),
        variations=_variations(named["variations"], fields),
        inputs={**_mapped_inputs(fields), **{key: _input(key, each) for key, each in named["inputs"].items()}},
        default_env=fields.get_as("default_env", Place.values, {}),
        env=fields.get_as("env", Place.values, {}),
        env_keys=fields.get_as("env_keys", Place.texts, ()),
        local_env_keys=fields.get_as("local_env_keys", Place.texts, ()),
        exports=fields.get_as("new_env_keys", Place.texts, ()),
        versions={key: _version_entry(each) for key, each in named["versions"].items()},
        default_version=_default_version(fields),
        cache=fields.get_as("cache", Place.boolean, False),
        measures=fields.get_as("measures", Place.boolean, False),
        downloads=fields.get_as("downloads", Place.boolean, False),
        pure=fields.get_as("pure", Place.boolean, False),
        code=fields.get_as("code", Place.texts, ()),
        retired_names={k: v.text() for k, v in fields.members("retired_names").items()},
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )
