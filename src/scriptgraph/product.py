"""The product that the engine runs for: every name of it that the engine shows, writes or looks for."""

from __future__ import annotations

import os
from pathlib import Path

from scriptgraph.immutable import Immutable


class Product(Immutable):
    """A product's names.

    Attributes:
        name: of its distribution, its folder beside cmind's repositories, its container images and its documents.
        repository: the package that holds its CM repository where it is installed.
        checkout: its CM repository where it is not; a folder without a cmr.yaml is none.
        cache_variable: the environment variable that names the cache's folder.
        packages: distributions whose versions each record notes.
    """

    name: str
    repository: str
    checkout: Path
    cache_variable: str
    packages: tuple[str, ...] = ()

    def schema(self, document: str, version: int = 1) -> str:
        """Return the schema's name of a kind of document."""
        return f"{self.name}/{document}/{version}"

    @property
    def home(self) -> Path:
        """The folder for cache, records and results: beside cmind's repositories."""
        return registered_folder() / self.name


def registered_folder() -> Path:
    """Return the folder in which cmind keeps what is registered: the one that CM_REPOS names."""
    repos = os.environ.get("CM_REPOS", "").strip()
    return Path(repos) if repos else Path.home() / "CM"
