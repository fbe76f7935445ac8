"""What running a step and foreseeing it have in common: where it starts from, what makes it, what leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptgraph.execution.loader import content_digest
from scriptgraph.manifest.types import matches_any
from scriptgraph.planning.environment import Environment, Layer
from scriptgraph.planning.resolver import exports_of, hand_down

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scriptgraph.execution.runtime import Runtime
    from scriptgraph.manifest.types import Dependency, Value, Values
    from scriptgraph.planning.plan import Step


def start_of(step: Step, env: Environment, parent: Step, dependency: Dependency) -> Environment:
    """Give the environment in which a dependency starts, of what its parent has by then.

    What the plan gave the step by options or `adr` lies over what it inherits.
    """
    start = hand_down(env.resolved(), parent.manifest, dependency)
    settings: dict[Layer, dict[str, Value]] = {}
    for key in step.env:
        setting = step.env.origin(key)
        if setting.layer in {Layer.INPUT, Layer.OVERRIDE}:
            settings.setdefault(setting.layer, {})[key] = setting.value
    for layer, values in settings.items():
        start = start.merged(values, layer, step.manifest.alias)
    return start


def identity(
    step: Step, env: Environment, dependency_keys: Iterable[str], runtime: Runtime, fingerprint: str
) -> dict[str, Any]:
    """Say what a step's result is made from; `content_key` of it names the cache's entry."""
    # A path into the cache is replaced by a mark, so that moving the cache keeps its entries.
    manifest = step.manifest
    # What is not kept is told apart within one run only, in which its files are the same.
    content = content_digest(manifest, runtime.digests) if manifest.cache else str(manifest.folder)
    reads = {key: runtime.cache.movable(repr(env[key])) for key in sorted(env) if key in manifest.reads}
    return {
        "alias": manifest.alias,
        "content": content,
        "variations": sorted(each.written for each in step.variations),
        "version": step.version,
        "reads": reads,
        "dependencies": sorted(set(dependency_keys)),
        "fingerprint": fingerprint,
    }


def leaving(step: Step, env: Environment) -> Values:
    """Give what leaves a step of all that it has at its end."""
    resolved = env.resolved()
    patterns = exports_of(step)
    return {key: resolved[key] for key in resolved if matches_any(key, patterns)}
