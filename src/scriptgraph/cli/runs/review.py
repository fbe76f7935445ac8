"""Review a record from elsewhere: list what it would run, and keep its outputs below a folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from scriptgraph.cli.runs.trust import printable
from scriptgraph.errors import RequestError
from scriptgraph.execution.context import is_plain_name
from scriptgraph.immutable import Immutable
from scriptgraph.manifest.queries import parse_query
from scriptgraph.manifest.roles import role_of_key, role_of_variation, strongest, suggested_role
from scriptgraph.manifest.types import ROLES
from scriptgraph.planning.environment import as_text
from scriptgraph.planning.options import find_input
from scriptgraph.planning.plan import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scriptgraph.catalog.registry import Registry
    from scriptgraph.manifest.types import Manifest, Override, Role, Value, Values
    from scriptgraph.planning.plan import Plan

_PLURALS: Mapping[Role, str] = {
    "program": "programs", "output": "outputs", "repository": "repositories", "address": "addresses",
}  # fmt: skip
# The most scripts that are listed by name, besides the user's own.
_MOST_STEPS = 12


class RecordedValue(Immutable):
    """A value of a record, as an option or a variation spells it, with what it names."""

    option: str
    value: Value
    role: Role
    of_variation: bool = False

    def __str__(self) -> str:
        return printable(f"{self.option}{'.' if self.of_variation else '='}{_text(self.value)}")


class Roles:
    """What the values of a request name, by the manifests of all scripts that may get them."""

    def __init__(self, plan: Plan, registry: Registry) -> None:
        settled = {step.manifest.alias: step.manifest for step in plan.steps()}
        # A deferred dependency may select any script with its tags.
        waiting = (parse_query(need.dependency.tags).required for need in plan.deferred())
        possible = {each.alias: each for tags in waiting for each in registry.candidates(tags)}
        self._root, self._manifests = plan.root.manifest, tuple({**possible, **settled}.values())

    def of_input(self, name: str) -> Role:
        """Return the role of an option of the requested script."""
        option = find_input(self._root, name)
        return role_of_key(option.env_key, self._manifests) if option else "value"

    def of_key(self, key: str) -> Role:
        """Return the role of an environment key."""
        return role_of_key(key, self._manifests)

    def of_dependency(self, name: str) -> Role:
        """Return the role of an option of some dependency."""
        options = [option for each in self._manifests if (option := find_input(each, name))]
        return strongest(role_of_key(option.env_key, self._manifests) for option in options) or (
            suggested_role(name) or "value"
        )

    def of_variation(self, written: str) -> Role:
        """Return the role of the value in a variation, such as `url.https://host/file`."""
        return strongest(role_of_variation(each, written, self._manifests) for each in self._manifests) or "value"


def recorded_values(recorded: Request, typed: Request, roles: Roles) -> Iterator[RecordedValue]:
    """Yield the values of a record that no typed option overrides."""
    yield from _variations("_", recorded.query.variations, roles)
    for name, value in recorded.inputs.items():
        if name not in typed.inputs:
            yield RecordedValue(f"--{name}", value, roles.of_input(name))
    for key, value in recorded.env.items():
        if key not in typed.env:
            yield RecordedValue(f"--env.{key}", value, roles.of_key(key))
    for name, override in recorded.overrides.items():
        known = typed.overrides[name].as_options() if name in typed.overrides else {}
        for option, value in override.as_options().items():
            if option == "tags":
                yield RecordedValue(f"--adr.{name}.tags", value, "value")
                yield from _variations(f"--adr.{name}.tags=_", parse_query(str(value)).variations, roles)
            elif option not in known:
                yield RecordedValue(f"--adr.{name}.{option}", value, roles.of_dependency(option))


def _variations(prefix: str, variations: Iterable[str], roles: Roles) -> Iterator[RecordedValue]:
    for written in variations:
        name, dot, value = written.partition(".")
        if dot and (role := roles.of_variation(written)) != "value":
            yield RecordedValue(f"{prefix}{name}", value, role, of_variation=True)


def review_lines(plan: Plan, values: Sequence[RecordedValue], shipped: Path) -> list[str]:
    """Return what a record would run, a line each: its scripts, and its values by what they name."""
    rows = [("script", printable(plan.root.title))]
    steps = list(dict.fromkeys(step.manifest.alias for step in plan.steps() if step is not plan.root))
    more = f", and {len(steps) - _MOST_STEPS} more" if len(steps) > _MOST_STEPS else ""
    rows += [("steps", ", ".join(steps[:_MOST_STEPS]) + more)] if steps else []
    folders = {step.manifest.folder for step in plan.steps() if not is_shipped(step.manifest, shipped)}
    rows += [("your script", printable(str(folder))) for folder in sorted(folders)]
    ordered = sorted(values, key=lambda each: (each.role in {"value", "input"}, ROLES.index(each.role)))
    rows += [(each.role, str(each)) for each in ordered]
    width = max(len(label) for label, _ in rows)
    return [f"  {label.ljust(width)}  {text}" for label, text in rows]


def summary(plan: Plan, values: Sequence[RecordedValue]) -> str:
    """Return the requested script with the numbers of values that name something to beware of."""
    counts = Counter(each.role for each in values)
    parts = [f"{counts[role]} {many if counts[role] > 1 else role}" for role, many in _PLURALS.items() if counts[role]]
    return printable(plan.root.title) + (f" with {', '.join(parts)}" if parts else "")


def is_shipped(manifest: Manifest, shipped: Path) -> bool:
    """Whether a script belongs to the product's own repository."""
    return manifest.folder.parents[1].resolve() == shipped.resolve()


def with_outputs_below(folder: Path, request: Request, roles: Roles) -> Request:
    """Return a record's request with every output in a folder of its option's name below `folder`.

    Raises:
        RequestError: a variation names an output.
    """
    for each in recorded_values(request, Request(request.query), roles):
        if each.role == "output" and each.of_variation:
            problem = "names an output, which the tags of a record from elsewhere cannot"
            raise RequestError(f"{each}: {problem}; type the command anew, by cm run script")

    def below(name: str, value: Value, role: Role) -> Value:
        if role != "output" or value in (None, ""):
            return value
        return _below(folder / name if is_plain_name(name) else folder / "output", value)

    def of_override(override: Override) -> Override:
        inputs = {name: below(name, value, roles.of_dependency(name)) for name, value in override.inputs.items()}
        return override.replaced(inputs=inputs)

    inputs: Values = {name: below(name, value, roles.of_input(name)) for name, value in request.inputs.items()}
    env: Values = {key: below(key, value, roles.of_key(key)) for key, value in request.env.items()}
    overrides = {name: of_override(override) for name, override in request.overrides.items()}
    return request.replaced(inputs=inputs, env=env, overrides=overrides)


def _below(folder: Path, value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(str(_below(folder, each)) for each in value)
    name = Path(as_text(value)).name
    return str(folder / (name if is_plain_name(name) else "output"))


def _text(value: Value) -> str:
    return ",".join(value) if isinstance(value, tuple) else as_text(value)
