"""The collections of other people that a home knows: read and never changed, and run only with consent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scriptgraph.errors import DocumentError
from scriptgraph.files.atomic import replace_text
from scriptgraph.files.json_reader import read_json
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptgraph.manifest.text import Head
    from scriptgraph.manifest.types import Manifest

FILE_NAME = "collections.json"


class Reader(Protocol):
    """The reader of a collection's manifests.

    Attributes:
        name: the collection's name.
    """

    @property
    def name(self) -> str:
        """The collection's name."""

    def head(self, path: Path) -> Head:
        """Read the head of a manifest."""

    def manifest(self, text: str, path: Path) -> Manifest:
        """Decode a manifest."""


class Collection(Immutable):
    """A collection: its name, its `script/` folder, and whether its code may run."""

    name: str
    scripts: Path
    trusted: bool = False


def read_collections(home: Path) -> tuple[Collection, ...]:
    """Return the collections of a home.

    Raises:
        DocumentError: the file cannot be read.
    """
    path = home / FILE_NAME
    if not path.is_file():
        return ()
    document = read_json(path, paths=True)
    listed = document.get("collections") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise DocumentError(path, "", "has no list of collections; remove the file, and add them again")
    return tuple(_collection(each, path) for each in listed)


def _collection(fields: object, path: Path) -> Collection:
    if not isinstance(fields, dict) or not all(isinstance(fields.get(key), str) for key in ("name", "scripts")):
        raise DocumentError(path, "", "has a collection without name and scripts; remove the file, and add them again")
    return Collection(fields["name"], Path(fields["scripts"]), fields.get("trusted") is True)


def write_collections(home: Path, collections: Sequence[Collection], schema: str) -> None:
    """Write the collections of a home."""
    listed = [{"name": each.name, "scripts": str(each.scripts), "trusted": each.trusted} for each in collections]
    home.mkdir(parents=True, exist_ok=True)
    replace_text(home / FILE_NAME, json.dumps({"schema": schema, "collections": listed}, indent=2) + "\n")
