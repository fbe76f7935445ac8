"""The front for cmind: where its own scripts are, and what comes back when something cannot go on."""

from __future__ import annotations

import errno
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

import pytest

from mlperf_home.product import PRODUCT
from scriptgraph.cli import bridge
from scriptgraph.cli.bridge import Engine
from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def installed(tmp_path: Path) -> Engine:
    """Make the engine of code in a site-packages folder, without a checkout around it."""
    return Engine(PRODUCT.replaced(checkout=tmp_path / "lib" / "site-packages"))


def test_the_installed_repository_is_ours(installed: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ModuleSpec("cm_mlperf_home", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path / "cm_mlperf_home")]
    monkeypatch.setattr(bridge, "find_spec", lambda _name: spec)

    assert installed.repository == tmp_path / "cm_mlperf_home"


def test_without_scripts_the_remedy_is_told(installed: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "find_spec", lambda _name: None)

    with pytest.raises(ScriptGraphError, match="the scripts are not installed; run pip install again"):
        installed.repository  # noqa: B018 - it is looked for


class TestWhatEndsACommand:
    def listing(self, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> dict[str, object]:
        def fail(_self: Engine) -> Path:
            raise error

        monkeypatch.setattr(Engine, "repository", property(fail))
        return Engine(PRODUCT).list_or_remove("find script", {})

    def test_what_the_machine_refuses_is_told_in_a_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = self.listing(monkeypatch, OSError(errno.EROFS, "Read-only file system", "/mnt/x"))

        assert told == {"return": 1, "error": "/mnt/x: Read-only file system; see to it and run again"}

    def test_ctrl_c_has_its_own_code(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.listing(monkeypatch, KeyboardInterrupt())["return"] == 130

    def test_a_defect_of_ours_shows_its_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(FileNotFoundError):
            self.listing(monkeypatch, FileNotFoundError(errno.ENOENT, "No such file", "x"))
