"""Found things as cmind's users in Python know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from collections.abc import Callable

ARTIFACTS = "list"
"""The member of an answer that holds what was found; it is left out where an answer is printed as JSON."""


class FoundArtifact(Immutable):
    """A script, an entry, an experiment or a challenge.

    Attributes:
        path: its folder.
        load: returns its description.
    """

    path: str
    load: Callable[[], dict[str, Any]]

    @property
    def meta(self) -> dict[str, Any]:
        """Its description: the content of its manifest, if it has one."""
        return self.load()
