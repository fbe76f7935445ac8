"""A request becomes a plan before anything runs; only decisions that need an export wait."""

from __future__ import annotations

from typing import Any

import pytest
from tiny_scripts import plan_of, registry_of, step_of, titles

from scriptgraph.errors import ScriptGraphError, VariationError
from scriptgraph.planning.environment import Layer
from scriptgraph.planning.resolver import settle

Scripts = dict[str, dict[str, Any]]


def dep(tags: str, *names: str, **fields: Any) -> dict[str, Any]:
    return {"tags": tags, "names": list(names), **fields}


def failure(scripts: Scripts, tags: str, **fields: Any) -> ScriptGraphError:
    with pytest.raises(ScriptGraphError) as caught:
        plan_of(scripts, tags, **fields)
    return caught.value


def diamonds(levels: int, own: dict[str, Any] | None = None) -> Scripts:
    """Return scripts of which two at each level need the same two of the next level."""
    scripts: Scripts = {"top": {"deps": [dep("a0"), dep("b0")]}, f"a{levels}": {}, f"b{levels}": {}}
    for level in range(levels):
        for side in "ab":
            deps = [dep(f"a{level + 1}"), dep(f"b{level + 1}")]
            scripts[f"{side}{level}"] = {"deps": deps, **(own or {})}
    return scripts


class TestWhatManyNeed:
    @pytest.mark.parametrize("own", [{}, {"env": {"CM_A": "x"}}, {"new_env_keys": ["CM_A"]}])
    def test_is_resolved_once(self, own: dict[str, Any]) -> None:
        scripts = diamonds(60, own)

        plan = plan_of(scripts, "top")

        # Values with different origins make different steps, so some come twice, but never more.
        assert len(titles(plan)) <= 2 * len(scripts)
        assert len(plan.fingerprint) == 64
        assert not list(plan.deferred())

    def test_is_resolved_again_if_a_later_export_matters(self) -> None:
        scripts: Scripts = {
            "top": {"deps": [dep("a"), dep("b"), dep("a")]},
            "a": {"deps": [dep("c", enable_if_env={"CM_K": ["yes"]})]},
            "b": {"new_env_keys": ["CM_K"]},
            "c": {},
        }

        first, _, second = plan_of(scripts, "top", env={}).root.before

        assert first.step
        assert second.step
        assert not first.step.before[0].waits_for
        assert second.step.before[0].waits_for

    def test_is_resolved_again_where_true_differs_from_one(self) -> None:
        scripts: Scripts = {"top": {"deps": [dep("a", env={"CM_K": True}), dep("a", env={"CM_K": 1})]}, "a": {}}

        values = [step.env["CM_K"] for step in plan_of(scripts, "top").steps() if step.manifest.alias == "a"]

        assert [repr(value) for value in values] == ["True", "1"]


class TestOrder:
    def test_dependencies_come_before_and_post_dependencies_after(self) -> None:
        scripts: Scripts = {
            "top": {
                "deps": [dep("a"), dep("b")],
                "post_deps": [dep("last")],
                "variations": {"v": {"deps": [dep("of-v")], "post_deps": [dep("last-of-v")]}},
                "versions": {"1": {"deps": [dep("of-version")]}},
                "default_version": "1",
            },
            "a": {"deps": [dep("below-a")]},
            **{name: {} for name in ("below-a", "b", "last", "of-v", "last-of-v", "of-version")},
        }

        assert titles(plan_of(scripts, "top,_v")) == [
            "below-a", "a", "b", "of-v", "of-version", "top,_v", "last", "last-of-v",
        ]  # fmt: skip

    def test_the_value_of_a_variation_reaches_its_dependencies(self) -> None:
        scripts: Scripts = {
            "top": {"variations": {"size.#": {"deps": [dep("below,_n.#", env={"CM_TEXT": "of #"})]}}},
            "below": {"variations": {"n.#": {"env": {"CM_N": "#"}}}},
        }

        plan = plan_of(scripts, "top,_size.7")

        assert titles(plan) == ["below,_n.7", "top,_size.7"]
        assert (step_of(plan, "below").env["CM_N"], step_of(plan, "below").env["CM_TEXT"]) == ("7", "of 7")


