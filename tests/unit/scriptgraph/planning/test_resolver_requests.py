"""Options, names and versions of a command reach their targets, or are refused."""

from __future__ import annotations

from typing import Any

import pytest
from tiny_scripts import plan_of, registry_of, request_of, step_of, titles

from scriptgraph.errors import CycleError, NoScriptError, RequestError, ScriptGraphError, VersionError
from scriptgraph.planning.environment import Layer
from scriptgraph.planning.resolver import DEEPEST, resolve

Scripts = dict[str, dict[str, Any]]


def dep(tags: str, *names: str, **fields: Any) -> dict[str, Any]:
    return {"tags": tags, "names": list(names), **fields}


def failure(scripts: Scripts, tags: str, **fields: Any) -> ScriptGraphError:
    with pytest.raises(ScriptGraphError) as caught:
        plan_of(scripts, tags, **fields)
    return caught.value


class TestOverrides:
    SCRIPTS: Scripts = {  # noqa: RUF012 - never changed
        "top": {"deps": [dep("middle")]},
        "middle": {"deps": [dep("python", "python", "python3"), dep("other")]},
        "python": {
            "inputs": {"max-size": {"env": "CM_MAX_SIZE"}},
            "env": {"CM_MAX_SIZE": "1"},
            "variations": {"a": {}, "b": {}, "c": {"default": True}},
            "versions": {"1.0": {}, "2.0": {}},
            "default_version": "1.0",
        },
        "other": {"inputs": {"max-size": {"env": "CM_MAX_SIZE"}}},
    }

    @pytest.mark.parametrize("name", ["python", "python3"])
    @pytest.mark.parametrize("key", ["max_size", "max-size"])
    def test_options_reach_any_depth_and_that_dependency_only(self, name: str, key: str) -> None:
        plan = plan_of(self.SCRIPTS, "top", adr={name: {key: "9"}})

        assert step_of(plan, "python").env["CM_MAX_SIZE"] == "9"
        assert "CM_MAX_SIZE" not in step_of(plan, "other").env

    @pytest.mark.parametrize(("tags", "title"), [("_a,_b", "python,_c,_a,_b"), ("_a,-_c", "python,_a")])
    def test_tags_are_added(self, tags: str, title: str) -> None:
        assert titles(plan_of(self.SCRIPTS, "top", adr={"python": {"tags": tags}}))[0] == title

    def test_versions_are_narrowed(self) -> None:
        plan = plan_of(self.SCRIPTS, "top", adr={"python": {"version_min": "1.5"}})

        assert step_of(plan, "python").version == "2.0"

    def test_a_command_overrides_a_manifests_adr(self) -> None:
        said = {"python": {"tags": "_a", "max_size": 5, "version": "2.0"}}
        scripts = {**self.SCRIPTS, "top": {**self.SCRIPTS["top"], "variations": {"v": {"adr": said}}}}

        by_manifest = step_of(plan_of(scripts, "top,_v"), "python")
        by_command = step_of(plan_of(scripts, "top,_v", adr={"python": {"tags": "_b", "max_size": 6}}), "python")

        assert (by_manifest.title, by_manifest.env["CM_MAX_SIZE"], by_manifest.version) == ("python,_c,_a", 5, "2.0")
        assert (by_command.title, by_command.env["CM_MAX_SIZE"], by_command.version) == ("python,_c,_a,_b", 6, "2.0")

    def test_an_unknown_name_is_refused_with_the_nearest(self) -> None:
        assert str(failure(self.SCRIPTS, "top", adr={"pyton": {"version": "1"}})) == (
            "--adr.pyton: no dependency has this name. Did you mean python? Names: python, python3"
        )

    def test_an_unknown_option_of_a_name_is_refused(self) -> None:
        error = failure(self.SCRIPTS, "top", adr={"python": {"maxsize": "1"}})

        assert error.report() == (
            "python has no option --maxsize; did you mean --max_size?"
            " `cm run script --tags=python --help` lists its options"
            "\n  on the way: top > middle > python"
        )

    def test_a_retired_name_is_a_note(self) -> None:
        scripts = {
            **self.SCRIPTS,
            "middle": {**self.SCRIPTS["middle"], "retired_names": {"compiler": "nothing is compiled"}},
        }

        plan = plan_of(scripts, "top", adr={"compiler": {"tags": "gcc"}})

        assert plan.notes == ("--adr.compiler: nothing is compiled",)

    def test_a_name_below_a_waiting_step_is_accepted(self) -> None:
        scripts: Scripts = {
            "top": {"deps": [dep("detect"), dep("a", enable_if_env={"CM_HOST_OS": ["linux"]})]},
            "detect": {"new_env_keys": ["CM_HOST_*"]},
            "a": {"variations": {"v": {"post_deps": [dep("b", "deep")]}}},
            "b": {},
        }

        assert not plan_of(scripts, "top", adr={"deep": {"tags": "_x"}}).notes


