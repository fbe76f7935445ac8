"""Add, trust and remove collections of a home."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scriptgraph.catalog.collections import Collection, read_collections, write_collections
from scriptgraph.catalog.repositories import repository_fields
from scriptgraph.compat.reader import CollectionReader
from scriptgraph.errors import ManifestError, RequestError, nearest
from scriptgraph.files import locks
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.text import FOREIGN_NAMES, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scriptgraph.product import Product

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class CollectionReport(Immutable):
    """A collection, how many of its manifests load, and the errors of the others."""

    collection: Collection
    loaded: int
    problems: tuple[ManifestError, ...]


def add_collection(product: Product, path: Path, name: str = "") -> CollectionReport:
    """Add the collection at a path to the product's home; again, to read it anew.

    Raises:
        RequestError: there are no scripts at the path, or another collection has the name.
    """
    scripts = _scripts_of(path.resolve())
    name = name or _name_of(path.resolve(), scripts)
    if not _NAME.fullmatch(name):
        raise RequestError(f"--name={name}: must have letters, digits, dots, dashes and underscores only")
    with _changing(product.home):
        known = read_collections(product.home)
        same = next((each for each in known if each.name == name), None)
        if same is not None and same.scripts != scripts:
            raise RequestError(f"{name} is the collection at {same.scripts} already; choose another name with --name")
        before = next((each for each in known if each.scripts == scripts), None)
        trusted = before is not None and before.trusted and before.name == name
        collection = Collection(name, scripts, trusted)
        others = [each for each in known if each.scripts != scripts]
        write_collections(product.home, [*others, collection], product.schema("collections"))
    return report_on(collection)


def report_on(collection: Collection) -> CollectionReport:
    """Load all manifests of a collection."""
    reader, paths = CollectionReader(collection.name), _manifests(collection.scripts)
    problems = [problem for path in paths if (problem := _problem(reader, path)) is not None]
    return CollectionReport(collection, len(paths) - len(problems), tuple(problems))


def _problem(reader: CollectionReader, path: Path) -> ManifestError | None:
    try:
        reader.manifest(read_manifest(path), path)
    except ManifestError as error:
        return error
    return None


def trust_collection(product: Product, name: str, *, trusted: bool = True) -> Collection:
    """Let the code of a collection run, or no longer.

    Raises:
        RequestError: there is no such collection.
    """
    with _changing(product.home):
        known = read_collections(product.home)
        found = _found(known, name)
        listed = [each.replaced(trusted=trusted) if each is found else each for each in known]
        write_collections(product.home, listed, product.schema("collections"))
    return found.replaced(trusted=trusted)


def remove_collection(product: Product, name: str) -> Collection:
    """Forget a collection; its files stay.

    Raises:
        RequestError: there is no such collection.
    """
    with _changing(product.home):
        known = read_collections(product.home)
        found = _found(known, name)
        write_collections(product.home, [each for each in known if each is not found], product.schema("collections"))
    return found


@contextmanager
def _changing(home: Path) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    with (home / "collections.lock").open("a") as file:
        locks.acquire(file, wait=True)
        yield


def _found(known: tuple[Collection, ...], name: str) -> Collection:
    for each in known:
        if each.name == name:
            return each
    names = [each.name for each in known]
    close = nearest(name, names)
    hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}" if names else ""
    raise RequestError(f"--name={name}: no such collection{hint} (add,collection adds one)")


def _scripts_of(path: Path) -> Path:
    """Return the folder of a collection's scripts: script/, that below the repository's prefix, or the path itself."""
    prefix = repository_fields(path).get("prefix", "")
    for folder in (path / "script", path / prefix / "script", path):
        if folder.is_dir() and any(_manifests(folder)):
            return folder
    raise RequestError(
        f"--path={path}: has no script/*/ with one of {', '.join(FOREIGN_NAMES)}; give the folder of a collection"
    )


def _manifests(scripts: Path) -> list[Path]:
    found = []
    for folder in sorted(scripts.iterdir()):
        found += [folder / name for name in FOREIGN_NAMES if (folder / name).is_file()][:1]
    return found


def _name_of(path: Path, scripts: Path) -> str:
    alias = repository_fields(path).get("alias", "")
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", alias or (path.name if path != scripts else path.parent.name))
    return words.strip("-._") or "collection"
