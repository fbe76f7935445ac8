"""Run a foreign script's code in a process of its own, and answer what it asks for."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptgraph.compat.blocks import raw_value, read_overrides
from scriptgraph.compat.requests import find_artifacts, requested_script
from scriptgraph.errors import ScriptGraphError, StepFailed
from scriptgraph.files.json_reader import parse_json
from scriptgraph.manifest.foreign import STATE_PREFIX
from scriptgraph.planning.environment import Layer, as_text
from scriptgraph.process.outcome import ProcessFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scriptgraph.execution.context import Context
    from scriptgraph.execution.nested import Nested
    from scriptgraph.manifest.foreign import Foreign
    from scriptgraph.manifest.types import Manifest, Value, Values
    from scriptgraph.planning.environment import Environment
    from scriptgraph.planning.plan import Step

_CHILD = Path(__file__).with_name("child") / "__main__.py"
# The origins of values that a user has typed; a foreign shell never expands them.
_TYPED = ("--env", "option of ", "--adr")


class Adapter:
    """Runs foreign scripts of the collections that the user trusts."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = frozenset(trusted)

    def __call__(self, step: Step, context: Context, nested: Nested) -> Values:
        """Run a step's code, and return its exports.

        Raises:
            ScriptGraphError: its collection is not trusted, it failed, or a step that it asked for did.
        """
        foreign = _foreign(step.manifest)
        if foreign.collection not in self._trusted:
            raise StepFailed(consent_needed(step.manifest))
        return _Running(step, context, nested, foreign).exports()


def consent_needed(manifest: Manifest) -> str:
    """Return the error for a script of a collection that is not trusted."""
    name = _foreign(manifest).collection
    return (
        f"{manifest.alias} runs shell code of the collection {name} ({manifest.repository}), which is not trusted; "
        f"read it, then run cm run script --tags=trust,collection --name={name}"
    )


def _foreign(manifest: Manifest) -> Foreign:
    assert manifest.foreign is not None  # noqa: S101 - the caller's condition
    return manifest.foreign


