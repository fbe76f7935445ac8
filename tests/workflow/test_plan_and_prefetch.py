"""Commands that end at the plan: it is shown, explained, prefetched or refused."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tiny_scripts import ScriptFolders

    Run = Callable[..., dict[str, Any]]

KEEP = """
    def preprocess(context: Context) -> Done:
        (context.output / "made.txt").write_text(context.text("CM_SIZE"))
        return Done({"CM_MADE": context.output / "made.txt"})
    """
LOOK = """
    def preprocess(context: Context) -> Done:
        return Done({"CM_SEEN": "yes"})
    """
RUN = """
    def preprocess(context: Context) -> Done:
        return Done({"CM_RAN": "yes"})
    """
FETCH = """
    from scriptgraph.api import Download

    def preprocess(context: Context) -> Done:
        return Done({})

    def downloads(context: Context) -> list[Download]:
        return [Download("big.bin", (context.text("CM_URL"),), 1000, ("sha256:" + "0" * 64,))]
    """


@pytest.fixture
def workflow(scripts: ScriptFolders, monkeypatch: pytest.MonkeyPatch) -> ScriptFolders:
    """Add a cached step, a pure one, one with effects, and steps that depend on them."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    size = {"size": {"env": "CM_SIZE", "default": 3}}
    scripts.add("keep", KEEP, cache=True, inputs=size, new_env_keys=["CM_MADE"])
    scripts.add("look", LOOK, pure=True, new_env_keys=["CM_SEEN"])
    scripts.add("act", RUN, new_env_keys=["CM_RAN"])
    scripts.add(
        "keep-more", KEEP, cache=True, env_keys=["CM_RAN"], inputs=size, deps=[{"tags": "act"}], new_env_keys=["CM_X"]
    )
    scripts.add(
        "all",
        RUN,
        deps=[
            {"tags": "look"},
            {"tags": "keep"},
            {"tags": "keep-more"},
            {"tags": "act"},
            {"tags": "keep", "enable_if_env": {"CM_RAN": ["yes"]}},
            {"tags": "act", "enable_if_env": {"CM_NEVER": ["yes"]}},
        ],
        new_env_keys=["CM_RAN"],
    )
    scripts.add("fetch", FETCH, downloads=True, cache=True, inputs={"url": {"env": "CM_URL"}})
    return scripts


def made(home: Path) -> list[str]:
    return sorted(
        json.loads(path.read_text())["alias"] + path.stat().st_mtime_ns.__format__("d")
        for path in home.glob("cache/v*/*/*/entry.json")
    )


@pytest.mark.usefixtures("workflow")
class TestPlan:
    def test_a_plan_is_shown_without_changes(self, cm_run: Run, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        answer = cm_run("all", plan=True, v=True)

        shown = capsys.readouterr().out
        assert answer["plan"]["root"]["alias"] == "all"
        assert "keep - runs, then cached" in shown
        assert "keep-more - waits for CM_RAN" in shown
        assert "? keep - unresolved until CM_RAN is known" in shown
        assert "(left out: act: where CM_NEVER is yes)" in shown
        assert not home.exists()

    def test_a_value_is_explained(self, cm_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        assert cm_run("keep", explain="CM_SIZE", size="7")["explained"] == ["keep: CM_SIZE=7 (input: option of keep)"]
        assert "CM_SIZE=7" in capsys.readouterr().out

        assert "did you mean CM_SIZE?" in cm_run("keep", explain="CM_SIZ")["error"]
        assert cm_run("keep", explain="CM_ZZZZZZ")["error"].endswith("reads it")
        assert cm_run("keep", explain="CM_MADE")["error"].endswith("; it is exported by keep")
        assert "needs a value" in cm_run("keep", explain=True)["error"]


@pytest.mark.usefixtures("workflow")
class TestPrefetch:
    def test_ready_entries_are_made_and_the_rest_is_named(
        self, cm_run: Run, home: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        answer = cm_run("all", prefetch=True)

        shown = capsys.readouterr()
        assert "1 made, 0 were in the cache already" in shown.out
        assert (answer["waiting"], answer["deferred"]) == (["keep-more"], ["keep"])
        assert "keep-more: not prefetched: it needs CM_RAN" in shown.err
        assert "keep: not prefetched: it depends on CM_RAN" in shown.err
        steps = json.loads((home / answer["record"]).read_text())["steps"]
        assert [each["alias"] for each in steps] == ["look", "keep"]

    def test_existing_entries_are_left(self, cm_run: Run, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        cm_run("keep", prefetch=True)
        before = made(home)

        cm_run("keep", prefetch=True)

        assert "0 made, 1 were in the cache already" in capsys.readouterr().out
        assert made(home) == before

    @pytest.mark.parametrize("option", ["new", "renew"])
    def test_entries_are_made_anew_on_request(
        self, cm_run: Run, home: Path, capsys: pytest.CaptureFixture[str], option: str
    ) -> None:
        cm_run("keep", prefetch=True)
        before = made(home)
        capsys.readouterr()

        assert cm_run("keep", prefetch=True, **{option: True})["return"] == 0

        assert "1 made, 0 were in the cache already" in capsys.readouterr().out
        assert len(made(home)) == 1
        assert made(home) != before

    def test_an_uncached_step_makes_no_entry(self, cm_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        cm_run("look", prefetch=True)

        assert "0 made, 0 were in the cache already" in capsys.readouterr().out


@pytest.mark.usefixtures("workflow")
class TestMissingFiles:
    URL = "http://127.0.0.1:1/big.bin"

    def test_offline_lists_missing_files_before_the_first_step(self, cm_run: Run, home: Path) -> None:
        answer = cm_run("fetch", url=self.URL, offline=True)

        assert answer["return"] == 1
        for words in ("--offline: 1 missing; nothing was started", "big.bin, 1,000 bytes from", self.URL, "sha256:00"):
            assert words in answer["error"]
        assert f"put it at {home / 'downloads' / 'big.bin'}" in answer["error"]
        assert not (home / "records").exists()

    def test_a_silent_host_is_found_before_the_first_step(self, cm_run: Run, home: Path) -> None:
        answer = cm_run("fetch", url=self.URL)

        assert "no host with the files can be reached: 1 missing" in answer["error"]
        assert not (home / "records").exists()

    def test_behind_a_proxy_hosts_are_not_tried(self, cm_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

        assert cm_run("fetch", url=self.URL)["return"] == 0  # the step of this test fetches nothing

    def test_a_host_that_answers_is_enough(self, cm_run: Run) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            assert cm_run("fetch", url=f"http://127.0.0.1:{server.getsockname()[1]}/big.bin")["return"] == 0

    def test_a_file_that_the_user_brought_is_enough(self, cm_run: Run, home: Path) -> None:
        (home / "downloads").mkdir(parents=True)
        (home / "downloads" / "big.bin").write_text("brought")

        assert cm_run("fetch", url=self.URL, offline=True)["return"] == 0

    def test_an_odd_address_is_left_to_the_step(self, cm_run: Run) -> None:
        assert cm_run("fetch", url="gopher://old/big.bin")["return"] == 0
