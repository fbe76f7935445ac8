"""Properties of the plan of any registry and any request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registries import KEYS, KIND, KINDS, WORDS, Index, any_indexes, any_requests, sound_indexes, sound_requests
from tiny_scripts import manifest, plan_of, registry_of, request_of

from scriptgraph.catalog.registry import Registry
from scriptgraph.errors import ScriptGraphError
from scriptgraph.manifest.located_json import decode_value
from scriptgraph.manifest.types import matches_any
from scriptgraph.planning import resolver
from scriptgraph.planning.environment import Environment, Layer
from scriptgraph.planning.resolver import hand_down, layered, resolve, settle
from scriptgraph.planning.scope import ResolvedSteps, Scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from scriptgraph.manifest.queries import Query
    from scriptgraph.manifest.types import Manifest
    from scriptgraph.planning.plan import Need, Step

Fields = dict[str, Any]


def outcome(registry: Registry, request: Fields) -> tuple[str, ScriptGraphError | None]:
    """Resolve, and return the plan's fingerprint, or the error's text and the error."""
    try:
        return resolve(request_of(**request), registry).fingerprint, None
    except ScriptGraphError as error:
        return error.report(), error


@given(any_indexes(), any_requests)
def test_any_registry_yields_a_plan_or_a_located_error(index: Index, request: Fields) -> None:
    text, error = outcome(registry_of(index), request)

    assert "\n" not in text.split("\n  on the way: ")[0]
    if error is None:
        assert len(text) == 64
    else:
        assert error.chain or "--tags=" in text or "--adr." in text


@given(any_indexes(), any_requests, st.randoms(use_true_random=False))
def test_discovery_order_never_changes_a_plan_or_an_error(index: Index, request: Fields, random: Random) -> None:
    aliases = list(index)
    random.shuffle(aliases)
    shuffled = Registry(manifest(alias, **index[alias]) for alias in aliases)

    assert outcome(shuffled, request)[0] == outcome(registry_of(index), request)[0]


@given(sound_indexes(), sound_requests)
def test_post_dependencies_follow_and_dependencies_precede(index: Index, request: Fields) -> None:
    order: list[int] = []

    def visit(step: Step) -> None:
        for need in step.before:
            if need.step:
                visit(need.step)
        order.append(id(step))
        for need in step.after:
            if need.step:
                visit(need.step)

    plan = plan_of(index, **request)
    visit(plan.root)

    # A shared step comes where it is first needed.
    assert [id(step) for step in plan.steps()] == list(dict.fromkeys(order))


class _NothingIsRemembered(ResolvedSteps):
    def step(self, manifest: Manifest, query: Query, scope: Scope, resolve: Callable[[], Step]) -> Step:
        return resolve()


@settings(max_examples=300)
@given(sound_indexes() | any_indexes(), any_requests)
def test_a_shared_step_equals_one_resolved_again(index: Index, request: Fields) -> None:
    remembered = outcome(registry_of(index), request)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolver, "ResolvedSteps", _NothingIsRemembered)
        again = outcome(registry_of(index), request)[0]

    assert remembered == again


@given(any_indexes(), any_requests)
def test_no_plan_has_a_cycle_or_two_of_a_group(index: Index, request: Fields) -> None:
    def check(step: Step, above: tuple[str, ...]) -> None:
        assert step.manifest.alias not in above
        groups = [each.variation.group for each in step.variations if each.variation.group and "," not in each.written]
        assert len(groups) == len(set(groups))
        for need in step.needs():
            if need.step:
                check(need.step, (*above, step.manifest.alias))

    if outcome(registry_of(index), request)[1] is None:
        check(plan_of(index, **request).root, ())


class _Rehearsal:
    """Runs a plan with invented exports, and settles it again with the values known by then."""

    def __init__(self, registry: Registry, data: st.DataObject) -> None:
        self.registry, self.data = registry, data

    def run(self, step: Step, inherited: Environment, chain: tuple[Manifest, ...]) -> dict[str, Any]:
        chain = (*chain, step.manifest)
        env = layered(step.manifest, step.variations, step.version, inherited)
        env = self._needs(step, step.before, env, chain)
        env = env.merged(self._invented(step), Layer.DEPENDENCY, step.manifest.alias)
        env = self._needs(step, step.after, env, chain).resolved()
        return {key: env[key] for key in env if matches_any(key, step.exports)}

    def _needs(self, step: Step, needs: tuple[Need, ...], env: Environment, chain: tuple[Manifest, ...]) -> Environment:
        for need in needs:
            late = settle(need, step, env, self.registry, chain)
            assert not late.waits_for
            if not need.waits_for:
                assert titles(late.step) == titles(need.step)
            if late.step:
                start = hand_down(env.resolved(), step.manifest, need.dependency)
                own = {key: late.step.env.origin(key) for key in late.step.env}
                forced = {key: each.value for key, each in own.items() if each.layer is Layer.OVERRIDE}
                start = start.merged(forced, Layer.OVERRIDE, "")
                env = env.merged(self.run(need.step or late.step, start, chain), Layer.DEPENDENCY, "")
        return env

    def _invented(self, step: Step) -> dict[str, Any]:
        """Draw the exports of a step's code: any keys that it lists, with any values."""
        patterns = step.exports
        found = {}
        for key in (*KEYS, KIND):
            if matches_any(key, patterns):
                words = KINDS if key == KIND else (word for word in WORDS if "<" not in word)
                found[key] = self.data.draw(st.sampled_from([None, *words]))
        return {key: decode_value(value) for key, value in found.items() if value is not None}


def titles(step: Step | None) -> str | None:
    return f"{step.title}@{step.version}" if step else None


@settings(max_examples=500)
@given(sound_indexes(), sound_requests, st.data())
def test_a_guard_decided_in_the_plan_is_the_same_in_the_run(index: Index, request: Fields, data: st.DataObject) -> None:
    plan = plan_of(index, **request)

    _Rehearsal(registry_of(index), data).run(plan.root, plan.root.env, ())


@given(sound_indexes(), sound_requests)
def test_undeclared_values_do_not_change_the_plan(index: Index, request: Fields) -> None:
    more = {**request, "env": {**request.get("env", {}), "CM_NEVER_HEARD_OF": "x"}}
    plan, other = plan_of(index, **request), plan_of(index, **more)

    assert [step.title for step in other.steps()] == [step.title for step in plan.steps()]
    if not any(plan.deferred()):
        assert other.fingerprint == plan.fingerprint
