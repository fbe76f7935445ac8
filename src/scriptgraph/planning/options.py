"""Options: a script's own, and checks of those that name a dependency or an environment key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.errors import RequestError, UnknownOptionError, nearest
from scriptgraph.manifest.limits import problem_of
from scriptgraph.manifest.types import PLACEHOLDER
from scriptgraph.planning.conditions import same
from scriptgraph.planning.environment import as_text
from scriptgraph.planning.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.manifest.types import Input, Manifest, Value, Values
    from scriptgraph.planning.plan import Request, Step

_MOST_SHOWN = 80


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
        if option.choices and option.kind != "numbers" and not any(same(value, each) for each in option.choices):
            raise RequestError(f"--{name}={as_text(value)}: must be one of {', '.join(option.choices)}")
        if value not in (None, "") and (problem := _problem(option, value)):
            raise RequestError(f"--{name}={_shown(value)}: {problem}")
        values[option.env_key] = value
    return values


def known_options(manifest: Manifest, inputs: Values) -> Values:
    """Return the options that a script has, if it is foreign: its own engine ignores others."""
    if manifest.foreign is None:
        return inputs
    return {name: value for name, value in inputs.items() if find_input(manifest, name) is not None}


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


def _problem(option: Input, value: Value) -> str:
    if option.kind == "flag":
        return "" if same(value, True) or same(value, False) else "must be yes or no"
    return problem_of(option, as_text(value))


def _shown(value: Value) -> str:
    """Return the start of a value, for a message."""
    text = as_text(value)
    return f"{text[:_MOST_SHOWN]}..." if len(text) > _MOST_SHOWN else text


def check_values(root: Step, request: Request | None = None) -> None:
    """Raise if a value that the plan's scripts read is outside the limits of the option that sets it.

    The options of the requested script are checked when they are read; this finds the values of `--env`, of variations
    and of manifests.

    Raises:
        RequestError: a value is outside its limits.
    """
    for step in Plan(root).steps():
        for option in step.manifest.limited_inputs:
            value = step.env.get(option.env_key)
            if value in (None, "") or PLACEHOLDER.search(text := as_text(value)):
                continue
            if problem := problem_of(option, text):
                raise RequestError(f"{spelled(root, request, option, step)}: {problem}")


def spelled(root: Step, request: Request | None, option: Input, step: Step) -> str:
    """Return a value as the user wrote it, "--NAME=VALUE", or else with its key and its source."""
    key, setting = option.env_key, step.env.origin(option.env_key)
    text = _shown(setting.value)
    if request is not None:
        for name, value in request.inputs.items():
            own = find_input(root.manifest, name)
            if own is not None and own.env_key == key and same(value, setting.value):
                return f"--{name}={text}"
        if key in request.env and same(request.env[key], setting.value):
            return f"--env.{key}={text}"
    return f"{key}={text} ({setting.source})"


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
        if key in known or any(key in step.manifest.reads for step in Plan(root).steps()):
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
