"""An index of scripts and a request -> the outline of the plan, or the error text, as data in `plans/`.

An outline has a line for each script, what it needs indented below it in the order of running:
`title@version`, with `after: ` for what runs after it, `- tags` for what its guard leaves out and
`? tags [KEY]` for what waits for a key.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tiny_scripts import registry_of, request_of

from scriptgraph.errors import ScriptGraphError
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scriptgraph.planning.plan import Need, Step


def outline(step: Step, indent: str = "", mark: str = "") -> Iterator[str]:
    yield f"{indent}{mark}{step.title}" + (f"@{step.version}" if step.version else "")
    for position, need in enumerate(step.needs()):
        yield from _outline_need(need, f"{indent}  ", "after: " if position >= len(step.before) else "")


def _outline_need(need: Need, indent: str, mark: str) -> Iterator[str]:
    if need.waits_for:
        yield f"{indent}{mark}? {need.dependency.tags} [{', '.join(sorted(need.waits_for))}]"
    elif need.step is None:
        yield f"{indent}{mark}- {need.dependency.tags}"
    else:
        yield from outline(need.step, indent, mark)


def _cases() -> Iterator[Any]:
    for path in sorted((Path(__file__).parent / "plans").glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        for number, case in enumerate(document["cases"], start=1):
            yield pytest.param(document["index"], case, id=f"{path.stem}-{number}-{case['request']['tags']}")


@pytest.mark.parametrize(("index", "case"), list(_cases()))
def test_plan_or_error(index: dict[str, Any], case: dict[str, Any]) -> None:
    request, registry = request_of(**case["request"]), registry_of(index)
    if "error" in case:
        with pytest.raises(ScriptGraphError) as caught:
            resolve(request, registry)
        assert caught.value.report() == case["error"]
        return

    plan = resolve(request, registry)

    assert list(outline(plan.root)) == case["plan"]
    assert list(plan.notes) == case.get("notes", [])
    for alias, env in case.get("env", {}).items():
        (step,) = [each for each in plan.steps() if each.manifest.alias == alias]
        assert {key: step.env.get(key) for key in env} == env
