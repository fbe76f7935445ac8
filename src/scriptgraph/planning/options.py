"""Options: a script's own, from names to keys; and those that steer by name, which must name something."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from scriptgraph.errors import RequestError, UnknownOptionError, nearest
from scriptgraph.planning.conditions import same
from scriptgraph.planning.environment import as_text
from scriptgraph.planning.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.manifest.types import Input, Manifest, Value, Values
    from scriptgraph.planning.plan import Request, Step


def read_inputs(manifest: Manifest, given: Values) -> Values:
    """Turn options into values of the environment's keys.

    Raises:
        RequestError: the script has no such option, or does not serve the value.
    """
    values = {}
    for name, value in given.items():
        option = _find_input(manifest, name)
        if option is None:
            names = frozenset(key.replace("-", "_") for key in manifest.inputs)
            raise UnknownOptionError(manifest.alias, name, names)
        for refused, reason in option.refused.items():
            if same(value, refused):
                raise RequestError(f"--{name}={as_text(value)}: {reason}")
        if option.choices and not any(same(value, choice) for choice in option.choices):
            raise RequestError(f"--{name}={as_text(value)}: must be one of {', '.join(option.choices)}")
        if value not in (None, "") and not _is_of_kind(value, option.kind):
            raise RequestError(f"--{name}={as_text(value)}: must be {_CALLED[option.kind]}")
        values[option.env_key] = value
    return values


def require_needed(manifest: Manifest, given: Values, known: Values) -> None:
    """Refuse an option that would have no effect, since the one it belongs to is not given.

    Args:
        manifest: the script's.
        given: the options as they were given.
        known: values of the environment's keys, those of the options among them.

    Raises:
        RequestError: an option stands without the one that it needs.
    """
    for name, value in given.items():
        option = _find_input(manifest, name)
        if option is None or not option.needs or value in (None, "") or same(value, False):
            continue
        needed = _find_input(manifest, option.needs)
        setting = known.get(needed.env_key) if needed else None
        if setting in (None, "") or (needed and needed.kind == "flag" and same(setting, False)):
            raise RequestError(f"--{name}: has no effect without --{option.needs}; add it")


_CALLED = {"number": "a number", "flag": "yes or no"}


def _is_of_kind(value: Value, kind: str) -> bool:
    if kind == "number":
        try:
            return isfinite(float(as_text(value)))
        except ValueError:
            return False
    return kind != "flag" or same(value, True) or same(value, False)


def _find_input(manifest: Manifest, name: str) -> Input | None:
    wanted = name.replace("-", "_")
    return next((each for key, each in manifest.inputs.items() if key.replace("-", "_") == wanted), None)


def check_overrides(root: Step, request: Request, registry: Registry) -> tuple[str, ...]:
    """Refuse an `--adr` for a name that nothing on the way has; give notes on those that 2023 had.

    Raises:
        RequestError: there is no dependency of the name.
    """
    known, retired = set[str](), dict[str, str]()
    for step in Plan(root).steps():
        known |= step.manifest.dependency_names
        retired |= step.manifest.retired_names
    if any(name not in known for name in request.overrides) and Plan(root).deferred():
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
        if Plan(root).deferred() and key in _keys(registry):
            continue
        close = nearest(key, known)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise RequestError(
            f"--env.{key}: no script on the way reads it{hint} "
            f"(cm show script {root.manifest.alias} lists options and keys)"
        )


def _keys(manifests: Iterable[Manifest]) -> set[str]:
    return {key for each in manifests for key in (*each.reads, *each.deciding_keys)}
