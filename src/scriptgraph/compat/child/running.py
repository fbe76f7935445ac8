"""The running script, as the objects that its code gets see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from scriptgraph.compat.child.channel import Channel


class Running(Protocol):
    """A script that runs; see `scriptgraph.compat.child.script.Script`."""

    env: dict[str, Any]
    state: dict[str, Any]
    meta: dict[str, Any]
    prefix: str
    channel: Channel

    def call(self, name: str, **more: Any) -> dict[str, Any] | None:
        """Call a function of the script's code."""

    def native(self, name: str = "", env: dict[str, Any] | None = None) -> bool:
        """Run a native script of the folder."""

    def override(self, overrides: dict[str, Any]) -> None:
        """Change dependencies that have yet to run."""

    def changes(self) -> dict[str, Any]:
        """Return what the script has changed so far."""
