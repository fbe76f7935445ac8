"""Dependencies and variations are repeated over the rows of a table, and options are shared by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tiny_scripts import document, request_of

from scriptgraph.catalog.registry import load_registry
from scriptgraph.errors import ManifestError
from scriptgraph.manifest.decoding import decode_manifest
from scriptgraph.planning.resolver import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.manifest.types import Manifest

ROWS = [
    {"name": "one", "size": 1, "kinds": ["a", "b"], "hash": "sha256:00", "exact": "no"},
    {"name": "two", "size": 2, "kinds": ["b"], "hash": None, "exact": "yes"},
]
EVERY = {"table": "../table.json"}


class Repository:
    """A repository with a table, and manifests that name it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("script/table.json", {"rows": ROWS})

    def write(self, name: str, content: Any) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def add(self, alias: str = "x", **fields: Any) -> Manifest:
        text = json.dumps({**document(alias), **fields})
        return decode_manifest(text, self.write(f"script/{alias}/_cm.json", text))

    def refusal(self, **fields: Any) -> str:
        with pytest.raises(ManifestError) as caught:
            self.add(**fields)
        return str(caught.value).replace(str(self.root), "R")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_dependency_is_repeated_for_each_row(repository: Repository) -> None:
    made = repository.add(
        deps=[
            {"tags": "before"},
            {
                "tags": "make,_{{name}}", "names": ["maker", "{{name}}"], "for_each": EVERY,
                "enable_if_env": {"CM_KIND": ["all", "{{kinds}}"]},
                "env": {
                    "CM_SIZE": "{{size}}", "CM_TITLE": "{{name}}: {{kinds}}", "CM_HASH": "{{hash}}",
                    "CM_EXACT": "{{exact}}",
                },
            },
        ]
    )  # fmt: skip

    _, one, two = made.deps
    assert (one.tags, one.names) == ("make,_one", ("maker", "one"))
    assert one.enable == {"CM_KIND": ("all", "a", "b")}
    assert one.env == {"CM_SIZE": 1, "CM_TITLE": "one: a,b", "CM_HASH": "sha256:00", "CM_EXACT": False}
    assert two.env == {"CM_SIZE": 2, "CM_TITLE": "two: b", "CM_EXACT": True}


def test_rows_are_chosen_by_their_cells(repository: Repository) -> None:
    def chosen(**where: Any) -> list[str]:
        made = repository.add(deps=[{"tags": "{{name}}", "for_each": {**EVERY, "where": where}}])
        return [each.tags for each in made.deps]

    assert chosen(kinds=["a"]) == ["one"]
    assert chosen(kinds="b") == ["one", "two"]
    assert chosen(kinds=["b"], size=["2"]) == ["two"]


def test_rows_are_chosen_by_the_variations_that_are_on(repository: Repository) -> None:
    where = {"name": {"_first": ["one"], "_none": []}}
    repository.add(
        deps=[{"tags": "{{name}}", "for_each": {**EVERY, "where": where}}], variations={"first": {}, "none": {}}
    )
    repository.add("one")
    repository.add("two")
    registry = load_registry([repository.root])

    def steps(tags: str) -> list[str]:
        return [step.manifest.alias for step in resolve(request_of(tags), registry).steps()]

    assert steps("x") == ["one", "two", "x"]
    assert steps("x,_first") == ["one", "x"]
    assert steps("x,_none") == ["x"]


def test_a_variation_is_repeated_for_each_row(repository: Repository) -> None:
    variation = {
        "for_each": EVERY, "description": "of size {{size}}", "env": {"CM_KINDS": "{{kinds}}", "CM_HASH": "{{hash}}"},
        "deps": [{"tags": "make,_{{name}}"}],
    }  # fmt: skip
    made = repository.add(variations={"plain": {}, "of-{{name}}": variation}).variations

    assert list(made) == ["plain", "of-one", "of-two"]
    assert made["of-two"].description == "of size 2"
    assert made["of-two"].env == {"CM_KINDS": ("b",)}
    assert [each.tags for each in made["of-two"].deps] == ["make,_two"]


def test_a_changed_row_changes_its_own_steps_alone(repository: Repository) -> None:
    repository.add("low", env_keys=["CM_SIZE"])
    repository.add(deps=[{"tags": "low", "for_each": EVERY, "env": {"CM_SIZE": "{{size}}"}}])

    def sizes() -> list[Any]:
        steps = resolve(request_of("x"), load_registry([repository.root])).steps()
        return [step.env["CM_SIZE"] for step in steps if step.manifest.alias == "low"]

    assert sizes() == [1, 2]
    repository.write("script/table.json", {"rows": [ROWS[0], {**ROWS[1], "size": 33}]})
    assert sizes() == [1, 33]


def test_a_list_adds_a_tag_for_each_entry(repository: Repository) -> None:
    repository.add("low", variations={"a": {}, "b": {}})
    dependency = {
        "tags": "low", "for_each": {**EVERY, "where": {"name": "one"}}, "env": {},
        "update_tags_from_env_with_prefix": {"_": ["CM_KINDS"]},
    }  # fmt: skip
    repository.add(env={"CM_KINDS": ["a", "b"]}, deps=[dependency])

    low, _ = resolve(request_of("x"), load_registry([repository.root])).steps()
    assert low.title == "low,_a,_b"


