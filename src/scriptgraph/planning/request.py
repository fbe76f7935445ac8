"""What the user asked for, decoded from the front's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.immutable import Immutable
from scriptgraph.manifest.types import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptgraph.manifest.tags import Query
    from scriptgraph.manifest.types import Override, Values


class Request(Immutable):
    """One command: which script, with what, and how.

    Attributes:
        query: the tags and variations.
        inputs: options by name, underscores for dashes.
        env: environment set by `--env.KEY=value`.
        overrides: what `--adr.NAME.KEY=value` says, by name.
        versions: `version`, `version_min` and `version_max` are inputs of every script.
        argv: the command as typed, for the record.
        maybe: names in `overrides` that need not be there, as they are meant for every command.
    """

    query: Query
    inputs: Values = NOTHING
    env: Values = NOTHING
    overrides: Mapping[str, Override] = NOTHING
    argv: tuple[str, ...] = ()
    maybe: frozenset[str] = frozenset()

    def told(self) -> dict[str, Any]:
        """Give the request as the record keeps it: enough to ask the same again."""
        return {
            "tags": self.query.text,
            "argv": list(self.argv),
            "inputs": dict(self.inputs),
            "env": dict(self.env),
            "adr": {name: override.told() for name, override in self.overrides.items()},
        }
