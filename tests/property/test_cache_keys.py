"""Properties of cache keys: only declared values decide them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_scripts import Bench

from scriptgraph.cache.store import insert_paths, insert_placeholders
from scriptgraph.errors import UndeclaredError

if TYPE_CHECKING:
    from scriptgraph.manifest.types import Value

READ, UNREAD = ("CM_A", "CM_B"), ("CM_C", "CM_D", "PATH")
words = st.sampled_from(("", "a", "b", "yes", "1", "a b"))
readable = st.fixed_dictionaries({}, optional=dict.fromkeys(READ, words))
unreadable = st.fixed_dictionaries({}, optional=dict.fromkeys(UNREAD, words))
tags = st.sampled_from(("x", "x,_v", "x,_w", "x,_size.1", "x,_size.2", "x,_v,_w"))
version_inputs = st.sampled_from(({}, {"version": "1"}, {"version": "2"}))
CODE = """
    def preprocess(context: Context) -> Done:
        return Done({"CM_SEEN": [context.text(key, "unset") for key in ("CM_A", "CM_B")]})
    """


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One store for all examples; a repeated key is a hit."""
    made = Bench(tmp_path_factory.mktemp("keys"))
    made.scripts.add(
        "x",
        CODE,
        cache=True,
        env_keys=list(READ),
        new_env_keys=["CM_SEEN"],
        variations={"v": {}, "w": {}, "size.#": {}},
        versions={"1": {}, "2": {}},
        default_version="1",
    )
    for key in UNREAD:
        made.scripts.add(
            key, f"def preprocess(context: Context) -> Done:\n    return Done(context.value({key!r}) or {{}})"
        )
    return made


def ran(bench: Bench, tag: str, env: dict[str, str], inputs: dict[str, str]) -> tuple[str, Any]:
    """Run the cached script, and return its key and its exports."""
    record = bench.run(tag, env=env, inputs=inputs)
    return str(record.steps[0].cache_key), record.exports


@given(st.lists(st.tuples(tags, readable, version_inputs), min_size=2, max_size=2))
def test_runs_share_an_entry_if_all_declared_values_are_equal(bench: Bench, asked: list[Any]) -> None:
    (first, _), (second, _) = (ran(bench, *each) for each in asked)
    chosen = [(frozenset(tag.split(",")), env, inputs.get("version", "1")) for tag, env, inputs in asked]

    assert (first == second) == (chosen[0] == chosen[1])


@given(tags, readable, unreadable)
def test_undeclared_values_change_neither_key_nor_result(
    bench: Bench, tag: str, env: dict[str, str], more: dict[str, str]
) -> None:
    assert ran(bench, tag, {**env, **more}, {}) == ran(bench, tag, env, {})


@given(st.sampled_from(UNREAD), unreadable)
def test_undeclared_keys_cannot_be_read(bench: Bench, key: str, env: dict[str, str]) -> None:
    with pytest.raises(UndeclaredError, match=f"^{key} reads {key}, which"):
        bench.run(key, env=env)


paths = st.sampled_from(("/cache", "/cache/v1/ab/key", "/cache/making/key", "/b/cache", "/cache.old", "/cache2", "/"))
pieces = st.lists(paths | st.sampled_from(("{", "}", "{entry}", "{{cache}", "=", ":", " ", "x", "/file")), max_size=6)


@given(pieces.map("".join) | st.lists(pieces.map("".join)).map(tuple))
def test_marks_come_back_as_what_they_stand_for(value: Value) -> None:
    places = {"entry": Path("/cache/making/key"), "cache": Path("/cache")}

    assert insert_paths(insert_placeholders(value, places), places) == value