class TestVersions:
    SCRIPTS: Scripts = {  # noqa: RUF012 - never changed
        "top": {"deps": [dep("own", version_min="2")]},
        "own": {"versions": {"1": {}, "2": {"env": {"CM_V": "two"}, "deps": [dep("free")]}}, "default_version": "1"},
        "free": {},
    }

    def test_a_dependencys_range_selects(self) -> None:
        plan = plan_of(self.SCRIPTS, "top")

        assert titles(plan) == ["free", "own", "top"]
        assert (step_of(plan, "own").version, step_of(plan, "own").env["CM_V"]) == ("2", "two")

    def test_requesting_the_default_changes_nothing(self) -> None:
        implied, said = plan_of(self.SCRIPTS, "own"), plan_of(self.SCRIPTS, "own", inputs={"version": "1"})

        assert implied.fingerprint == said.fingerprint

    def test_a_version_that_is_not_known(self) -> None:
        error = failure(self.SCRIPTS, "own", inputs={"version": "3"})

        assert isinstance(error, VersionError)
        assert error.report() == "own: version 3 is not known; known: 1, 2.\n  on the way: own"


OPTIONS = "`cm run script --tags=top --help` lists its options"


class TestOptions:
    SCRIPTS: Scripts = {  # noqa: RUF012 - never changed
        "top": {
            "inputs": {
                "no-rerun": {"env": "CM_NO_RERUN", "type": "flag"},
                "backend": {"env": "CM_BACKEND", "choices": ["onnx", "zoo:*"], "refused": {"tf": "use onnx"}},
                "power": {"env": "CM_POWER", "choices": ["no"], "refused": {"yes": "no power here"}},
                "size": {"env": "CM_SIZE", "default": 5},
            }
        }
    }

    def test_values_reach_their_keys_and_defaults_fill(self) -> None:
        env = plan_of(self.SCRIPTS, "top", inputs={"no_rerun": True, "backend": "zoo:x"}).root.env

        assert dict(env) == {"CM_NO_RERUN": True, "CM_BACKEND": "zoo:x", "CM_SIZE": 5}
        assert env.origin("CM_BACKEND").layer is Layer.INPUT
        assert env.origin("CM_SIZE").layer is Layer.DEFAULT

    @pytest.mark.parametrize(
        ("inputs", "text"),
        [
            ({"bakend": "onnx"}, f"top has no option --bakend; did you mean --backend? {OPTIONS}"),
            ({"zzz": "1"}, f"top has no option --zzz; {OPTIONS}"),
            ({"backend": "tf"}, "--backend=tf: use onnx"),
            ({"backend": "torch"}, "--backend=torch: must be one of onnx, zoo:*"),
            ({"power": True}, "--power=yes: no power here"),
            ({"power": "1"}, "--power=1: no power here"),
        ],
    )  # fmt: skip
    def test_an_unsupported_value_is_refused(self, inputs: dict[str, Any], text: str) -> None:
        error = failure(self.SCRIPTS, "top", inputs=inputs)

        assert isinstance(error, RequestError)
        assert str(error) == text

    @pytest.mark.parametrize(
        ("fields", "text"),
        [
            ({"inputs": {"count": 0}}, "--count=0: must be 1 or more"),
            ({"env": {"CM_COUNT": "10"}}, "--env.CM_COUNT=10: must be at most 9"),
            ({"adr": {"n": {"size": "-1"}}}, "--size=-1: must be above 0"),
            ({"env": {"CM_SIZE": "nan"}}, "--env.CM_SIZE=nan: must be a number"),
            ({"tags": "top,_count.77"}, "CM_COUNT=77 (top,_count.77): must be at most 9"),
            ({"inputs": {"count": "9" * 5000}}, f"--count={'9' * 80}...: must be at most 9"),
        ],
    )
    def test_a_value_out_of_range_is_refused(self, fields: dict[str, Any], text: str) -> None:
        scripts: Scripts = {
            "top": {
                "deps": [{"tags": "below", "names": ["n"]}],
                "inputs": {"count": {"env": "CM_COUNT", "type": "number", "whole": True, "minimum": 1, "maximum": 9}},
                "variations": {"count.#": {"env": {"CM_COUNT": "#"}}},
            },
            "below": {"inputs": {"size": {"env": "CM_SIZE", "type": "number", "above": 0, "below": 1}}},
        }

        error = failure(scripts, fields.pop("tags", "top"), **fields)

        assert error.chain in {(), ("top",), ("top", "below")}
        assert str(error) == text

    def test_a_script_without_options_says_that(self) -> None:
        assert str(failure({"x": {}}, "x", inputs={"a": 1})) == "x has no option --a; it takes no options"


