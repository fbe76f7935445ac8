from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tiny_scripts import ScriptFolders

from mlperf_home.product import ENGINE
from scriptgraph.embed import Engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptFolders:
    """Return a repository of the test's own, which replaces the one of this checkout."""
    folders = ScriptFolders(tmp_path / "repo")
    monkeypatch.setattr(Engine, "repository", folders.root)
    # An installed copy of ours would be another repository.
    monkeypatch.setenv("CM_CORE_SKIP_INTERNAL_REPOS", "yes")
    # The developer's own repositories and collections would be further ones.
    monkeypatch.setenv("CM_REPOS", str(tmp_path / "cm"))
    return folders


@pytest.fixture
def cm_run(home: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that runs `cm run script --tags=... --home=...` from cmind's dictionary on."""

    def run(tags: str, **options: Any) -> dict[str, Any]:
        typed = {"cmd": ["run", "script", f"--tags={tags}"], "out": "con", "artifact": "", "action": "run"}
        return ENGINE.run_script({**typed, "tags": tags, "home": str(home), **options})

    return run
