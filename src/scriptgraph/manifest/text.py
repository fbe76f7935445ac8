"""From a manifest's text, JSON or YAML, to plain values, and to its head: how its script is found.

What either language has more than JSON is refused.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptgraph.errors import ManifestError
from scriptgraph.manifest.located_json import Malformed, read_object, read_text, read_texts

if TYPE_CHECKING:
    from scriptgraph.manifest.types import Manifest


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
    if path.suffix != ".yaml":
        try:
            return json.loads(text, object_pairs_hook=_object)
        except (ValueError, RecursionError) as error:
            raise ManifestError(path, "", f"is not JSON: {error}") from error
    import yaml  # noqa: PLC0415 - JSON manifests do without it, and its import takes long

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise ManifestError(path, "", f"is not YAML: {problem}") from error
    if root is None:
        raise ManifestError(path, "", "is empty")
    try:
        return _plain(root, "", path, yaml.SafeLoader(""))
    except RecursionError as error:
        raise ManifestError(path, "", "is nested too deeply, or holds itself") from error


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in members:
        if key in found:
            raise ValueError(f"{key!r} is there twice in one object")
        found[key] = value
    return found


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
