"""Scripts of 2023 are planned by the rules of 2023."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from foreign_scripts import ForeignFolders

from scriptgraph.catalog.registry import load_registry
from scriptgraph.compat.reader import CollectionReader
from scriptgraph.errors import VariationError
from scriptgraph.manifest.queries import parse_query
from scriptgraph.manifest.types import Dependency
from scriptgraph.planning.conditions import decide
from scriptgraph.planning.foreign import merge_state
from scriptgraph.planning.plan import Request
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scriptgraph.planning.plan import Step

    Planned = Callable[..., Step]


@pytest.fixture
def theirs(tmp_path: Path) -> ForeignFolders:
    return ForeignFolders(tmp_path / "theirs")


@pytest.fixture
def planned(theirs: ForeignFolders) -> Planned:
    def plan(tags: str, **more: Any) -> Step:
        registry = load_registry([], None, {theirs.root / "script": CollectionReader("theirs")})
        return resolve(Request(parse_query(tags), **more), registry).root

    return plan


@pytest.mark.parametrize(
    ("value", "expected", "holds"),
    [("yes", "no", True), ("/a/path", "yes", True), ("", "yes", True), ("off", "on", False), ("cpu", "cuda", False)],
)
def test_guards_match_as_in_2023(value: str, expected: str, holds: bool) -> None:
    guard = Dependency(tags="x", enable={"CM_A": (expected,)}, lenient=True)

    assert decide(guard, {"CM_A": value}, ()) is holds


def test_one_of_several_conditions_is_enough() -> None:
    guard = Dependency(tags="x", enable_any={"CM_A": ("1",), "CM_B": ("1",)}, lenient=True)

    assert decide(guard, {"CM_B": "1"}, ()) is True
    assert decide(guard, {"CM_C": "1"}, ()) is False
    assert decide(guard, {}, {"CM_A"}) is None


@pytest.mark.parametrize(
    ("bounds", "version"), [({}, "2.0"), ({"version_min": "3"}, "3"), ({"version_max": "1.5"}, "1.5")]
)
def test_the_default_version_keeps_the_bounds(
    theirs: ForeignFolders, planned: Planned, bounds: dict[str, str], version: str
) -> None:
    theirs.add("tool", default_version="2.0")

    assert planned("tool", inputs=bounds).env["CM_VERSION"] == version


def test_variations_that_do_not_go_together_are_refused(theirs: ForeignFolders, planned: Planned) -> None:
    theirs.add("app", variations={"a": {}, "b": {}}, invalid_variation_combinations=[["a", "b"]])

    with pytest.raises(VariationError, match="does not work with _a and _b together"):
        planned("app,_a,_b")


def test_a_dependency_inherits_variations(theirs: ForeignFolders, planned: Planned) -> None:
    theirs.add("below", variations={"fast": {}})
    theirs.add(
        "top",
        variations={"fast": {}, "x": {"group": "g"}},
        deps=[{"tags": "below", "inherit_variation_tags": True, "skip_inherit_variation_groups": ["g"]}],
    )

    (need,) = planned("top,_fast,_x").before

    assert need.step is not None
    assert need.step.title == "below,_fast"


def test_values_apply_where_their_condition_holds(theirs: ForeignFolders, planned: Planned) -> None:
    change = {"enable_if_env": {"CM_OS": ["ubuntu"]}, "env": {"CM_PACKAGE": "deb"}}
    theirs.add("app", update_meta_if_env=[change], input_mapping={"os": "CM_OS"})

    assert planned("app", env={"CM_OS": "ubuntu"}).env["CM_PACKAGE"] == "deb"
    assert "CM_PACKAGE" not in planned("app").env


def test_own_overrides_stay_at_their_level(theirs: ForeignFolders, planned: Planned) -> None:
    theirs.add("leaf", variations={"on": {}})
    theirs.add("middle", deps=[{"tags": "leaf", "names": ["part"]}])
    theirs.add(
        "top",
        deps=[{"tags": "leaf", "names": ["part"]}, {"tags": "middle"}],
        variations={"v": {"ad": {"part": {"tags": "_on"}}}},
    )

    own, middle = planned("top,_v").before

    assert own.step is not None
    assert middle.step is not None
    assert own.step.title == "leaf,_on"
    assert middle.step.before[0].step is not None
    assert middle.step.before[0].step.title == "leaf"


def test_a_later_phase_waits_for_the_keys_of_code(theirs: ForeignFolders, planned: Planned) -> None:
    theirs.add("extra")
    theirs.add(
        "top",
        'def preprocess(i):\n    i["env"]["CM_WANTS"] = "yes"\n',
        prehook_deps=[
            {"tags": "extra", "enable_if_env": {"CM_WANTS": ["yes"]}},
            {"tags": "extra", "enable_if_env": {"CM_ELSE": ["yes"]}},
        ],
    )

    first, second = planned("top").within["prehook"]

    assert (first.waits_for, first.step) == ({"CM_WANTS"}, None)
    assert (second.waits_for, second.step) == (frozenset(), None)


def test_state_is_merged_by_member() -> None:
    assert merge_state({"a": [1], "b": {"c": 1}}, {"a": [1, 2], "b": {"d": 2}}) == {"a": [1, 2], "b": {"c": 1, "d": 2}}
