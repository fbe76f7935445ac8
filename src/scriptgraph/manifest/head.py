"""A manifest's head: how its script is found, read without decoding the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scriptgraph.errors import ManifestError
from scriptgraph.manifest.located_json import Malformed, read_object, read_text, read_texts
from scriptgraph.manifest.text import MANIFEST_NAMES, parse_manifest, read_manifest

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


def read_head(path: Path) -> Head:
    """Read how a script is found; what is wrong in its manifest is told when the script is selected."""
    try:
        fields = read_object(parse_manifest(read_manifest(path), path))
        return Head(read_text(fields["alias"]), read_text(fields["uid"]), read_texts(fields["tags"]))
    except (ManifestError, Malformed, KeyError):
        return Head(path.parent.name, "", (), sound=False)
