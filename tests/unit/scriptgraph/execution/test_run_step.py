"""A script's current code is imported, and its digest covers all of its content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tiny_scripts import ScriptFolders

from scriptgraph.catalog.registry import load_registry
from scriptgraph.errors import ManifestError, StepFailed
from scriptgraph.execution.run_step import content_digest, forget_imports, load_customize
from scriptgraph.manifest.queries import parse_query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scriptgraph.manifest.types import Manifest


@pytest.fixture
def scripts(tmp_path: Path) -> ScriptFolders:
    return ScriptFolders(tmp_path)


@pytest.fixture(autouse=True)
def _as_a_new_run() -> Iterator[None]:
    forget_imports()
    yield
    forget_imports()


def read(scripts: ScriptFolders, alias: str = "x") -> Manifest:
    return load_registry([scripts.root]).select(parse_query(alias))


def digest(scripts: ScriptFolders) -> str:
    forget_imports()
    return content_digest(read(scripts))


def test_code_is_imported_and_its_folder_left_clean(scripts: ScriptFolders) -> None:
    folder = scripts.add("x", "VALUE = 7")

    module = load_customize(read(scripts))

    assert module is not None
    assert module.VALUE == 7
    assert sorted(path.name for path in folder.iterdir()) == ["_cm.json", "customize.py"]


def test_a_script_without_code_has_none(scripts: ScriptFolders) -> None:
    scripts.add("x")

    assert load_customize(read(scripts)) is None


def test_code_may_hold_dataclasses(scripts: ScriptFolders) -> None:
    folder = scripts.add("x")
    head = "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
    (folder / "customize.py").write_text(f"{head}@dataclass\nclass A:\n    b: int = 3\n", encoding="utf-8")

    module = load_customize(read(scripts))

    assert module is not None
    assert module.A().b == 3


def test_scripts_do_not_see_each_others_code(scripts: ScriptFolders) -> None:
    scripts.add("x", "VALUE = 'x'")
    scripts.add("y", "VALUE = 'y'")

    assert [getattr(load_customize(read(scripts, name)), "VALUE", None) for name in "xyx"] == ["x", "y", "x"]


@pytest.mark.parametrize(
    ("code", "text"),
    [("import no_such_module_here", "No module named 'no_such_module_here'"), ("def (", "invalid syntax")],
)
def test_code_that_cannot_be_imported_is_named(scripts: ScriptFolders, code: str, text: str) -> None:
    folder = scripts.add("x", code)

    with pytest.raises(StepFailed, match=rf"^{folder}/customize\.py: cannot be imported: {text}"):
        load_customize(read(scripts))


def test_any_file_of_the_folder_is_in_the_digest(scripts: ScriptFolders) -> None:
    folder = scripts.add("x", "VALUE = 1")
    digests = [digest(scripts)]
    scripts.add("x", "VALUE = 2")
    digests.append(digest(scripts))
    scripts.add("x", "VALUE = 2", name="renamed")
    digests.append(digest(scripts))
    (folder / "deeper").mkdir()
    (folder / "deeper" / "table.csv").write_text("1", encoding="utf-8")
    digests.append(digest(scripts))
    (folder / "deeper" / "table.csv").rename(folder / "deeper" / "other.csv")
    digests.append(digest(scripts))

    assert len(set(digests)) == len(digests)


def test_files_that_are_not_content_are_not_in_the_digest(scripts: ScriptFolders) -> None:
    folder = scripts.add("x", "VALUE = 1")
    before = digest(scripts)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "customize.cpython-310.pyc").write_bytes(b"x")

    assert digest(scripts) == before


def test_the_digest_does_not_depend_on_the_folders_place(tmp_path: Path) -> None:
    digests = set()
    for place in ("here", "there"):
        scripts = ScriptFolders(tmp_path / place)
        scripts.add("x", "VALUE = 1")
        digests.add(digest(scripts))

    assert len(digests) == 1


@pytest.mark.parametrize("shape", ["module", "package"])
def test_the_modules_it_names_are_in_the_digest(
    scripts: ScriptFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    name = f"loader_test_{shape}"
    path = tmp_path / "lib" / (f"{name}.py" if shape == "module" else f"{name}/__init__.py")
    path.parent.mkdir(parents=True)
    path.write_text("VALUE = 1", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "lib")
    scripts.add("x", code=[name])
    digests = [digest(scripts)]
    path.write_text("VALUE = 22", encoding="utf-8")
    digests.append(digest(scripts))
    (path.parent / "notes.txt").write_text("beside it", encoding="utf-8")
    digests.append(digest(scripts))

    assert len(set(digests)) == (2 if shape == "module" else 3)


def test_a_missing_module_is_named_with_its_place(scripts: ScriptFolders) -> None:
    folder = scripts.add("x", code=["no_such_module_here.at_all"])

    with pytest.raises(ManifestError, match=rf"^{folder}/_cm\.json#/code: no such module: 'no_such_module_here"):
        digest(scripts)
