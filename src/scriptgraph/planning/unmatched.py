"""Options that steer something by name: each must have something to steer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.errors import RequestError, nearest
from scriptgraph.planning.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.manifest.types import Manifest
    from scriptgraph.planning.plan import Request, Step


def check_overrides(root: Step, request: Request, registry: Registry) -> tuple[str, ...]:
    """Refuse an `--adr` for a name that nothing on the way has; give notes on those that 2023 had.

    Raises:
        RequestError: there is no dependency of the name.
    """
    known, retired = set[str](), dict[str, str]()
    for step in Plan(root).steps():
        known |= step.manifest.dependency_names
        retired |= step.manifest.retired_names
    if any(name not in known for name in request.overrides) and any(Plan(root).deferred()):
        known |= {name for each in registry for name in each.dependency_names}
    notes = []
    for name in request.overrides:
        if name in retired:
            notes.append(f"--adr.{name}: {retired[name]}")
        elif name not in known and name not in request.maybe:
            close = nearest(name, known)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise RequestError(
                f"--adr.{name}: no dependency has this name.{hint} Names: {', '.join(sorted(known)) or 'none'}"
            )
    return tuple(notes)


def check_env(root: Step, request: Request, registry: Registry) -> None:
    """Refuse an `--env` for a key that no script on the way reads, and that decides nothing.

    Raises:
        RequestError: nothing declares it.
    """
    known = _keys(step.manifest for step in Plan(root).steps())
    for key in request.env:
        if key in known:
            continue
        # A step that is settled later may be any script.
        if any(Plan(root).deferred()) and key in _keys(registry):
            continue
        close = nearest(key, known)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise RequestError(
            f"--env.{key}: no script on the way reads it{hint} "
            f"(cm show script {root.manifest.alias} lists options and keys)"
        )


def _keys(manifests: Iterable[Manifest]) -> set[str]:
    return {key for each in manifests for key in (*each.reads, *each.deciding_keys)}
