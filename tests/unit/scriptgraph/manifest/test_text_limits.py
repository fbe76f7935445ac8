"""A manifest that is nested too deeply or too large is refused on one line with its path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scriptgraph.catalog.registry import load_registry
from scriptgraph.errors import ManifestError
from scriptgraph.manifest.queries import parse_query
from scriptgraph.manifest.text import parse_manifest, read_head, read_manifest, read_shared

if TYPE_CHECKING:
    from pathlib import Path

# A billion entries, of nine lines.
TOO_MUCH = "has more than 100,000 values or 33,554,432 letters with its aliases expanded; shorten it"
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)
LONG_TEXT = f"a: &a {'x' * 400_000}\nb: [{', '.join(['*a'] * 1000)}]\n"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("_cm.json", "[" * 100_000, "is nested more than 64 levels deep"),
        ("_cm.json", "[" * 65 + "]" * 65, "is nested more than 64 levels deep"),
        ("_cm.json", f"[{'0,' * 1_000_000}0]", "has more than 1,000,000 values"),
        ("_cm.yaml", "[" * 100_000, "is nested more than 64 levels deep"),
        ("_cm.yaml", "- " * 100_000, "is nested more than 64 levels deep"),
        ("_cm.yaml", "[" * 65 + "]" * 65, "is nested more than 64 levels deep"),
        ("_cm.yaml", "a: &a\n  b: *a", "is nested more than 64 levels deep"),
        ("_cm.yaml", "x" * 600_000, "has more than 524,288 bytes; write it in JSON"),
        ("_cm.yaml", LAUGHS, TOO_MUCH),
        ("_cm.yaml", LONG_TEXT, TOO_MUCH),
    ],
)
def test_a_manifest_beyond_a_limit_is_refused(tmp_path: Path, name: str, text: str, problem: str) -> None:
    path = tmp_path / name
    with pytest.raises(ManifestError) as refused:
        parse_manifest(text, path)

    assert str(refused.value) == f"{path}#: {problem}"


@pytest.mark.parametrize("read", [read_manifest, read_shared])
def test_a_long_file_is_not_read_to_its_end(tmp_path: Path, read: object) -> None:
    path = tmp_path / "_cm.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a sparse file

    with pytest.raises(ManifestError, match=r"_cm\.json#: has more than 16,777,216 bytes; shorten it$"):
        read(path)
    assert not read_head(path).sound


def test_64_levels_are_read(tmp_path: Path) -> None:
    for name in ("_cm.json", "_cm.yaml"):
        assert parse_manifest("[" * 64 + "]" * 64, tmp_path / name)


@pytest.mark.parametrize("name", ["_cm.json", "_cm.yaml"])
def test_a_deeply_nested_manifest_does_not_stop_others(tmp_path: Path, name: str) -> None:
    for folder, text in (("a", "[" * 100_000), ("b", '{"alias": "b", "uid": "c", "tags": ["b"]}')):
        (tmp_path / "script" / folder).mkdir(parents=True)
        (tmp_path / "script" / folder / name).write_text(text)
    registry = load_registry([tmp_path])

    assert registry.select(parse_query("b")).alias == "b"
    with pytest.raises(ManifestError, match=rf"a/{name}#: is nested more than 64 levels deep"):
        registry.select(parse_query("a"))
