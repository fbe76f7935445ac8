"""The English of the code and the documents, as far as a machine can check it (CONTRIBUTING.md names the rules)."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CODE = ("src", "tools", "script", "cm-repo", "benchmarks")
LONGEST_TEST_NAME = 60
# Openings that say nothing of what a function does.
VAGUE = {"Give", "Say", "Tell", "What", "How", "Its"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def sources(*folders: str) -> tuple[tuple[Path, ast.Module], ...]:
    paths = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return tuple((path.relative_to(ROOT), ast.parse(path.read_text("utf-8"))) for path in paths)


def functions(*folders: str) -> Iterator[tuple[Path, Function]]:
    for path, tree in sources(*folders):
        yield from ((path, node) for node in ast.walk(tree) if isinstance(node, Function))


def is_property(function: Function) -> bool:
    names = {ast.unparse(each).rpartition(".")[2] for each in function.decorator_list}
    return bool(names & {"property", "cached_property"})


def test_docstrings_of_functions_open_with_a_useful_verb() -> None:
    vague = [
        f"{path}:{each.lineno} {text.splitlines()[0]}"
        for path, each in functions(*CODE)
        if not is_property(each) and (text := ast.get_docstring(each)) and text.split()[0] in VAGUE
    ]
    assert vague == []


def test_names_of_tests_are_short() -> None:
    long = [
        f"{path}:{each.lineno} {each.name} ({len(each.name)})"
        for path, each in functions("tests")
        if each.name.startswith("test_") and len(each.name) > LONGEST_TEST_NAME
    ]
    assert long == []


def test_a_message_ends_in_one_mark() -> None:
    twice = re.compile(r"[.!?][!?]$|[!?]\.$|[!?][.!?] ")
    found = [
        f"{path}:{node.lineno} {node.value}"
        for path, tree in sources("src", "script", "cm-repo")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
        if twice.search(node.value) and "(?" not in node.value
    ]
    assert found == []


def test_modules_and_folders_say_what_they_hold() -> None:
    unused = {"utils", "helpers", "helper", "manager", "managers", "misc", "common", "calling", "declared", "frozen"}
    unused |= {"foresight", "stepping", "typed_words", "json_place", "asked", "asking", "wanted", "told"}
    assert [str(path) for path, _ in sources("src") if path.stem in unused or path.parent.name in unused] == []


def glossary_terms() -> list[str]:
    return re.findall(r"^### (.+)$", (ROOT / "docs/glossary.md").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("term", ["LoadGen", "scenario", "VALID", "division", "Pareto front"])
def test_the_readme_links_a_term_where_it_first_occurs(term: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)
    first = re.search(rf"\b{term}", text)

    assert term in glossary_terms()
    assert first is not None
    line = text[text.rfind("\n", 0, first.start()) + 1 : text.find("\n", first.start())]
    assert f"docs/glossary.md#{term.lower().replace(' ', '-')}" in line


def test_links_to_the_glossary_name_a_term() -> None:
    anchors = {term.lower().replace(" ", "-") for term in glossary_terms()}
    pages = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    links = {link for page in pages for link in re.findall(r"glossary\.md#([\w-]+)", page.read_text("utf-8"))}

    assert links <= anchors


def test_no_two_classes_share_a_name() -> None:
    names: dict[str, list[str]] = {}
    for path, tree in sources("src"):
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                names.setdefault(node.name, []).append(str(path))
    shared = {name: places for name, places in names.items() if len(places) > 1}
    assert shared == {}
