"""A manifest's head: how its script is found, read without decoding the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scriptgraph.errors import ManifestError
from scriptgraph.manifest.decoding import MANIFEST_NAMES
from scriptgraph.manifest.located_json import Place
from scriptgraph.manifest.text import parse_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.manifest.types import Manifest

__all__ = ["MANIFEST_NAMES", "Head", "head_of", "read_head", "read_manifest"]


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


def read_manifest(path: Path) -> str:
    """Read a manifest's text.

    Raises:
        ManifestError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(path, "", f"cannot be read: {error}") from error


def read_head(path: Path) -> Head:
    """Read how a script is found; what is wrong in its manifest is told when the script is selected."""
    try:
        fields = Place(path, "", parse_manifest(read_manifest(path), path)).mapping()
        return Head(fields["alias"].text(), fields["uid"].text(), fields["tags"].texts())
    except (ManifestError, KeyError):
        return Head(path.parent.name, "", (), sound=False)
