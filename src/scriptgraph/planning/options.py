"""Options: a script's own, and checks of those that name a dependency or an environment key."""

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


def read_inputs(manifest: Manifest, inputs: Values) -> Values:
    """Convert options to environment values.

    Raises:
        RequestError: the script has no such option, or refuses the value.
    """
    values = {}
    for name, value in inputs.items():
        option = find_input(manifest, name)
        if option is None:
            names = frozenset(key.replace("-", "_") for key in manifest.inputs)
            raise UnknownOptionError(manifest.alias, name, names)
        for refused, reason in option.refused.items():
            if same(value, refused):
                raise RequestError(f"--{name}={as_text(value)}: {reason}")
        if option.choices and not any(same(value, choice) for choice in option.choices):
            raise RequestError(f"--{name}={as_text(value)}: must be one of {', '.join(option.choices)}")
        if value not in (None, "") and not _is_of_kind(value, option.kind):
            raise RequestError(f"--{name}={as_text(value)}: must be {_KINDS[option.kind]}")
        values[option.env_key] = value
    return values


def check_needed_options(manifest: Manifest, inputs: Values, env: Values) -> None:
    """Raise if an option has no effect because the option that it needs is missing.

    Args:
        manifest: the script's manifest.
        inputs: the options by name.
        env: the environment, including the options' values.

    Raises:
        RequestError: an option lacks the option that it needs.
    """
    for name, value in inputs.items():
        option = find_input(manifest, name)
        if option is None or not option.needs or value in (None, "") or same(value, False):
            continue
        needed = find_input(manifest, option.needs)
        setting = env.get(needed.env_key) if needed else None
        if setting in (None, "") or (needed and needed.kind == "flag" and same(setting, False)):
            raise RequestError(f"--{name}: has no effect without --{option.needs}; add it")


_KINDS = {"number": "a number", "flag": "yes or no"}


def _is_of_kind(value: Value, kind: str) -> bool:
    if kind == "number":
        try:
            return isfinite(float(as_text(value)))
        except ValueError:
            return False
    return kind != "flag" or same(value, True) or same(value, False)


def find_input(manifest: Manifest, name: str) -> Input | None:
    """Return a script's option by name, with dashes or underscores; None if it has none of that name."""
    normal = name.replace("-", "_")
    return next((each for key, each in manifest.inputs.items() if key.replace("-", "_") == normal), None)


def check_overrides(root: Step, request: Request, registry: Registry) -> tuple[str, ...]:
    """Raise if an `--adr` names no dependency of the plan; return notes on names that are no longer in use.

    Raises:
        RequestError: no dependency has the name.
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
    """Raise if an `--env` sets a key that no script of the plan reads.

    Raises:
        RequestError: no manifest of the plan declares the key.
    """
    known = _keys(step.manifest for step in Plan(root).steps())
    for key in request.env:
        if key in known:
            continue
        # A deferred dependency may select any script.
        if Plan(root).deferred() and key in _keys(registry):
            continue
        close = nearest(key, known)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise RequestError(
            f"--env.{key}: no script of the plan reads it{hint} "
            f"(cm show script {root.manifest.alias} lists options and keys)"
        )


def _keys(manifests: Iterable[Manifest]) -> set[str]:
    return {key for each in manifests for key in (*each.reads, *each.deciding_keys)}
