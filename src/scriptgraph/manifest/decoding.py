"""From a manifest's text to a manifest; every error names the file and, by JSON pointer, the place.

What JSON or YAML has more than plain values is refused.
"""

from __future__ import annotations

import hashlib
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptgraph.errors import ManifestError
from scriptgraph.manifest.located_json import Malformed, Place, pointer_to, read_object, read_text, read_texts
from scriptgraph.manifest.shapes import decode_override, read_fields, read_inputs
from scriptgraph.manifest.types import Dependency, Input, Manifest, Variation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_MOST_BYTES = 16 << 20
# A script has one of these files.
MANIFEST_NAMES = ("_cm.json", "_cm.yaml")


def read_manifest(path: Path) -> str:
    """Read a manifest's text, or that of a file which it names.

    Raises:
        ManifestError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(path, "", f"cannot be read: {error}") from error


def shared_file(name: str, manifest: Path) -> Path:
    """Return the path of a file that a manifest names, relative to its script's folder.

    Raises:
        Malformed: it lies outside the repository.
    """
    # A script's folder is <repository>/script/<name>.
    repository = manifest.parent.parent.parent
    path = repository if "\0" in name else Path(manifest.parent, name).resolve()
    if repository.resolve() not in path.parents:
        raise Malformed(f"{name!r} is no file of the repository {repository}")
    return path


def read_shared(path: Path) -> Any:
    """Read and parse a file that manifests share.

    Raises:
        ManifestError: it cannot be read, is too large, or is no JSON.
    """
    with suppress(OSError):  # told when it is read
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise ManifestError(path, "", f"has {size} bytes; a file that manifests share has at most {_MOST_BYTES}")
    return parse_manifest(read_manifest(path), path)


def parse_manifest(text: str, path: Path) -> Any:
    """Parse a manifest's text, without looking at what it says.

    Raises:
        ManifestError: it is neither JSON nor, in a file that ends with .yaml, YAML; or an object has a key twice.
    """
    if path.suffix == ".yaml":
        return _parse_yaml(text, path)
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise ManifestError(path, "", f"is not JSON: {error}") from error


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in members:
        if key in found:
            raise ValueError(f"{key!r} is there twice in one object")
        found[key] = value
    return found


def _parse_yaml(text: str, path: Path) -> Any:
    import yaml  # noqa: PLC0415 - JSON manifests do without it, and its import takes long

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise ManifestError(path, "", f"is not YAML: {problem}") from error
    if root is None:
        raise ManifestError(path, "", "is empty")
    constructor = yaml.SafeLoader("")
    try:
        return _plain(root, "", path, constructor)
    except RecursionError as error:
        raise ManifestError(path, "", "is nested too deeply, or holds itself") from error


def _plain(node: Any, pointer: str, path: Path, constructor: Any) -> Any:
    """Turn a node into what JSON would have given."""
    if node.id == "mapping":
        found: dict[str, Any] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key_node.id != "scalar" or key_node.tag == "tag:yaml.org,2002:merge":
                raise ManifestError(path, place, "is no plain key; write the members out")
            if key in found:
                raise ManifestError(path, place, "is there twice in one object")
            found[key] = _plain(value, place, path, constructor)
        return found
    if node.id == "sequence":
        return [_plain(each, f"{pointer}/{number}", path, constructor) for number, each in enumerate(node.value)]
    try:
        value = constructor.construct_object(node)
    except Exception as error:  # a tag of another language's objects, or a number that is none
        raise ManifestError(path, pointer, f"{node.value!r} cannot be read ({node.tag}); put it in quotes") from error
    if value is None or isinstance(value, (str, bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ManifestError(path, pointer, f"{node.value!r} is a {type(value).__name__} to YAML; put it in quotes")


class Head(NamedTuple):
    """How a script is found.

    Attributes:
        sound: False where the manifest does not even say this: then the folder's name is its alias.
    """

    alias: str
    uid: str
    tags: tuple[str, ...]
    sound: bool = True

    @property
    def words(self) -> frozenset[str]:
        """All words by which a query finds it."""
        return frozenset((*self.tags, self.alias, self.uid))


def head_of(manifest: Manifest) -> Head:
    """Give the head of a manifest that has been decoded."""
    return Head(manifest.alias, manifest.uid, manifest.tags)


def read_head(path: Path) -> Head:
    """Read how a script is found; what is wrong in its manifest is told when the script is selected."""
    try:
        fields = read_object(parse_manifest(read_manifest(path), path))
        return Head(read_text(fields["alias"]), read_text(fields["uid"]), read_texts(fields["tags"]))
    except (ManifestError, Malformed, KeyError):
        return Head(path.parent.name, "", (), sound=False)


# What is not taken into a manifest as it is.
_READ_HERE = frozenset({
    "automation_alias", "automation_uid", "deps", "post_deps", "variations", "inputs", "inputs_from", "input_mapping",
    "input_description", "default_variation", "default_version",
})  # fmt: skip
__all__ = ["MANIFEST_NAMES", "decode_manifest", "decode_override"]


def decode_manifest(text: str, path: Path) -> Manifest:
    """Decode the manifest of the script in `path`'s folder, with the tables and shared options that it names.

    Raises:
        ManifestError: a text cannot be parsed, or says something without meaning.
    """
    others = [name for name in MANIFEST_NAMES if name != path.name and (path.parent / name).is_file()]
    if others:
        raise ManifestError(path, "", f"stands beside {others[0]}; keep one of them")
    return Place(path, "", parse_manifest(text, path)).read(lambda document: _decode(document, text, path))


def _decode(document: Any, text: str, path: Path) -> Manifest:
    found = read_fields(document)
    digest = hashlib.sha256(text.encode())
    own = {key: value for key, value in found.items() if key not in _READ_HERE}
    return Manifest(
        **own,
        folder=path.parent,
        deps=_repeated(found.get("deps", ()), "/deps", path),
        post_deps=_repeated(found.get("post_deps", ()), "/post_deps", path),
        variations=_variations(found, path),
        inputs=_inputs(found, path, digest),
        default_version=_chosen(found, "default_version", "versions", ", of which there are none"),
        digest=digest.hexdigest(),
    )


def _chosen(found: Mapping[str, Any], key: str, among: str, none: str) -> str:
    chosen, known = found.get(key, ""), found.get(among, {})
    if chosen and chosen not in known:
        listed = f": {', '.join(known)}" if known else none
        raise Malformed(f"must be one of {among}{listed}", pointer_to(key))
    return str(chosen)


def _inputs(found: Mapping[str, Any], path: Path, digest: hashlib._Hash) -> dict[str, Input]:
    """Give the options: shared ones, those that 2023's manifests map and describe, and the script's own over them."""
    inputs: dict[str, Input] = {}
    for position, name in enumerate(found.get("inputs_from", ())):
        inputs |= _shared_inputs(name, f"/inputs_from/{position}", path, digest)
    mapped, described = found.get("input_mapping", {}), found.get("input_description", {})
    for name in described:
        if name not in mapped:
            problem = "describes an option that input_mapping does not have"
            raise Malformed(problem, "/input_description" + pointer_to(name))
    inputs |= {name: Input(name, key, **described.get(name, {})) for name, key in mapped.items()}
    inputs |= found.get("inputs", {})
    return inputs


def _shared_inputs(name: str, pointer: str, path: Path, digest: hashlib._Hash) -> dict[str, Input]:
    """Read the set of options that is named as FILE#SET, and hash it with the manifest."""
    file, mark, chosen = name.partition("#")
    if not mark:
        raise Malformed(f"{name!r} is no set of options: write FILE#SET", pointer)
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
                raise Malformed(f"makes the variation {each.name!r} twice", pointer)
            deps = {
                field: _repeated(getattr(each, field), f"{pointer}/{field}", path) for field in ("deps", "post_deps")
            }
            made[each.name] = each.replaced(**deps)
    default = _chosen({**found, "variations": made}, "default_variation", "variations", ": there are none")
    if default:
        made[default] = made[default].replaced(default=True)
    return made


def _repeated(deps: tuple[Dependency, ...], pointer: str, path: Path) -> tuple[Dependency, ...]:
    """Repeat those dependencies that have a table."""
    if not any(each.for_each for each in deps):
        return deps
    rows = (_rows_of(each, f"{pointer}/{position}", path) for position, each in enumerate(deps))
    return tuple(each for some in rows for each in some)


def _rows_of(entry: Any, pointer: str, path: Path) -> Iterable[Any]:
    if entry.for_each is None:
        return (entry,)
    from scriptgraph.manifest.rows import repeat  # noqa: PLC0415 - most manifests repeat nothing

    try:
        return repeat(entry, path)
    except Malformed as error:
        raise error.under(pointer) from None
