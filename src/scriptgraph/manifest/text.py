"""From a manifest's text, JSON or YAML, to plain values, and to its head: how its script is found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptgraph.errors import DocumentError, ManifestError
from scriptgraph.files.json_reader import Limits, parse_json
from scriptgraph.manifest.located_json import Malformed, read_object, read_text, read_texts

if TYPE_CHECKING:
    from scriptgraph.manifest.types import Manifest


# The longest manifests and tables known have 60,000 bytes; a table of every model of a hub would have some millions.
_LIMITS = Limits(size=16 << 20)
# A script has one of these files.
MANIFEST_NAMES = ("_cm.json", "_cm.yaml")


def read_manifest(path: Path) -> str:
    """Read a manifest's text, or that of a file which it names.

    Raises:
        ManifestError: it cannot be read, or is too large.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LIMITS.size + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(path, "", f"cannot be read: {error}") from error
    if len(text) > _LIMITS.size:
        raise ManifestError(path, "", f"has more than {_LIMITS.size:,} bytes")
    return text


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
    return parse_manifest(read_manifest(path), path)


def parse_manifest(text: str, path: Path) -> Any:
    """Parse a manifest's text, without looking at what it says.

    Raises:
        ManifestError: it is neither JSON nor, in a file that ends with .yaml, YAML; an object has a key twice; or it is
            nested too deeply or has too many values.
    """
    if path.suffix == ".yaml":
        from scriptgraph.manifest.yaml_text import parse_yaml  # noqa: PLC0415 - JSON manifests do without it

        return parse_yaml(text, path)
    try:
        return parse_json(text, path, _LIMITS, unique=True, paths=True)
    except DocumentError as error:
        raise ManifestError(path, "", error.problem) from None


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
