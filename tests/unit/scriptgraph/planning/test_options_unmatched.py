"""Names in `--adr` and `--env` must exist, as far as the plan can know."""

from __future__ import annotations

from typing import Any

import pytest
from tiny_scripts import registry_of, request_of

from scriptgraph.errors import RequestError
from scriptgraph.planning.options import check_env
from scriptgraph.planning.resolver import resolve

LATE = {"tags": "late", "names": ["late-one"], "enable_if_env": {"CM_FOUND": ["yes"]}}
SCRIPTS: dict[str, dict[str, Any]] = {
    "top": {"deps": [{"tags": "find"}, LATE], "env_keys": ["CM_OWN"], "retired_names": {"old-name": "it is gone"}},
    "find": {"new_env_keys": ["CM_FOUND"]},
    "late": {"env_keys": ["CM_LATE"], "deps": [{"tags": "deep", "names": ["deep-one"]}]},
    "deep": {"inputs": {"size": {"env": "CM_SIZE"}}},
    "sure": {"deps": [{"tags": "find", "enable_if_env": {"CM_WAY": ["x"]}}], "env_keys": ["CM_OWN"]},
}


def check(tags: str, **fields: Any) -> tuple[str, ...]:
    request, registry = request_of(tags, **fields), registry_of(SCRIPTS)
    plan = resolve(request, registry)
    check_env(plan.root, request, registry)
    return plan.notes


@pytest.mark.parametrize(
    ("tags", "key"),
    [("top", "CM_OWN"), ("top", "CM_FOUND"), ("sure", "CM_WAY"), ("top", "CM_LATE"), ("top", "CM_SIZE")],
)
def test_a_key_that_is_read_or_decides_is_accepted(tags: str, key: str) -> None:
    assert check(tags, env={key: "1"}) == ()


@pytest.mark.parametrize(("tags", "key"), [("sure", "CM_LATE"), ("top", "CM_NOBODY"), ("sure", "CM_NOBODY")])
def test_a_key_that_no_script_reads_is_refused(tags: str, key: str) -> None:
    with pytest.raises(RequestError, match=f"--env.{key}: no script of the plan reads it"):
        check(tags, env={key: "1"})


def test_the_nearest_key_is_named() -> None:
    with pytest.raises(RequestError, match=r"did you mean CM_OWN\?"):
        check("sure", env={"CM_OWNN": "1"})


def test_a_name_below_a_deferred_step_is_accepted() -> None:
    assert check("top", adr={"deep-one": {"size": "3"}}) == ()


def test_a_name_of_2023_is_a_note() -> None:
    assert check("top", adr={"old-name": {"version": "1"}}) == ("--adr.old-name: it is gone",)


@pytest.mark.parametrize(("tags", "hint"), [("top", r"Did you mean late-one\?"), ("sure", "Names: none")])
def test_another_name_is_refused(tags: str, hint: str) -> None:
    with pytest.raises(RequestError, match=hint):
        check(tags, adr={"lateone": {"version": "1"}})