@pytest.mark.parametrize(
    ("dependency", "problem"),
    [
        ({"for_each": {}}, "R/script/x/_cm.json#/deps/0/for_each: for_each needs a table"),
        ({"for_each": {"tabel": "t"}}, "R/script/x/_cm.json#/deps/0/for_each/tabel: unknown key; did you mean table?"),
        ({"for_each": {"table": "../none.json"}}, "R/script/none.json#: cannot be read: "),
        ({"for_each": {"table": "../../../t.json"}}, "R/script/x/_cm.json#/deps/0/for_each/table: "),
        ({"for_each": {"table": "a\0b"}}, "R/script/x/_cm.json#/deps/0/for_each/table: "),
        ({"for_each": {"table": "y" * 5000}}, "R/script/x/"),
        ({"for_each": {"table": ".."}}, "R/script#: cannot be read: "),
        ({"for_each": EVERY, "tags": "{{hash}}"}, "R/script/x/_cm.json#/deps/0/tags: names no tag; give at least one"),
        (
            {"for_each": {**EVERY, "where": {"siez": ["1"]}}},
            "R/script/x/_cm.json#/deps/0/for_each/where/siez: no such column; R/script/table.json has name, size",
        ),
        (
            {"for_each": {**EVERY, "where": {"size": ["3"]}}},
            "R/script/x/_cm.json#/deps/0/for_each/where: no row of R/script/table.json matches",
        ),
        (
            {"for_each": EVERY, "env": {"K": "{{sise}}"}},
            "R/script/x/_cm.json#/deps/0: {{sise}}: the table has no such column; it has name, size",
        ),
    ],
)
def test_an_error_is_located(repository: Repository, dependency: dict[str, Any], problem: str) -> None:
    assert repository.refusal(deps=[{"tags": "a", **dependency}]).startswith(problem)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("[", "R/script/table.json#: is not JSON ("),
        ([], "R/script/table.json#: must be an object, is a list"),
        ({"rows": []}, "R/script/table.json#: has no rows"),
        ({"rows": [{"a": {}}]}, "R/script/table.json#/rows/0/a: a cell must be text, a number, "),
        (
            {"rows": [{"a": 1}, {"a": 1, "b": 2}]},
            "R/script/table.json#/rows/1: does not have the first row's columns: b",
        ),
    ],
)
def test_a_broken_table_is_located(repository: Repository, table: Any, problem: str) -> None:
    repository.write("script/table.json", table)

    assert repository.refusal(deps=[{"tags": "a", "for_each": EVERY}]).startswith(problem)


def test_a_table_linked_from_outside_is_refused(repository: Repository, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.json"
    outside.write_text(json.dumps({"rows": ROWS}), encoding="utf-8")
    (repository.root / "script" / "link.json").symlink_to(outside)

    problem = repository.refusal(deps=[{"tags": "a", "for_each": {"table": "../link.json"}}])
    assert "is not a file of the repository" in problem


def test_two_rows_cannot_make_one_variation(repository: Repository) -> None:
    problem = repository.refusal(variations={"same": {"for_each": EVERY}})

    assert problem == "R/script/x/_cm.json#/variations/same: defines the variation 'same' twice"


def test_a_variation_does_not_depend_on_variations(repository: Repository) -> None:
    variation = {"for_each": {**EVERY, "where": {"name": {"_a": ["one"]}}}}

    assert "/variations/{{name}}/for_each/where" in repository.refusal(variations={"{{name}}": variation})


class TestSharedOptions:
    @pytest.fixture
    def sharing(self, repository: Repository) -> Repository:
        both = {
            "colour": {"env": "CM_COLOUR", "choices": ["red", "blue"]},
            "size": {"env": "CM_SIZE", "type": "number"},
        }
        repository.write("script/options.json", {"both": both, "more": {"shape": {"env": "CM_SHAPE"}}})
        return repository

    def test_a_scripts_own_options_override_shared_sets(self, sharing: Repository) -> None:
        made = sharing.add(
            inputs_from=["../options.json#both", "../options.json#more"], inputs={"size": {"env": "CM_OWN"}}
        ).inputs

        assert {name: each.env_key for name, each in made.items()} == {
            "colour": "CM_COLOUR", "size": "CM_OWN", "shape": "CM_SHAPE",
        }  # fmt: skip
        assert made["colour"].choices == ("red", "blue")

    def test_a_changed_set_changes_the_manifests_digest(self, sharing: Repository) -> None:
        first = sharing.add(inputs_from="../options.json#more").digest
        sharing.write("script/options.json", {"more": {"shape": {"env": "CM_FORM"}}})

        assert sharing.add(inputs_from="../options.json#more").digest != first

    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("../options.json", "R/script/x/_cm.json#/inputs_from/0: '../options.json' is not a set of options; write"),
            ("../../../o.json#a", "R/script/x/_cm.json#/inputs_from/0: "),
            ("a\0b#a", "R/script/x/_cm.json#/inputs_from/0: "),
            ("../options.json#mor", "R/script/x/_cm.json#/inputs_from/0: R/script/options.json has no set 'mor'; it"),
            ("../other.json#a", "R/script/other.json#: cannot be read: "),
        ],
    )  # fmt: skip
    def test_an_error_is_located(self, sharing: Repository, name: str, problem: str) -> None:
        assert sharing.refusal(inputs_from=[name]).startswith(problem)

    def test_a_broken_option_is_located_in_its_own_file(self, sharing: Repository) -> None:
        sharing.write("script/options.json", {"more": {"shape": {"desc": "of what form"}}})

        problem = sharing.refusal(inputs_from=["../options.json#more"])
        assert problem == "R/script/options.json#/more/shape: an input needs env, the key that it sets"
