"""The home folder follows CM_REPOS, then the user's home directory."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from mlperf_home.product import ENGINE, PRODUCT
from scriptgraph.errors import ScriptGraphError
from scriptgraph.product import registered_folder


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process that of a user without an account and without HOME and CM_REPOS."""

    def no_account(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", no_account)
    for name in ("HOME", "CM_REPOS"):
        monkeypatch.delenv(name, raising=False)


def test_cm_repos_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CM_REPOS", " /repos ")

    assert registered_folder() == Path("/repos")
    assert PRODUCT.home == Path("/repos/mlperf-home")


def test_the_home_directory_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CM_REPOS", "")
    monkeypatch.setenv("HOME", "/home/me")

    assert registered_folder() == Path("/home/me/CM")


@pytest.mark.usefixtures("nobody")
def test_without_a_home_directory_it_is_one_line() -> None:
    with pytest.raises(ScriptGraphError, match=r"^there is no home directory; set CM_REPOS to a folder"):
        registered_folder()


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("action", ["find script", "show script", "find cache", "show cache", "rm cache"])
def test_every_list_asks_for_cm_repos(action: str) -> None:
    answer = ENGINE.list_or_remove(action, {"artifact": "detect-os", "out": None})

    assert (answer["return"], answer["error"].splitlines()[1:]) == (1, [])
    assert "set CM_REPOS" in answer["error"]


@pytest.mark.usefixtures("nobody")
def test_a_run_asks_for_cm_repos() -> None:
    answer = ENGINE.run_script({"tags": "detect,os", "out": None})

    assert "set CM_REPOS" in answer["error"]


def test_the_path_of_an_unset_home_is_never_relative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CM_REPOS", "")
    monkeypatch.setenv("HOME", "")

    assert os.fspath(registered_folder()).startswith("/")
