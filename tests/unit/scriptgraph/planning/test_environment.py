"""Values have a fixed precedence, and each keeps its origin."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from tiny_scripts import plan_of, step_of

from scriptgraph.planning.environment import Environment, Layer, LayeredValue, Unknown, as_text

if TYPE_CHECKING:
    from tiny_scripts import Bench

# Lowest first. Each entry says what it adds: to the script, to its parent, to its dependency, to the command.
PRECEDENCE: dict[str, dict[str, dict[str, Any]]] = {
    "default_env": {"script": {"default_env": {"CM_K": "default_env"}}},
    "inherited": {"parent": {"env": {"CM_K": "inherited"}}, "asked": {"env": {"CM_K": "inherited"}}},
    "dependency": {"below": {"exports": "dependency"}},
    "manifest": {"script": {"env": {"CM_K": "manifest"}}},
    "option": {"asked": {"inputs": {"k": "option"}}},
    "variation": {"variation": {"env": {"CM_K": "variation"}}},
    "version": {"version": {"env": {"CM_K": "version"}}},
    "override": {"asked": {"adr": {"it": {"k": "override"}}}},
}
ORDER = list(PRECEDENCE)


def _pieces(sources: tuple[str, str], piece: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for source in sources:
        merged |= PRECEDENCE[source].get(piece, {})
    return merged


def _pairs() -> list[Any]:
    """Return pairs of a source and a lower one that can occur together: options for the requested script, or `adr`."""
    return [
        pytest.param((low, high), alone, id=f"{low}<{high}, {'asked for' if alone else 'as a dependency'}")
        for number, high in enumerate(ORDER)
        for low in ORDER[:number]
        for alone in (True, False)
        if ("override" if alone else "option") not in (low, high)
    ]


@pytest.mark.parametrize(("sources", "alone"), _pairs())
def test_precedence(bench: Bench, sources: tuple[str, str], alone: bool) -> None:
    exported = _pieces(sources, "below").get("exports")
    below = f"def preprocess(context: Context) -> Done:\n    return Done({{'CM_K': {exported!r}}})"
    bench.scripts.add("below", below if exported else "", new_env_keys=["CM_K"])
    bench.scripts.add(
        "script",
        "def preprocess(context: Context) -> Done:\n    return Done({'CM_SEEN': context.value('CM_K')})",
        deps=[{"tags": "below"}],
        inputs={"k": {"env": "CM_K"}},
        new_env_keys=["CM_SEEN"],
        versions={"1": _pieces(sources, "version")},
        default_version="1",
        variations={"on": {"default": True, **_pieces(sources, "variation")}},
        **_pieces(sources, "script"),
    )
    bench.scripts.add("parent", deps=[{"tags": "script", "names": ["it"]}], **_pieces(sources, "parent"))

    options = _pieces(sources, "asked")
    record = bench.run("script" if alone else "parent", **(options if alone else {"adr": options.get("adr")}))

    (step,) = [step for step in record.steps if step.alias == "script"]
    assert step.exports["CM_SEEN"] == sources[1]


@pytest.mark.parametrize("layers", list(permutations([Layer.DEFAULT, Layer.MANIFEST, Layer.OVERRIDE])))
def test_the_order_in_which_layers_arrive_does_not_matter(layers: tuple[Layer, ...]) -> None:
    env = Environment()
    for layer in layers:
        env = env.merged({"K": layer.name}, layer, "x")

    assert env["K"] == "OVERRIDE"


def test_within_a_layer_the_later_value_wins() -> None:
    env = Environment().merged({"K": 1}, Layer.MANIFEST, "a").merged({"K": 2}, Layer.MANIFEST, "b")

    assert env.origin("K") == LayeredValue(2, Layer.MANIFEST, "b")


def test_merging_leaves_the_first_environment_as_it_was() -> None:
    env = Environment().merged({"K": 1}, Layer.MANIFEST, "a")
    env.merged({"K": 2, "L": 3}, Layer.OVERRIDE, "b")

    assert dict(env) == {"K": 1}


def test_a_child_inherits_all_but_local_keys_plus_handed_values() -> None:
    env = Environment().merged({"CM_A": 1, "CM_TMP_B": 2, "CM_C": 3}, Layer.VERSION, "parent")

    child = env.handed_down({"CM_C": 4}, ("CM_TMP_*",), "parent for child")

    assert dict(child) == {"CM_A": 1, "CM_C": 4}
    assert child.origin("CM_A") == LayeredValue(1, Layer.INHERITED, "parent")
    assert child.origin("CM_C").source == "parent for child"


def test_a_requested_version_does_not_reach_dependencies() -> None:
    scripts = {
        "top": {"versions": {"1.1": {}}, "default_version": "1.1", "deps": [{"tags": "free"}, {"tags": "own"}]},
        "free": {},
        "own": {"env_keys": ["CM_VERSION", "CM_VERSION_MIN"], "deps": [{"tags": "below"}]},
        "below": {},
    }

    plan = plan_of(scripts, "top")
    versioned = plan_of(scripts, "own", inputs={"version": "3.0", "version_min": "2"})

    assert step_of(plan, "top").env["CM_VERSION"] == "1.1"
    assert "CM_VERSION" not in step_of(plan, "free").env
    assert (versioned.root.env["CM_VERSION"], versioned.root.env["CM_VERSION_MIN"]) == ("3.0", "2")
    assert not {"CM_VERSION", "CM_VERSION_MIN"} & set(step_of(versioned, "below").env)


@pytest.mark.parametrize(
    ("value", "expanded"),
    [
        ("<<<A>>>", {"K": ("x", "y")}),
        ("in <<<A>>>, <<<B>>>", {"K": "in x,y, yes"}),
        ("<<<UNSET>>>/a", {"K": "<<<UNSET>>>/a"}),
        ("<<<UNSET>>>", {}),
        ("<<<C>>>", {"K": "c of x,y"}),
        ("plain", {"K": "plain"}),
        (7, {"K": 7}),
    ],
)
def test_a_placeholder_keeps_its_type_unless_within_text(value: Any, expanded: dict[str, Any]) -> None:
    env = Environment().merged({"A": ("x", "y"), "B": True, "C": "c of <<<A>>>"}, Layer.MANIFEST, "m")

    assert env.expanded({"K": value}) == expanded


def test_an_environments_own_placeholders() -> None:
    env = Environment().merged(
        {"A": "<<<B>>>", "B": "<<<C>>>", "C": 1, "D": "<<<UNSET>>>", "E": "<<<E>>>/e", "F": "<<<F>>>"},
        Layer.MANIFEST,
        "m",
    )

    resolved = env.resolved()

    assert dict(resolved) == {"A": 1, "B": 1, "C": 1, "E": "<<<E>>>/e"}
    assert resolved.origin("A") == LayeredValue(1, Layer.MANIFEST, "m")
    assert dict(resolved.resolved()) == dict(resolved)


def test_a_placeholder_of_an_unknown_key_is_kept() -> None:
    env = Environment().merged({"A": "<<<B>>>", "B": "<<<C>>>", "C": 1, "D": "<<<E>>>", "E": 2}, Layer.DEFAULT, "m")

    assert env.made_of(env["A"]) == {"B", "C"}
    assert dict(env.resolved(Unknown(["C"]))) == {**env, "D": 2}


def test_a_cycle_of_placeholders_ends() -> None:
    env = Environment().merged({"A": "<<<B>>>", "B": "<<<A>>>", "C": "c<<<A>>>"}, Layer.MANIFEST, "m")

    assert env.made_of("<<<A>>>") == {"A", "B"}
    assert dict(env.resolved()) == {"C": "c<<<A>>>"}


@pytest.mark.parametrize(
    ("value", "text"), [(True, "yes"), (False, "no"), (None, ""), (3, "3"), (0.5, "0.5"), (("a", "b"), "a,b")]
)
def test_values_as_text(value: Any, text: str) -> None:
    assert as_text(value) == text
