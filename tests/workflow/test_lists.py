"""Lists of scripts and of cache entries, for programs and for people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.product import ENGINE
from scriptgraph.cache.store import LAYOUT, KeyLocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from tiny_scripts import ScriptFolders

    Run = Callable[..., dict[str, Any]]
    Ask = Callable[..., dict[str, Any]]

KEEP = """
    def preprocess(context: Context) -> Done:
        (context.output / "made.bin").write_bytes(b"x" * 5000)
        return Done({"CM_MADE": context.output / "made.bin"})
    """
USE = """
    def preprocess(context: Context) -> Done:
        (context.output / "used.txt").write_text("used")
        return Done({"CM_USED": context.output / "used.txt"})
    """


def titles(answer: dict[str, Any]) -> set[str]:
    return {each["title"] for each in answer["entries"]}


@pytest.fixture
def ask(home: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("CM_REPOS", str(home.parent / "cm"))

    def run(action: str, **options: Any) -> dict[str, Any]:
        more = {"home": str(home)} if action.endswith("cache") else {}
        return ENGINE.list_or_remove(action, {**more, **options})

    return run


@pytest.fixture
def kept(scripts: ScriptFolders, cm_run: Run) -> ScriptFolders:
    """Make two entries, one from the other."""
    scripts.add("make", KEEP, cache=True, name="Make a file", new_env_keys=["CM_MADE"])
    scripts.add(
        "use",
        USE,
        cache=True,
        tags=["use", "it"],
        name="Use a file",
        deps=[{"tags": "make", "names": ["maker"], "skip_if_env": {"CM_BARE": ["yes"]}}],
        inputs={
            "way": {"env": "CM_WAY", "desc": "how", "default": "slow", "choices": ["slow", "fast"]},
            "bare": {"env": "CM_BARE", "type": "flag", "refused": {"no": "it is the default"}},
        },
        variations={
            "fast": {"group": "speed", "description": "quickly", "env": {"CM_WAY": "fast"}, "base": ["wide"]},
            "slow": {"group": "speed", "default": True},
            "wide": {"deps": [{"tags": "make", "version_min": "1"}]},
            "broad": {"alias": "wide"},
        },
        versions={"1": {}, "2": {}},
        default_version="2",
        env_keys=["CM_MADE"],
        new_env_keys=["CM_USED"],
    )
    assert cm_run("use,it", quiet=True)["return"] == 0
    return scripts


@pytest.mark.usefixtures("kept")
class TestScripts:
    def test_scripts_are_found(self, ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
        assert [each["alias"] for each in ask("find script", tags="use")["scripts"]] == ["use"]
        assert capsys.readouterr().out == ""

        assert ask("find script", tags="use", out="con")["return"] == 0
        assert "Use a file" in capsys.readouterr().out

    def test_the_nearest_is_named_where_none_matches(self, ask: Ask) -> None:
        answer = ask("find script", tags="usee")

        assert (answer["return"], answer["scripts"], answer["nearest"]) == (1, [], ["use"])

    def test_a_script_is_shown_whole(self, ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
        answer = ask("show script", tags="use,_fast", out="con")

        shown = capsys.readouterr().out
        assert answer["script"]["alias"] == "use"
        for words in (
            "use: Use a file", "--way=TEXT", "one of slow, fast", "set to fast by a variation or version", "--bare ",
            "not no (it is the default)", "group speed", "_fast", "turns on _wide", "the same as _wide", "default",
            "--adr.maker", "not where CM_BARE is yes", "version at least 1", "CM_USED",
            "cached; rebuilt when these change:", "cm run script",
        ):  # fmt: skip
            assert words in shown, words

    def test_an_uncached_script_says_so(
        self, kept: ScriptFolders, ask: Ask, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kept.add("plain")
        assert ask("show script", tags="plain", out="con")["return"] == 0

        assert "not cached" in capsys.readouterr().out

    def test_no_script_and_odd_options_are_mistakes(self, ask: Ask) -> None:
        assert "which script?" in ask("show script")["error"]
        assert "is not an option of this command" in ask("show script", tags="use", colour="red")["error"]


@pytest.mark.usefixtures("kept")
class TestCache:
    def test_entries_are_found(self, ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
        answer = ask("find cache", out="con")

        entries = {each["title"]: each for each in answer["entries"]}
        assert entries.keys() == {"make", "use,_slow"}
        assert entries["make"]["size_bytes"] >= 5000
        assert "use,_slow" in capsys.readouterr().out

    def test_changed_files_are_named(self, ask: Ask, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert ask("show cache", tags="make", verify=True, out="con")["return"] == 0
        (made,) = (home / "cache").rglob("made.bin")
        made.write_bytes(b"y" * 5000)

        answer = ask("show cache", tags="make", verify=True, out="con")

        assert "damaged: " in answer["error"]
        assert "made.bin does not have its recorded hash" in capsys.readouterr().out

    def test_nothing_is_removed_without_consent(self, ask: Ask, home: Path) -> None:
        answer = ask("rm cache")

        assert "add -f" in answer["error"]
        assert len(list((home / "cache" / LAYOUT).glob("*/*"))) == 2

    @pytest.mark.parametrize(("options", "left"), [({}, {"use,_slow"}), ({"dependants": True}, set())])
    def test_dependants_are_removed_only_on_request(
        self, ask: Ask, options: dict[str, Any], left: set[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        answer = ask("rm cache", tags="make", f=True, out="con", **options)

        assert answer["return"] == 0
        assert titles(ask("find cache")) == left
        assert ("--dependants removes them as well" in capsys.readouterr().out) is bool(left)

    def test_entries_that_a_run_uses_stay(self, ask: Ask, home: Path) -> None:
        (entry,) = ask("find cache", tags="make")["entries"]
        locks = KeyLocks(home / "cache" / "locks")
        locks.hold(entry["key"])
        try:
            answer = ask("rm cache", f=True)
        finally:
            locks.release()

        assert "in use by a run" in answer["error"]
        assert answer["in_use"] == [entry["key"]]
        assert titles(ask("find cache")) == {"make"}

    @pytest.mark.parametrize("tags", ["", " , ", True])
    def test_tags_without_a_value_remove_nothing(self, ask: Ask, tags: Any) -> None:
        assert "--tags: needs a value" in ask("rm cache", tags=tags, f=True)["error"]
        assert len(ask("find cache")["entries"]) == 2

    def test_leftovers_are_removed_by_partial(self, ask: Ask, home: Path) -> None:
        left = home / "cache" / "partial" / ("a" * 64)
        left.mkdir(parents=True)
        (left / "half.part").write_bytes(b"half")
        assert "--partial removes no entries" in ask("rm cache", partial=True, tags="make", f=True)["error"]

        assert ask("rm cache", partial=True, f=True)["removed"] == ["a" * 64]

        assert not left.exists()
        assert len(ask("find cache")["entries"]) == 2
        assert ask("rm cache", partial=True, f=True)["removed"] == []

    @pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 2), ("", 2)])
    def test_a_removal_on_a_terminal_asks_first(
        self, ask: Ask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, left: int
    ) -> None:
        prompts = []

        def reply(words: str) -> str:
            prompts.append(words)
            if not answer:
                raise EOFError
            return answer

        monkeypatch.setattr("builtins.input", reply)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)

        ask("rm cache", out="con")

        assert prompts == ["Remove them? [y/N] "]
        assert len(ask("find cache")["entries"]) == left


def test_an_empty_cache_is_no_error(ask: Ask, scripts: ScriptFolders, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("find cache", out="con")["entries"] == []
    assert ask("rm cache", f=True, out="con")["return"] == 0

    assert "nothing to remove" in capsys.readouterr().out
    assert not (Path(os.environ["CM_REPOS"]) / "mlperf-home").exists()