class TestFailures:
    @pytest.mark.parametrize("circle", ["aa", "aba", "abca"])
    def test_a_cycle_is_shown(self, circle: str) -> None:
        scripts: Scripts = {"top": {"deps": [dep("a")]}}
        scripts |= {name: {"deps": [dep(circle[circle.index(name) + 1])]} for name in circle}

        error = failure(scripts, "top")

        assert isinstance(error, CycleError)
        way = " > ".join(circle)
        assert str(error) == f"dependency cycle: {way}; remove one of these dependencies"

    def test_a_cycle_broken_by_a_guard_is_none(self) -> None:
        scripts: Scripts = {
            "a": {"deps": [dep("b", skip_if_env={"CM_IN_B": ["yes"]})]},
            "b": {"env": {"CM_IN_B": "yes"}, "deps": [dep("c")]},
            "c": {},
        }

        assert titles(plan_of(scripts, "a")) == ["c", "b", "a"]

    def test_an_error_below_has_the_chain(self) -> None:
        scripts: Scripts = {"top": {"deps": [dep("middle")]}, "middle": {"deps": [dep("gone")]}}

        error = failure(scripts, "top")

        assert isinstance(error, NoScriptError)
        assert error.report() == "--tags=gone: no script has the tag 'gone'.\n  on the way: top > middle"

    def test_an_endless_chain_is_an_error(self) -> None:
        scripts: Scripts = {f"s{number}": {"deps": [dep(f"s{number + 1}")]} for number in range(DEEPEST + 1)}
        scripts[f"s{DEEPEST + 1}"] = {}

        assert len(titles(plan_of(scripts, "s2"))) == DEEPEST
        assert str(failure(scripts, "s1")) == (
            f"dependencies are more than {DEEPEST} deep at s{DEEPEST + 1}; shorten the chain"
        )


class TestFingerprint:
    SCRIPTS: Scripts = {  # noqa: RUF012 - never changed
        "top": {"inputs": {"x": {"env": "CM_X"}}, "variations": {"v": {}}, "deps": [dep("a", "a")]},
        "a": {"inputs": {"y": {"env": "CM_Y"}}},
    }

    def test_equal_requests_have_equal_fingerprints(self) -> None:
        request = request_of("top", {"x": 1})

        assert (
            resolve(request, registry_of(self.SCRIPTS)).fingerprint
            == resolve(request, registry_of(self.SCRIPTS)).fingerprint
        )

    def test_each_choice_changes_it(self) -> None:
        changed: Scripts = {**self.SCRIPTS, "a": {**self.SCRIPTS["a"], "name": "changed"}}
        plans = [
            plan_of(self.SCRIPTS, "top"),
            plan_of(self.SCRIPTS, "top", inputs={"x": 1}),
            plan_of(self.SCRIPTS, "top,_v"),
            plan_of(self.SCRIPTS, "top", adr={"a": {"y": 1}}),
            plan_of(self.SCRIPTS, "top", env={"CM_Y": 2}),
            plan_of(changed, "top"),
        ]

        assert len({plan.fingerprint for plan in plans}) == 6

    def test_undeclared_values_do_not_change_it(self) -> None:
        assert plan_of(self.SCRIPTS, "top").fingerprint == plan_of(self.SCRIPTS, "top", env={"CM_Z": 1}).fingerprint

    def test_everything_that_may_reach_a_deferred_step_counts(self) -> None:
        scripts: Scripts = {
            "top": {"deps": [dep("detect"), dep("a", "a", enable_if_env={"CM_OS": ["linux"]})]},
            "detect": {"new_env_keys": ["CM_OS"]},
            "a": {"inputs": {"y": {"env": "CM_Y"}}},
        }
        requests: list[dict[str, Any]] = [{}, {"adr": {"a": {"y": 1}}}, {"env": {"CM_Y": 2}}, {"adr": {"a": {"y": 2}}}]

        assert len({plan_of(scripts, "top", **each).fingerprint for each in requests}) == len(requests)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"tar": "yes"}, "--tar: has no effect without --place; add it"),
        ({"tar": True, "place": ""}, "--tar: has no effect without --place"),
        ({"name": "x", "place": "here"}, "--name: has no effect without --tar"),
        ({"name": "x", "place": "here", "tar": "no"}, "--name: has no effect without --tar"),
        ({"tar": "yes", "place": "here", "name": "x"}, ""),
        ({"tar": "no"}, ""),
        ({}, ""),
    ],
)
def test_an_option_without_the_one_that_it_needs_is_refused(inputs: dict[str, object], said: str) -> None:
    options = {
        "place": {"env": "PLACE"},
        "tar": {"env": "TAR", "type": "flag", "needs": "place"},
        "name": {"env": "NAME", "needs": "tar"},
    }
    scripts = {"packs": {"inputs": options}}
    if not said:
        assert step_of(plan_of(scripts, "packs", inputs=inputs), "packs").env.get("TAR") == inputs.get("tar")
        return
    assert said in str(failure(scripts, "packs", inputs=inputs))
