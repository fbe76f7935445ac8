"""Read a manifest's text, JSON or YAML, and its head: the alias, UID and tags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptgraph.errors import DocumentError, ManifestError
from scriptgraph.files.json_reader import Limits, parse_json
from scriptgraph.manifest.located_json import Malformed, read_object, read_text, read_texts

if TYPE_CHECKING:
    from scriptgraph.manifest.types import Manifest


# The longest known manifests and tables have 60,000 bytes; a table of all models of a hub would have millions.
_LIMITS = Limits(size=16 << 20)
# A script has exactly one of these files.
MANIFEST_NAMES = ("_cm.json", "_cm.yaml")
# Those of collections, with the names of the successor of 2023's engine.
FOREIGN_NAMES = (*MANIFEST_NAMES, "meta.yaml", "meta.json")


def read_manifest(path: Path) -> str:
    """Read the text of a manifest, or of a file that a manifest names.

    Raises:
        ManifestError: the file cannot be read, or is too large.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LIMITS.size + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(path, "", f"cannot be read: {error}") from error
    if len(text) > _LIMITS.size:
        raise ManifestError(path, "", f"has more than {_LIMITS.size:,} bytes; shorten it")
    return text


def shared_file(name: str, manifest: Path) -> Path:
    """Return the path of a file named by a manifest, relative to its script's folder.

    Raises:
        Malformed: the file is outside the repository.
    """
    # A script's folder is <repository>/script/<name>.
    repository = manifest.parent.parent.parent
    path = repository if "\0" in name else Path(manifest.parent, name).resolve()
    if repository.resolve() not in path.parents:
        raise Malformed(f"{name!r} is not a file of the repository {repository}; keep shared files within it")
    return path


def read_shared(path: Path) -> Any:
    """Read and parse a file shared by manifests.

    Raises:
        ManifestError: the file cannot be read, is too large, or is not JSON.
    """
    return parse_manifest(read_manifest(path), path)


def parse_manifest(text: str, path: Path) -> Any:
    """Parse a manifest's text to JSON values.

    Raises:
        ManifestError: the text is not JSON (YAML if the file's name ends with .yaml), an object has duplicate keys, or
            the values are too many or nested too deeply.
    """
    if path.suffix == ".yaml":
        from scriptgraph.manifest.yaml_text import parse_yaml  # noqa: PLC0415 - JSON manifests do not need it

        return parse_yaml(text, path)
    try:
        return parse_json(text, path, _LIMITS, unique=True, paths=True)
    except DocumentError as error:
        raise ManifestError(path, "", error.problem) from None


def parse_foreign(text: str, path: Path) -> Any:
    """Parse the text of a manifest from another collection; of duplicate keys the last counts, as for its own engine.

    Raises:
        ManifestError: the text is neither JSON nor YAML, or has too many or too deeply nested values.
    """
    if path.suffix == ".yaml":
        from scriptgraph.manifest.yaml_text import parse_yaml  # noqa: PLC0415 - JSON manifests do not need it

        return parse_yaml(text, path, lenient=True)
    try:
        return parse_json(text, path, _LIMITS, paths=True)
    except DocumentError as error:
        raise ManifestError(path, "", error.problem) from None


class Head(NamedTuple):
    """The fields of a manifest that select its script.

    Attributes:
        sound: whether they could be read; otherwise the alias is the folder's name, and there are no tags.
    """

    alias: str
    uid: str
    tags: tuple[str, ...]
    sound: bool = True

    @property
    def words(self) -> frozenset[str]:
        """All words that a query may contain to select the script."""
        return frozenset((*self.tags, self.alias, self.uid))


def head_of(manifest: Manifest) -> Head:
    """Return the head of a decoded manifest."""
    return Head(manifest.alias, manifest.uid, manifest.tags)


def read_head(path: Path) -> Head:
    """Read the head of a manifest; its errors are reported when its script is selected."""
    try:
        fields = read_object(parse_manifest(read_manifest(path), path))
        return Head(read_text(fields["alias"]), read_text(fields["uid"]), read_texts(fields["tags"]))
    except (ManifestError, Malformed, KeyError):
        return Head(path.parent.name, "", (), sound=False)
