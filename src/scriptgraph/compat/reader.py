"""Read a manifest in the form of 2023, or of its successor, as one of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.compat.blocks import (
    read_block,
    read_dependencies,
    read_overrides,
    read_raw_values,
    read_variation,
    texts,
)
from scriptgraph.compat.keys import OF_SCRIPTS
from scriptgraph.compat.words import named_keys
from scriptgraph.errors import ManifestError
from scriptgraph.files.sha256 import sha256
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.foreign import STATE_PREFIX, Foreign, ForeignBlock
from scriptgraph.manifest.located_json import Malformed, members, named, read_object, read_text
from scriptgraph.manifest.text import Head, parse_foreign, read_manifest
from scriptgraph.manifest.types import Input, Manifest, VersionEntry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOCAL = ("VERSION", "VERSION_MIN", "VERSION_MAX", "VERSION_MAX_USABLE", "DETECTED_VERSION", "INPUT", "OUTPUT", "NAME",
          "EXTRA_CACHE_TAGS", "TMP_*", "GIT_*", "RENEW_CACHE_ENTRY")  # fmt: skip
# Options that every script of 2023 takes.
_OPTIONS = {"path": "TMP_PATH"} | {
    name: name.upper()
    for name in (
        "input", "output", "name", "extra_cache_tags", "skip_compile", "skip_run", "accept_license", "skip_system_deps"
    )
}  # fmt: skip
_SERVED = frozenset({
    "alias", "uid", "automation_alias", "automation_uid", "tags", "name", "sort", "cache", "can_force_cache", "deps",
    "prehook_deps", "posthook_deps", "post_deps", "new_env_keys", "new_state_keys", "local_env_keys", "default_env",
    "env", "state", "input_mapping", "input_description", "docker_input_mapping", "variations", "default_variation",
    "versions", "default_version", "version", "version_min", "version_max", "version_max_usable",
    "valid_variation_combinations", "invalid_variation_combinations", "env_key_mappings", "script_name",
    "print_files_if_script_error", "clean_env_keys_post_deps", "customize", "update_meta_if_env",
})  # fmt: skip


class CollectionReader(Immutable):
    """The reader of a collection's manifests.

    Attributes:
        name: the collection's name.
    """

    name: str

    def head(self, path: Path) -> Head:
        """Read the head of a manifest; its errors are reported when its script is selected."""
        try:
            fields = read_object(parse_foreign(read_manifest(path), path))
            return Head(read_text(fields["alias"]), read_text(fields["uid"]), texts(fields["tags"]))
        except (ManifestError, Malformed, KeyError):
            return Head(path.parent.name, "", (), sound=False)

    def manifest(self, text: str, path: Path) -> Manifest:
        """Decode a manifest.

        Raises:
            ManifestError: a value has another form than in 2023.
        """
        try:
            return _decoded(read_object(parse_foreign(text, path)), text, path, self.name)
        except Malformed as error:
            raise ManifestError(path, error.pointer, error.problem) from None


def unread_keys(meta: Mapping[str, Any]) -> list[str]:
    """Return the keys of a manifest that neither its own engine nor ours reads: misspelt, or made up."""
    return [key for key in meta if key not in _SERVED and key not in OF_SCRIPTS]


def _decoded(meta: dict[str, Any], text: str, path: Path, collection: str) -> Manifest:
    for key in ("alias", "uid", "tags"):
        if not meta.get(key):
            raise Malformed(f"needs {key}")
    prefix = "CM_" if path.name.startswith("_cm.") else "MLC_"
    reads, sets = named_keys(path.parent, text, prefix)
    block = read_block(meta)
    local = tuple(f"{prefix}{name}" for name in _LOCAL) + texts(meta.get("local_env_keys"))
    foreign = Foreign(
        collection=collection, meta=meta, reads=reads, sets=sets, block=block,
        post=read_dependencies(meta, "post_deps", keeps=("*",)),
        state_exports=tuple(STATE_PREFIX + each for each in texts(meta.get("new_state_keys"))),
        sort=_sort(meta.get("sort", 0)),
        versions={key: str(meta[key]) for key in ("version", "version_min", "version_max", "version_max_usable")
                  if meta.get(key)},
        together=_combinations(meta, "valid_variation_combinations"),
        apart=_combinations(meta, "invalid_variation_combinations"),
        prefix=prefix,
    )  # fmt: skip
    return Manifest(
        alias=read_text(meta["alias"]), uid=str(meta["uid"]), folder=path.parent, tags=texts(meta["tags"]),
        name=str(meta.get("name", "")), deps=read_dependencies(meta, "deps"), variations=_variations(meta),
        inputs=_inputs(meta, prefix), default_env=read_raw_values(meta.get("default_env")),
        env=read_raw_values(meta.get("env")), local_env_keys=local,
        exports=texts(meta.get("new_env_keys")) + foreign.state_exports, versions=_versions(meta),
        default_version=str(meta.get("default_version", "")), cache=_cached(meta),
        digest=sha256(text.encode()).hexdigest(), foreign=foreign,
    )  # fmt: skip


def _named(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = meta.get("variations") or {}
    return found


def _sort(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _cached(meta: Mapping[str, Any]) -> bool:
    # A dependency may force the cache where this is allowed; a folder in the cache serves both uses.
    return any(str(meta.get(key, "")).lower() in {"true", "yes", "1"} for key in ("cache", "can_force_cache"))


def _combinations(meta: Mapping[str, Any], key: str) -> tuple[tuple[str, ...], ...]:
    return tuple(texts(each) for each in meta.get(key) or ())


def _variations(meta: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = named(read_variation)(_named(meta))
    except Malformed as error:
        raise error.below("variations") from None
    default = str(meta.get("default_variation", ""))
    if default and default not in found:
        raise Malformed(f"is not one of the variations: {', '.join(found)}", "/default_variation")
    return found


def _versions(meta: Mapping[str, Any]) -> dict[str, VersionEntry]:
    try:
        return members(_version)(meta.get("versions") or {})
    except Malformed as error:
        raise error.below("versions") from None


def _version(value: Any) -> VersionEntry:
    fields = read_object(value or {})
    block = read_block(fields)
    block = block.replaced(
        post=read_dependencies(fields, "post_deps", keeps=("*",)),
        overrides=read_overrides(fields, "add_deps_recursive", "adr"),
        default_env=read_raw_values(fields.get("default_env")),
        exports=texts(fields.get("new_env_keys")),
    )
    return VersionEntry(
        env=read_raw_values(fields.get("env")),
        deps=read_dependencies(fields, "deps"),
        foreign=None if block == ForeignBlock() else block,
    )


def _inputs(meta: Mapping[str, Any], prefix: str) -> dict[str, Input]:
    mapped = {name: f"{prefix}{key}" for name, key in _OPTIONS.items()}
    docker: Mapping[str, Any] = meta["docker"] if isinstance(meta.get("docker"), dict) else {}
    for block in (docker, meta):
        for key in ("docker_input_mapping", "input_mapping"):
            mapped |= {name: str(value) for name, value in read_object(block.get(key) or {}).items()}
    for variation in _named(meta).values():
        mapped |= {name: str(value) for name, value in ((variation or {}).get("input_mapping") or {}).items()}
    described = meta.get("input_description") or {}
    words = {name: each.get("desc", "") for name, each in described.items() if isinstance(each, dict)}
    # As in 2023, choices and defaults of descriptions are for graphical front-ends.
    return {name: Input(name, key, description=str(words.get(name, ""))) for name, key in mapped.items()}
