"""What a run works with: scripts, cache, folders, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from scriptgraph.execution.context import Switches
from scriptgraph.immutable import Immutable

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.cache.digests import KnownDigests
    from scriptgraph.cache.store import Cache
    from scriptgraph.catalog.registry import Registry
    from scriptgraph.product import Product

# Whose entries are made anew although they are there: none's, the requested script's, every step's.
Anew = Literal["none", "requested", "all"]
Announce = Callable[[str, str, Mapping[str, Any]], None]


class Runtime(Immutable):
    """What a run works with.

    Attributes:
        state: the folder for what is kept outside the cache.
        run_folder: this run's record, logs and the output of steps that are not cached.
        announce: told of each event: its kind, the step's title, and details.
        anew: which steps make their entry anew although it is there.
        digests: what scripts consist of, hashed in this run and in earlier ones; None to hash it each time.
    """

    product: Product
    registry: Registry
    cache: Cache
    state: Path
    run_folder: Path
    switches: Switches = Switches()
    announce: Announce = lambda _kind, _title, _details: None
    digests: KnownDigests | None = None
    anew: Anew = "none"

    def makes_anew(self, alias: str, requested: str) -> bool:
        """Say whether a script's entry is made anew although it is there; `requested` is the one that was asked for."""
        return self.anew == "all" or (self.anew == "requested" and alias == requested)
