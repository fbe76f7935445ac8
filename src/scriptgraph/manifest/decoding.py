"""Decode manifests; every error names the file and the JSON pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.errors import ManifestError
from scriptgraph.files.sha256 import sha256
from scriptgraph.manifest.located_json import Malformed, Place, pointer_to
from scriptgraph.manifest.shapes import decode_override, read_fields, read_inputs
from scriptgraph.manifest.text import MANIFEST_NAMES, parse_manifest, read_shared, shared_file
from scriptgraph.manifest.types import Dependency, Input, Manifest, Variation

if TYPE_CHECKING:
    import hashlib
    from collections.abc import Iterable, Mapping
    from pathlib import Path


# Keys that are decoded here instead of being passed on unchanged.
_DECODED_HERE = frozenset({
    "automation_alias", "automation_uid", "deps", "post_deps", "variations", "inputs", "inputs_from", "input_mapping",
    "input_description", "default_variation", "default_version",
})  # fmt: skip
__all__ = ["MANIFEST_NAMES", "decode_manifest", "decode_override"]


def decode_manifest(text: str, path: Path) -> Manifest:
    """Decode the manifest at `path`, with its tables and shared options.

    Raises:
        ManifestError: a file cannot be parsed, or the manifest is invalid.
    """
    others = [name for name in MANIFEST_NAMES if name != path.name and (path.parent / name).is_file()]
    if others:
        raise ManifestError(path, "", f"conflicts with {others[0]} beside it; keep one of them")
    try:
        found = read_fields(parse_manifest(text, path))
        digest = sha256(text.encode())
        own = {key: value for key, value in found.items() if key not in _DECODED_HERE}
        inputs = _inputs(found, path, digest)
        return Manifest(
            **own,
            folder=path.parent,
            deps=_repeated(found.get("deps", ()), "/deps", path),
            post_deps=_repeated(found.get("post_deps", ()), "/post_deps", path),
            variations=_variations(found, path),
            inputs=inputs,
            shared_inputs=frozenset(
                inputs.keys() - found.get("inputs", {}).keys() - found.get("input_mapping", {}).keys()
            ),
            default_version=_chosen(found, "default_version", "versions"),
            digest=digest.hexdigest(),
        )
    except Malformed as error:
        raise ManifestError(path, error.pointer, error.problem) from None


def _chosen(found: Mapping[str, Any], key: str, among: str) -> str:
    chosen, known = found.get(key, ""), found.get(among, {})
    if chosen and chosen not in known:
        listed = f": {', '.join(known)}" if known else "; there are none"
        raise Malformed(f"must be one of {among}{listed}", pointer_to(key))
    return str(chosen)


def _inputs(found: Mapping[str, Any], path: Path, digest: hashlib._Hash) -> dict[str, Input]:
    """Return the options: shared ones, then `input_mapping`'s of 2023's manifests, then the script's own; later win."""
    inputs: dict[str, Input] = {}
    for position, name in enumerate(found.get("inputs_from", ())):
        inputs |= _shared_inputs(name, f"/inputs_from/{position}", path, digest)
    mapped, described = found.get("input_mapping", {}), found.get("input_description", {})
    for name in described:
        if name not in mapped:
            problem = "describes an option that input_mapping lacks; add it there, or remove this"
            raise Malformed(problem, "/input_description" + pointer_to(name))
    inputs |= {name: Input(name, key, **described.get(name, {})) for name, key in mapped.items()}
    inputs |= found.get("inputs", {})
    return inputs


def _shared_inputs(name: str, pointer: str, path: Path, digest: hashlib._Hash) -> dict[str, Input]:
    """Read a shared set of options, written FILE#SET, and add it to the manifest's digest."""
    file, mark, chosen = name.partition("#")
    if not mark:
        raise Malformed(f"{name!r} is not a set of options; write FILE#SET", pointer)
    try:
        place = shared_file(file, path)
    except Malformed as error:
        raise error.under(pointer) from None
    sets = Place(place, "", read_shared(place)).mapping()
    if chosen not in sets:
        raise Malformed(f"{place} has no set {chosen!r}; it has {', '.join(sets)}", pointer)
    digest.update(repr(sets[chosen].value).encode())
    return sets[chosen].read(read_inputs)


def _variations(found: Mapping[str, Any], path: Path) -> dict[str, Variation]:
    made: dict[str, Variation] = {}
    for key, entry in found.get("variations", {}).items():
        if entry.for_each is None and not any(each.for_each for each in (*entry.deps, *entry.post_deps)):
            made[key] = entry
            continue
        pointer = "/variations" + pointer_to(key)
        for each in _rows_of(entry, pointer, path):
            if each.name in made:
                raise Malformed(f"defines the variation {each.name!r} twice", pointer)
            deps = {
                field: _repeated(getattr(each, field), f"{pointer}/{field}", path) for field in ("deps", "post_deps")
            }
            made[each.name] = each.replaced(**deps)
    default = _chosen({**found, "variations": made}, "default_variation", "variations")
    if default:
        made[default] = made[default].replaced(default=True)
    return made


def _repeated(deps: tuple[Dependency, ...], pointer: str, path: Path) -> tuple[Dependency, ...]:
    """Expand the dependencies that have a `for_each`."""
    if not any(each.for_each for each in deps):
        return deps
    expanded = (_rows_of(each, f"{pointer}/{position}", path) for position, each in enumerate(deps))
    return tuple(each for rows in expanded for each in rows)


def _rows_of(entry: Any, pointer: str, path: Path) -> Iterable[Any]:
    if entry.for_each is None:
        return (entry,)
    from scriptgraph.manifest.rows import repeat  # noqa: PLC0415 - most manifests repeat nothing

    try:
        return repeat(entry, path)
    except Malformed as error:
        raise error.under(pointer) from None
