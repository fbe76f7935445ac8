"""A preview and a run visit a plan alike: they agree on cached steps and their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tiny_scripts import Bench, request_of

from scriptgraph.catalog.registry import load_registry
from scriptgraph.errors import NoScriptError
from scriptgraph.execution.before_run.preview import preview_plan
from scriptgraph.execution.run_step import forget_imports
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.execution.traversal import StepPreview

EXPORTING = """
def preprocess(context):
    return Done({KEY: context.text("CM_SIZE", "") + "x"})
"""
# What a run makes of each status that is known before it.
RUN_AS = {"cached": "cached", "make": "done", "run": "done", "pass": "done"}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Add steps that are cached, pure or neither, shared, deferred, and allowed to fail."""
    bench = Bench(tmp_path)

    def add(alias: str, key: str, **more: Any) -> None:
        reads = {"env_keys": ["CM_SIZE", *more.pop("env_keys", [])], "new_env_keys": [key]}
        bench.scripts.add(alias, EXPORTING.replace("KEY", repr(key)), **reads, **more)

    add("base", "CM_BASE", cache=True)
    add("look", "CM_LOOK", pure=True)
    add("act", "CM_ACT")
    add("upon", "CM_UPON", cache=True, env_keys=["CM_BASE"], deps=[{"tags": "base"}])
    add("upon-look", "CM_UPON_LOOK", cache=True, env_keys=["CM_LOOK"], deps=[{"tags": "look"}])
    add("later", "CM_LATER", cache=True, deps=[{"tags": "base"}])
    bench.scripts.add("group", deps=[{"tags": "upon"}, {"tags": "base"}], post_deps=[{"tags": "later"}])
    bench.scripts.add("fails", "def preprocess(context):\n    raise StepFailed('broken')", pure=True)
    bench.scripts.add("may", deps=[{"tags": "fails", "may_fail": "CM_FAILED"}, {"tags": "base"}])
    bench.scripts.add(
        "top",
        deps=[
            {"tags": "group"},
            {"tags": "upon"},
            {"tags": "upon-look", "env": {"CM_SIZE": "<<<CM_SIZE>>>0"}},
            {"tags": "later", "enable_if_env": {"CM_UPON": ["3x"]}},
            {"tags": "act"},
        ],
    )
    return bench


def previewed(bench: Bench, tags: str, **fields: Any) -> list[StepPreview]:
    forget_imports()
    registry = load_registry([bench.scripts.root])
    return preview_plan(
        resolve(request_of(tags, **fields), registry), bench.runtime(registry, bench.home / "none")
    ).all()


@pytest.mark.parametrize("before", [[], ["base"], ["upon"], ["group"], ["top"]], ids=str)
@pytest.mark.parametrize("tags", ["base", "upon", "upon-look", "group", "act", "top"])
def test_a_run_does_what_its_preview_shows(bench: Bench, before: list[str], tags: str) -> None:
    fields: dict[str, Any] = {"env": {"CM_SIZE": "3"}}
    for earlier in before:
        bench.run(earlier, **fields)

    seen = [each for each in previewed(bench, tags, **fields) if each.status != "again"]
    record = bench.run(tags, **fields)

    ran = {each.title: (each.status, each.cache_key) for each in record.steps}
    known = {
        each.step.title: (RUN_AS[each.status], each.key if each.step.manifest.cache else None)
        for each in seen
        if each.status != "open"
    }
    assert known.items() <= ran.items()
    # A preview cannot know the entry of an open step.
    waiting = {each.step.title for each in seen if each.status == "open"}
    late = {"later"} if any(each.deferred() for each in seen) else set()
    assert ran.keys() == known.keys() | waiting | late
    # A repeated request leaves nothing open unless an uncached step decides it.
    if before == [tags] and tags != "top":
        assert not waiting


def test_after_a_run_all_is_known_and_cached(bench: Bench) -> None:
    bench.run("group")

    assert {each.step.title: each.status for each in previewed(bench, "group") if each.status != "again"} == {
        "base": "cached",
        "upon": "cached",
        "later": "cached",
        "group": "pass",
    }


def test_a_tolerated_failure_is_previewed(bench: Bench) -> None:
    seen = {each.step.title: each.status for each in previewed(bench, "may")}
    record = bench.run("may")

    assert seen == {"fails": "run", "base": "make", "may": "pass"}
    assert {each.title: each.status for each in record.steps} == {"fails": "failed", "base": "done", "may": "done"}


def test_both_report_late_errors_with_the_chain(bench: Bench) -> None:
    bench.scripts.add("wrong", deps=[{"tags": "base"}, {"tags": "nothing", "enable_if_env": {"CM_BASE": ["x"]}}])
    bench.run("base")

    with pytest.raises(NoScriptError, match="nothing") as from_preview:
        previewed(bench, "wrong")
    with pytest.raises(NoScriptError, match="nothing") as from_run:
        bench.run("wrong")

    assert from_preview.value.chain == from_run.value.chain == ("wrong",)