class TestGuards:
    @pytest.mark.parametrize(("value", "planned"), [("yes", ["a", "top"]), ("no", ["b", "top"])])
    def test_known_keys_decide_at_once(self, value: str, planned: list[str]) -> None:
        scripts: Scripts = {
            "top": {
                "inputs": {"with-a": {"env": "CM_A"}},
                "deps": [dep("a", enable_if_env={"CM_A": ["yes"]}), dep("b", skip_if_env={"CM_A": ["yes"]})],
            },
            "a": {},
            "b": {},
        }

        plan = plan_of(scripts, "top", inputs={"with_a": value})

        assert titles(plan) == planned
        assert not list(plan.deferred())

    GUARDED: Scripts = {  # noqa: RUF012 - never changed
        "top": {"deps": [dep("detect"), dep("a", enable_if_env={"CM_HOST_OS": ["linux"]})]},
        "detect": {"new_env_keys": ["CM_HOST_*"]},
        "a": {},
    }

    def test_an_earlier_export_is_waited_for(self) -> None:
        (need,) = plan_of(self.GUARDED, "top").deferred()

        assert need.waits_for == {"CM_HOST_OS"}
        assert need.dependency.tags == "a"

    @pytest.mark.parametrize(("value", "expected"), [("linux", "a"), ("windows", None)])
    def test_it_is_settled_once_the_export_is_known(self, value: str, expected: str | None) -> None:
        plan = plan_of(self.GUARDED, "top")
        (need,) = plan.deferred()
        env = plan.root.env.merged({"CM_HOST_OS": value}, Layer.DEPENDENCY, "detect")

        settled = settle(need, plan.root, env, registry_of(self.GUARDED), (plan.root.manifest,))

        assert not settled.waits_for
        assert (settled.step.title if settled.step else None) == expected

    def test_a_key_set_by_a_higher_layer_is_not_waited_for(self) -> None:
        scripts = {**self.GUARDED, "top": {**self.GUARDED["top"], "env": {"CM_HOST_OS": "linux"}}}

        assert titles(plan_of(scripts, "top")) == ["detect", "a", "top"]

    def test_a_key_exported_only_later_is_not_waited_for(self) -> None:
        top = {"deps": list(reversed(self.GUARDED["top"]["deps"]))}

        assert titles(plan_of({**self.GUARDED, "top": top}, "top")) == ["detect", "top"]

    def test_a_condition_that_surely_fails_is_not_waited_for(self) -> None:
        guard = {"CM_HOST_OS": ["linux"], "CM_X": ["yes"]}
        scripts = {**self.GUARDED, "top": {"deps": [dep("detect"), dep("a", enable_if_env=guard)]}}

        assert titles(plan_of(scripts, "top")) == ["detect", "top"]

    def test_a_condition_that_surely_holds_is_not_waited_for(self) -> None:
        guard = {"CM_HOST_OS": ["linux"], "CM_X": ["yes"]}
        scripts = {**self.GUARDED, "top": {"deps": [dep("detect"), dep("a", skip_if_env=guard)]}}

        assert titles(plan_of(scripts, "top")) == ["detect", "a", "top"]

    def test_a_deferred_step_may_export_all_that_its_matches_do(self) -> None:
        scripts: Scripts = {
            "top": {
                "deps": [
                    dep("detect"),
                    dep(
                        "get,model",
                        enable_if_env={"CM_HOST_OS": ["linux"]},
                        update_tags_from_env_with_prefix={"_": ["CM_KIND"]},
                    ),
                    dep("a", enable_if_env={"CM_MODEL": ["big"]}),
                    dep("b", enable_if_env={"CM_OTHER": ["yes"]}),
                ]
            },
            "detect": {"new_env_keys": ["CM_HOST_*"]},
            "get-model": {"tags": ["get", "model"]},
            "get-model-big": {"tags": ["get", "model", "big"], "variations": {"v": {"new_env_keys": ["CM_MODEL"]}}},
            "a": {},
            "b": {},
        }

        plan = plan_of(scripts, "top")

        assert [need.waits_for for need in plan.deferred()] == [{"CM_HOST_OS"}, {"CM_MODEL"}]

    def test_a_guard_below_waits_for_an_export_above(self) -> None:
        scripts: Scripts = {
            "top": {"deps": [dep("detect"), dep("middle")]},
            "middle": {"deps": [dep("a", enable_if_env={"CM_HOST_OS": ["linux"]})]},
            "detect": {"new_env_keys": ["CM_HOST_*"]},
            "a": {},
        }

        plan = plan_of(scripts, "top")

        assert titles(plan) == ["detect", "middle", "top"]
        assert [need.waits_for for need in plan.deferred()] == [{"CM_HOST_OS"}]

    @pytest.mark.parametrize("value", ["<<<CM_HOST_OS>>>", "the system is <<<CM_HOST_OS>>>"])
    def test_a_guard_below_waits_for_placeholders_of_an_export(self, value: str) -> None:
        scripts: Scripts = {
            "top": {
                "default_env": {"CM_HOST_OS": "linux"},
                "deps": [dep("detect"), dep("middle", env={"CM_SYSTEM": value})],
            },
            "middle": {"deps": [dep("a", enable_if_env={"CM_SYSTEM": ["*linux"]})]},
            "detect": {"new_env_keys": ["CM_HOST_*"]},
            "a": {},
        }  # fmt: skip

        assert [need.waits_for for need in plan_of(scripts, "top").deferred()] == [{"CM_SYSTEM"}]

    def test_a_guard_waits_for_placeholders_of_its_keys(self) -> None:
        scripts: Scripts = {
            "top": {
                "env": {"CM_SYSTEM": "on <<<CM_HOST_OS>>>"},
                "deps": [dep("detect"), dep("a", enable_if_env={"CM_SYSTEM": ["on linux"]})],
            },
            "detect": {"new_env_keys": ["CM_HOST_*"]},
            "a": {},
        }

        assert [need.waits_for for need in plan_of(scripts, "top").deferred()] == [{"CM_SYSTEM"}]

    def test_a_guard_looks_at_the_expanded_value(self) -> None:
        scripts: Scripts = {
            "top": {
                "env": {"CM_A": "<<<CM_B>>>", "CM_B": "it"},
                "deps": [dep("a", enable_if_env={"CM_A": ["it"]}), dep("b", enable_if_env={"CM_A": ["<<<CM_B>>>"]})],
            },
            "a": {},
            "b": {},
        }

        assert titles(plan_of(scripts, "top")) == ["a", "top"]

    def test_post_dependencies_wait_for_the_scripts_own_exports(self) -> None:
        scripts: Scripts = {
            "top": {"new_env_keys": ["CM_OK"], "post_deps": [dep("a", enable_if_env={"CM_OK": ["yes"]})]},
            "a": {},
        }

        assert [need.waits_for for need in plan_of(scripts, "top").deferred()] == [{"CM_OK"}]


