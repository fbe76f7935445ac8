"""Scripts of 2023 in our form: what is sure is written, and what is not is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from scriptgraph.compat.conversion import convert, write_conversion
from scriptgraph.errors import RequestError
from scriptgraph.manifest.decoding import decode_manifest

if TYPE_CHECKING:
    from pathlib import Path


def script(root: Path, name: str, files: dict[str, str] | None = None, **meta: Any) -> Path:
    folder = root / "script" / name
    folder.mkdir(parents=True)
    head = {"alias": name, "uid": "0011223344556677", "automation_alias": "script", "tags": [name]}
    (folder / "_cm.json").write_text(json.dumps({**head, **meta}), encoding="utf-8")
    for file, text in (files or {}).items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder


def test_keys_without_effect_are_dropped(tmp_path: Path) -> None:
    folder = script(tmp_path, "old", category="Tests", developers="somebody", clean_files=["x"], new_env_keys=["CM_A"])
    (found,) = convert(folder)
    assert found.left == ()
    assert json.loads(found.after).keys() == {"alias", "uid", "automation_alias", "tags", "new_env_keys"}
    assert decode_manifest(found.after, folder / "_cm.json").alias == "old"


def test_dependencies_around_no_code_have_an_order(tmp_path: Path) -> None:
    deps = {"deps": [{"tags": "a"}], "prehook_deps": [{"tags": "b"}], "posthook_deps": [{"tags": "c", "dynamic": True}]}
    (found,) = convert(script(tmp_path, "old", **deps))
    document = json.loads(found.after)
    assert [each["tags"] for each in document["deps"]] == ["a", "b"]
    assert document["post_deps"] == [{"tags": "c"}]
    assert found.left == ()


def test_dependencies_around_code_are_left(tmp_path: Path) -> None:
    files = {"customize.py": "def preprocess(i):\n    return {'return': 0}\n"}
    (found,) = convert(script(tmp_path, "old", files, prehook_deps=[{"tags": "b"}]))
    texts = [str(each) for each in found.left]
    assert any("/prehook_deps" in text for text in texts)
    assert any("customize.py: write preprocess(context)" in text for text in texts)


def test_keys_of_programs_are_declared(tmp_path: Path) -> None:
    (found,) = convert(script(tmp_path, "old", {"run.sh": "echo $CM_COLOUR ${CM_SIZE}\n"}))
    assert json.loads(found.after)["env_keys"] == ["CM_COLOUR", "CM_SIZE"]
    assert found.left == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo CM_X=1 > tmp-run-env.out\n", "instead of tmp-run-env.out"),
        ("cd $CM_TMP_CURRENT_SCRIPT_PATH\n", "which the engine of 2023 sets"),
    ],
)
def test_programs_of_the_old_conventions_are_left(tmp_path: Path, text: str, reason: str) -> None:
    (found,) = convert(script(tmp_path, "old", {"run.sh": text}))
    assert any(reason in str(each) for each in found.left)


@pytest.mark.parametrize(
    "meta",
    [
        {"new_state_keys": ["x"]},
        {"deps": [{"tags": "a", "force_env_keys": ["CM_A"]}]},
        {"variations": {"fast": {"state": {"x": 1}}}},
        {"can_force_cache": True},
    ],
)
def test_what_has_another_meaning_is_left(tmp_path: Path, meta: dict[str, Any]) -> None:
    (found,) = convert(script(tmp_path, "old", **meta))
    assert len(found.left) == 1


def test_a_converted_script_is_written_once(tmp_path: Path) -> None:
    (found,) = convert(script(tmp_path / "old", "one", {"run.sh": "echo hello\n"}, category="Tests"))
    target = write_conversion(found, tmp_path / "new")
    assert sorted(path.name for path in target.iterdir()) == ["_cm.json", "run.sh"]
    with pytest.raises(RequestError, match="is already there"):
        write_conversion(found, tmp_path / "new")


def test_a_whole_repository_is_converted(tmp_path: Path) -> None:
    script(tmp_path, "one")
    script(tmp_path, "two")
    assert [each.folder.name for each in convert(tmp_path)] == ["one", "two"]
    with pytest.raises(RequestError, match="holds no script"):
        convert(tmp_path / "script")
