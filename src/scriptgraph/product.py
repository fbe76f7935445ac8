"""The names of the product that the engine runs for."""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from scriptgraph.errors import ScriptGraphError
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Mapping


class Product(Immutable):
    """A product's names and addresses.

    Attributes:
        name: the name of the distribution, the home folder, the container images and the documents' schemas.
        repository: the package that contains the CM repository of an installation.
        checkout: the CM repository of a source checkout, if the folder has a cmr.yaml.
        cache_variable: the environment variable for the cache's folder.
        packages: the distributions whose versions are recorded.
        file_facts: a table of licences and sizes of downloads, see `scriptgraph.fetch.file_facts`.
        locks: the folder of its lock files, one for each environment of packages.
        own_lock: the name of the lock of the product's own dependencies, without ".txt".
        restricted: packages that must not be redistributed, each with the reason.
    """

    name: str
    repository: str
    checkout: Path
    cache_variable: str
    packages: tuple[str, ...] = ()
    file_facts: Path | None = None
    locks: Path | None = None
    own_lock: str = ""
    restricted: Mapping[str, str] = MappingProxyType({})

    def schema(self, document: str, version: int = 1) -> str:
        """Return the schema name of a kind of document."""
        return f"{self.name}/{document}/{version}"

    @property
    def home(self) -> Path:
        """The folder for the cache, records and results, beside cmind's repositories."""
        return registered_folder() / self.name


def registered_folder() -> Path:
    """Return the folder of cmind's registered repositories: CM_REPOS, by default ~/CM.

    Raises:
        ScriptGraphError: there is neither, as for a user without an account and without HOME.
    """
    repos = os.environ.get("CM_REPOS", "").strip()
    if repos:
        return Path(repos)
    home = os.path.expanduser("~")  # noqa: PTH111 - as cmind
    if home == "~":
        raise ScriptGraphError(
            "there is no home directory; set CM_REPOS to a folder that you can write to, or set HOME"
        )
    return Path(home, "CM")