class _Running:
    """A foreign step while its process runs."""

    def __init__(self, step: Step, context: Context, nested: Nested, foreign: Foreign) -> None:
        self._step, self._context, self._nested, self._foreign = step, context, nested, foreign
        self._exports: Values | None = None
        self._problem: str = ""
        self._failed: ScriptGraphError | None = None

    def exports(self) -> Values:
        context, alias = self._context, self._step.manifest.alias
        shown = context.say if self._nested.requested and not context.switches.verbose else None
        try:
            completed = context.command(
                [sys.executable, "-I", _CHILD], check=False, serve=self._serve, on_line=shown, env=self._python_path()
            )
        except ProcessFailed as error:
            raise StepFailed(f"{alias}: {error}") from error
        if self._exports is not None:
            return self._exports
        if self._failed is not None and str(self._failed) in self._problem:
            raise self._failed
        if not self._problem:
            completed.require_success()
        raise StepFailed(f"{alias}: {self._problem or 'ended without a result; its log has its output'}")

    @staticmethod
    def _python_path() -> Mapping[str, str]:
        # Scripts find programs where the user's commands find them.
        return {"PATH": os.environ.get("PATH", "")}

    def _serve(self, line: str) -> str:
        request = _parsed(line)
        answer = getattr(self, f"_{request['ask']}")(request)
        return json.dumps(answer, default=str)

    def _start(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        step, manifest, env = self._step, self._step.manifest, self._nested.env
        given = {key: env[key] for key in env if key in self._foreign.reads and not key.startswith(STATE_PREFIX)}
        values = _as_json(given) | self._translated(env)
        values |= {key: self._as_typed(key) for key, value in given.items() if isinstance(value, bool)}
        typed = {key for key in given if env.origin(key).source.startswith(_TYPED)}
        const = {key for key in given if env.origin(key).layer == Layer.INPUT}
        mapped = {option.env_key: name for name, option in manifest.inputs.items()}
        return {
            "folder": str(manifest.folder),
            "prefix": self._foreign.prefix,
            "meta": dict(self._foreign.meta),
            "tags": list(manifest.tags),
            "variations": [each.written for each in step.variations],
            "env": values,
            "state": _state(env),
            "const": {key: values[key] for key in const},
            "literal": {key: values[key] for key in typed},
            "input": {mapped[key]: values[key] for key in const if key in mapped},
            "exports": [key for key in _patterns(step) if not key.startswith(STATE_PREFIX)],
            "state_exports": [key[len(STATE_PREFIX) :] for key in _patterns(step) if key.startswith(STATE_PREFIX)],
            "phases": [phase for phase, needs in step.within.items() if needs],
            "current_path": str(Path.cwd()),
        }

    def _as_typed(self, key: str) -> str:
        """Return the word that the user wrote for yes or no, which may be a program's name to a foreign script."""
        names = {f"--env.{key}"}
        names |= {f"--{name}" for name, option in self._step.manifest.inputs.items() if option.env_key == key}
        for word in self._context.command_line:
            name, mark, text = word.partition("=")
            if mark and name in names:
                return text
        return str(self._nested.env[key])

    def _translated(self, env: Environment) -> dict[str, Any]:
        """Return values of ours under the names of the successor, where they are the same in meaning."""
        names = self._foreign.names_of_ours(key for key in self._foreign.reads if "*" not in key)
        return _as_json({key: env[own] for key, own in names.items() if key not in env and own in env})

    def _dependencies(self, request: Mapping[str, Any]) -> dict[str, Any]:
        overrides = read_overrides(request, "overrides")
        changed, removed = _changes(request)
        before, after = self._nested.dependencies(request["phase"], changed, removed, overrides)
        return _difference(before, after)

    def _script(self, request: Mapping[str, Any]) -> dict[str, Any]:
        changed, removed = _changes(request)
        try:
            dependency = requested_script(request["fields"], _values(request["more"]))
            before, after = self._nested.script(dependency, changed, removed)
        except ScriptGraphError as error:
            self._failed = error
            return {"error": str(error)}
        return _difference(before, after)

    def _find(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"list": find_artifacts(request, self._nested)}

    def _failure(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._problem = str(request["error"])
        return {}

    def _done(self, request: Mapping[str, Any]) -> dict[str, Any]:
        values = _values(request["env"])
        states = {f"{STATE_PREFIX}{key}": json.dumps(value) for key, value in request["state"].items()}
        ours = {own: values[key] for key, own in self._foreign.names_of_ours(values).items()}
        self._exports = {**ours, **values, **states}
        return {}


def _patterns(step: Step) -> list[str]:
    """Return the patterns of a step's exports with their placeholders, which its code may fill."""
    entry = step.manifest.versions.get(step.version)
    of_version = entry.foreign.exports if entry is not None and entry.foreign is not None else ()
    of_variations = (key for each in step.variations for key in each.variation.exports)
    return [*step.manifest.exports, *of_variations, *of_version]


def _as_json(values: Mapping[str, Value]) -> dict[str, Any]:
    return {key: _plain(key, value) for key, value in values.items() if value is not None}


def _plain(key: str, value: Value) -> Any:
    if isinstance(value, tuple):
        return list(value) if key.startswith("+") else ",".join(value)
    return str(value) if isinstance(value, bool) else value


def _values(found: Mapping[str, Any]) -> dict[str, Value]:
    """Return values from the process as those of an environment; an object becomes text, as a shell would see it."""
    return {
        key: str(value) if isinstance(value, dict) else raw_value(value, key)
        for key, value in found.items()
        if value is not None
    }


def _state(env: Environment) -> dict[str, Any]:
    found = {key: as_text(env[key]) for key in env if key.startswith(STATE_PREFIX)}
    return {key[len(STATE_PREFIX) :]: _parsed(text) for key, text in found.items() if text}


def _changes(request: Mapping[str, Any]) -> tuple[dict[str, Value], list[str]]:
    states = {f"{STATE_PREFIX}{key}": json.dumps(value, default=str) for key, value in request["state"].items()}
    return {**_values(request["env"]), **states}, list(request["removed"])


def _difference(before: Environment, after: Environment) -> dict[str, Any]:
    changed = {key: after[key] for key in after if key not in before or before[key] != after[key]}
    env = {key: value for key, value in changed.items() if not key.startswith(STATE_PREFIX)}
    states = {key[len(STATE_PREFIX) :]: _parsed(as_text(value)) for key, value in changed.items() if key not in env}
    return {"env": _as_json(env), "state": states}


def _parsed(text: str) -> Any:
    return parse_json(text, "a request of a foreign script", paths=True)
