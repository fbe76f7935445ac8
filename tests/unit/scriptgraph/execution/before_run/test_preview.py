"""A preview shows what a run would do, from the plan and the cache alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tiny_scripts import ScriptFolders, request_of

from mlperf_home.product import PRODUCT
from scriptgraph.cache.store import Cache
from scriptgraph.catalog.registry import load_registry
from scriptgraph.cli.runs.plan_commands import origin_lines, plan_document, plan_lines
from scriptgraph.cli.runs.plan_summary import summary_lines
from scriptgraph.execution.before_run.forecast import Forecast
from scriptgraph.execution.before_run.preview import preview_plan
from scriptgraph.execution.executor import execute, prefetch
from scriptgraph.execution.record import new_run_folder
from scriptgraph.execution.run_step import forget_imports
from scriptgraph.execution.runtime import Runtime
from scriptgraph.execution.traversal import StepPreview
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.planning.plan import Plan

MADE = 'def preprocess(context):\n    return Done(exports={"CM_MADE": "x"})\n'
FETCHED = """
from scriptgraph.api import Download

def downloads(context):
    return [Download("a.bin", (context.text("CM_URL"),), 7)]

def preprocess(context):
    return Done(exports={"CM_FILE": "a.bin"})
"""
USED = """
def preprocess(context):
    return Done(exports={"CM_USED": context.text("CM_MADE", "")})
"""


class Place:
    """A folder with scripts, a cache and plans."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.scripts = ScriptFolders(root / "repository")
        self.cache = Cache(root / "cache")

    def plan(self, tags: str, **fields: Any) -> tuple[Plan, Runtime]:
        forget_imports()
        registry = load_registry([self.scripts.root])
        folder = self.root / "records" / "none"
        return resolve(request_of(tags, **fields), registry), Runtime(
            PRODUCT, registry, self.cache, self.root / "state", folder
        )

    def preview_plan(self, tags: str, **fields: Any) -> dict[str, StepPreview]:
        """Return the first preview of each script."""
        return {each.step.manifest.alias: each for each in reversed(preview_plan(*self.plan(tags, **fields)).all())}

    def run(self, tags: str, **fields: Any) -> None:
        plan, runtime = self.plan(tags, **fields)
        self.cache.prepare()
        runtime = runtime.replaced(run_folder=new_run_folder(self.root / "records", "x"))
        execute(plan, runtime, {})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.scripts.add("made", MADE, cache=True, new_env_keys=["CM_MADE"])
    place.scripts.add("fetched", FETCHED, cache=True, downloads=True, env_keys=["CM_URL"], new_env_keys=["CM_FILE"])
    place.scripts.add("used", USED, cache=True, env_keys=["CM_MADE"], deps=[{"tags": "made"}], new_env_keys=["CM_USED"])
    place.scripts.add(
        "top",
        env={"CM_URL": "https://host.example/a.bin"},
        deps=[{"tags": "used"}, {"tags": "fetched"}, {"tags": "made", "enable_if_env": {"CM_USED": ["x"]}}],
        new_env_keys=["CM_USED"],
    )
    return place


def test_an_empty_cache_has_nothing(place: Place) -> None:
    found = place.preview_plan("top")

    assert found["made"].status == "make"
    assert (found["used"].status, found["used"].waits_for) == ("open", ("CM_MADE",))
    assert found["fetched"].status == "make"
    assert [(each.name, each.size_bytes) for each in found["fetched"].downloads] == [("a.bin", 7)]
    assert found["top"].status == "pass"
    assert found["top"].below[2].waits_for


def test_exports_of_an_entry_are_known(place: Place) -> None:
    place.run("made")

    assert place.preview_plan("top")["made"].status == "cached"
    assert place.preview_plan("top")["used"].status == "make"

    place.run("top")
    after = place.preview_plan("top")
    assert {after[alias].status for alias in ("made", "used", "fetched")} == {"cached"}
    assert isinstance(after["top"].below[2], StepPreview)


def test_a_changed_script_is_made_again(place: Place) -> None:
    place.run("top")
    place.scripts.add("made", MADE.replace('"x"', '"y"'), cache=True, new_env_keys=["CM_MADE"])

    assert place.preview_plan("top")["made"].status == "make"
    assert place.preview_plan("top")["used"].status == "open"


def test_a_preview_changes_nothing_on_disk(place: Place) -> None:
    place.preview_plan("top")

    assert {path.name for path in place.root.iterdir()} == {"repository"}


def test_a_value_handed_down_from_an_unknown_key_is_unknown(place: Place) -> None:
    place.scripts.add("told", USED, env_keys=["CM_TOLD", "CM_MADE"], cache=True, new_env_keys=["CM_USED"])
    place.scripts.add(
        "teller", deps=[{"tags": "made"}, {"tags": "told", "env": {"CM_TOLD": "<<<CM_MADE>>>"}}], new_env_keys=[]
    )

    assert "CM_TOLD" in place.preview_plan("teller")["told"].waits_for


def test_a_plan_reads_as_text_and_as_json(place: Place) -> None:
    plan, runtime = place.plan("top")
    root = preview_plan(plan, runtime)

    expected = Forecast.of(root, {"made": 12.0}).before
    text = "\n".join([*plan_lines(root, []), *summary_lines(plan, root, [], expected, place.root, 80)])
    document = plan_document(plan, root, [], (expected, {"made": 12.0}), PRODUCT.schema("plan"))

    assert "made - runs, then cached" in text
    assert "used - waits for CM_MADE" in text
    assert "? made - unresolved until CM_USED is known" in text
    assert "at least 12 s; not counted: steps that have not run here" in text
    assert document["expected_time"]["low_s"] == 12.0
    assert json.loads(json.dumps(document))["root"]["needs"][0]["needs"][0]["seconds_last_time"] == 12.0


def test_where_a_value_comes_from(place: Place) -> None:
    plan, _ = place.plan("top", env={"CM_URL": "typed"})

    lines = list(origin_lines(plan, "CM_URL"))

    assert lines == ["fetched: CM_URL=https://host.example/a.bin (inherited: top)", *lines[1:]]
    assert any(line.startswith("top: CM_URL=") and "manifest: top" in line for line in lines)


def test_prefetch_makes_cached_steps_and_runs_no_others(place: Place) -> None:
    place.scripts.add("act", 'def preprocess(context):\n    raise AssertionError("it ran")\n', deps=[{"tags": "top"}])
    plan, runtime = place.plan("act")
    place.cache.prepare()
    runtime = runtime.replaced(run_folder=new_run_folder(place.root / "records", "x"))

    record, root = prefetch(plan, runtime, {})

    assert sorted(each.alias for each in record.steps) == ["fetched", "made", "used"]
    assert record.status == "done"
    assert {each.status for each in place.preview_plan("top").values()} <= {"cached", "pass", "run"}
    assert root.step.manifest.alias == "act"


@pytest.mark.parametrize(("rebuild", "made", "used"), [("all", "make", "open"), ("requested", "cached", "make")])
def test_a_rebuild_is_previewed(place: Place, rebuild: Any, made: str, used: str) -> None:
    place.run("used")
    plan, runtime = place.plan("used")
    runtime = runtime.replaced(rebuild=rebuild)

    found = {each.step.manifest.alias: each.status for each in preview_plan(plan, runtime).all()}

    assert found == {"made": made, "used": used}


def test_a_deferred_dependency_is_named(place: Place) -> None:
    plan, runtime = place.plan("top")

    assert [need.dependency.tags for need in preview_plan(plan, runtime).deferred()] == ["made"]
