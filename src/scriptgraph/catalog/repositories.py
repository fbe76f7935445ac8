"""The CM repositories with scripts: our own, and those that the user has registered.

cmind keeps the registered folders in `$CM_REPOS/repos.json` and the user's own artifacts in `$CM_REPOS/repos/local`. It
also finds every importable package whose name begins with `cm` and that contains a `cmr.yaml`. The scripts of a
repository with its own `script` automation belong to that automation, and are skipped.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.errors import DocumentError
from scriptgraph.files.json_reader import read_json
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scriptgraph.catalog.collections import Collection

# A `script` automation that contains this name is ours.
_OUR_SHIM = "scriptgraph"


class Repositories(Immutable):
    """The repositories in which scripts are searched for.

    Attributes:
        roots: folders that contain a `script/` folder, our own first.
        rivals: repositories with another `script` automation, which cm may run instead of ours.
        collections: the collections of other people that the home knows.
    """

    roots: tuple[Path, ...]
    rivals: tuple[str, ...]
    collections: tuple[Collection, ...] = ()


def find_repositories(own: Path, registered: Path, search_path: Sequence[str] = ()) -> Repositories:
    """Find all repositories: our own, those registered below CM_REPOS, and those among importable packages."""
    our_uid = repository_fields(own).get("uid")
    roots, rivals = [own], []
    for folder in dict.fromkeys((*_folders(registered), *_packages(search_path))):
        fields = repository_fields(folder)
        if fields.get("uid") == our_uid or folder == own:
            continue  # another copy of our own: an older installation, or the checkout
        root = folder / fields.get("prefix", "")
        if _brings_an_engine(root):
            rivals.append(f"{fields.get('alias') or folder.name} ({folder})")
        elif (root / "script").is_dir():
            roots.append(root)
    return Repositories(tuple(roots), tuple(rivals))


def _folders(registered: Path) -> Iterator[Path]:
    try:
        listed = read_json(registered / "repos.json", paths=True)
    except DocumentError:
        listed = []
    if isinstance(listed, list):
        for each in listed:
            if isinstance(each, str) and each:
                # As in cmind, a folder below its own goes before the path as written.
                below = registered / "repos" / each
                yield below if below.is_dir() else Path(each)
    yield registered / "repos" / "local"


def _packages(search_path: Sequence[str]) -> Iterator[Path]:
    """Find repositories among the importable packages, as cmind does, without importing them."""
    if os.environ.get("CM_CORE_SKIP_INTERNAL_REPOS", "").strip().lower() in {"1", "true", "yes"}:
        return
    seen = {"cmind"}
    for place in search_path:
        try:
            names = sorted(name for name in os.listdir(place or ".") if name.startswith("cm"))  # noqa: PTH208 - names
        except OSError:
            continue
        for name in names:
            package = Path(place, name)
            if name in seen or not (package / "__init__.py").is_file():
                continue
            seen.add(name)
            yield from [folder for folder in (package, package / "repo") if (folder / "cmr.yaml").is_file()][:1]


def repository_fields(folder: Path) -> dict[str, str]:
    """Return the fields of a repository's cmr.yaml, read as plain lines, which saves importing a YAML reader."""
    try:
        text = (folder / "cmr.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = [line.partition(":") for line in text.splitlines()]
    return {name: value.partition("#")[0].strip().strip("\"'") for name, colon, value in pairs if colon}


def _brings_an_engine(root: Path) -> bool:
    for folder in ("automation", "cm-repo"):
        try:
            text = (root / folder / "script" / "module.py").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        return _OUR_SHIM not in text
    return False