class TestTagsFromTheEnvironment:
    SCRIPTS: Scripts = {  # noqa: RUF012 - never changed
        "top": {
            "inputs": {"kind": {"env": "CM_KIND"}, "more": {"env": "CM_MORE"}},
            "deps": [dep("model", update_tags_from_env_with_prefix={"_": ["CM_KIND", "CM_MORE"]})],
        },
        "model": {"variations": {"small": {"group": "size"}, "big": {"group": "size"}, "fast": {}}},
    }

    @pytest.mark.parametrize(
        ("inputs", "title"),
        [
            ({}, "model"),
            ({"kind": "small"}, "model,_small"),
            ({"kind": "big", "more": "fast"}, "model,_big,_fast"),
            ({"kind": ""}, "model"),
        ],
    )
    def test_they_add_to_the_query_if_there_is_a_value(self, inputs: dict[str, str], title: str) -> None:
        assert titles(plan_of(self.SCRIPTS, "top", inputs=inputs)) == [title, "top"]

    def test_a_wrong_value_is_an_error_with_its_chain(self) -> None:
        error = failure(self.SCRIPTS, "top", inputs={"kind": "smal"})

        assert isinstance(error, VariationError)
        assert error.report() == (
            "model: has no variation _smal. Did you mean _small? Valid: _small, _big, _fast.\n  on the way: top > model"
        )

    def test_they_are_waited_for(self) -> None:
        scripts: Scripts = {
            **self.SCRIPTS,
            "top": {"deps": [dep("detect"), dep("model", update_tags_from_env=["CM_KIND"])]},
            "detect": {"new_env_keys": ["CM_KIND"]},
        }

        assert [need.waits_for for need in plan_of(scripts, "top").deferred()] == [{"CM_KIND"}]
