"""What a run works with: scripts, cache, folders, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from scriptgraph.api import Switches
from scriptgraph.known_digests import KnownDigests

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.cache import Cache
    from scriptgraph.registry import Registry

# Whose entries are made anew although they are there: none's, the requested script's, every step's.
Anew = Literal["none", "requested", "all"]
Announce = Callable[[str, str, Mapping[str, Any]], None]


@dataclass(eq=False, repr=False)
class Runtime:
    """What a run works with.

    Attributes:
        state: the folder for what is kept outside the cache.
        run_folder: this run's record, logs and the output of steps that are not cached.
        announce: told of each event: its kind, the step's title, and details.
        anew: which steps make their entry anew although it is there.
        digests: what scripts consist of, hashed in this run and in earlier ones.
    """

    registry: Registry
    cache: Cache
    state: Path
    run_folder: Path
    switches: Switches = field(default_factory=Switches)
    announce: Announce = lambda _kind, _title, _details: None
    digests: KnownDigests = field(default_factory=KnownDigests)
    anew: Anew = "none"
    _count: int = field(default=0, init=False)
    _counting: Lock = field(default_factory=Lock, init=False)

    def makes_anew(self, alias: str, requested: str) -> bool:
        """Say whether a script's entry is made anew although it is there; `requested` is the one that was asked for."""
        return self.anew == "all" or (self.anew == "requested" and alias == requested)

    def next_number(self) -> int:
        """Number the steps in the order in which they start."""
        with self._counting:
            self._count += 1
            return self._count
