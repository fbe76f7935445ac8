"""`cm replay script` repeats a request and lists the differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.product import ENGINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tiny_scripts import ScriptFolders

    Run = Callable[..., dict[str, Any]]

SPEAK = """
    def preprocess(context: Context) -> Done:
        return Done({"CM_SAID": context.text("CM_WORD")})
    """


@pytest.fixture
def recorded(scripts: ScriptFolders, cm_run: Run) -> Path:
    scripts.add("speak", SPEAK, inputs={"word": {"env": "CM_WORD", "default": "hello"}}, new_env_keys=["CM_SAID"])
    return Path(cm_run("speak", word="hi", quiet=True)["record"])


@pytest.fixture
def replay(home: Path) -> Run:
    def run(**options: Any) -> dict[str, Any]:
        return ENGINE.replay_script({"cmd": ["replay", "script"], "out": "con", "home": str(home), **options})

    return run


def test_an_unchanged_replay_has_no_difference(recorded: Path, replay: Run, capsys: pytest.CaptureFixture[str]) -> None:
    answer = replay(record=str(recorded))

    assert (answer["return"], answer["differences"]) == (0, [])
    assert answer["new_env"] == {"CM_SAID": "hi"}
    assert "no differences" in capsys.readouterr().out
    again = json.loads(Path(answer["record"]).read_text())
    assert again["request"]["argv"] == json.loads(recorded.read_text())["request"]["argv"]


def test_a_record_made_with_extra_options_is_replayed(
    recorded: Path, cm_run: Run, replay: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CM_SCRIPT_EXTRA_CMD", "--adr.absent.size=3")
    record = cm_run("speak", word="hi", quiet=True)["record"]
    monkeypatch.delenv("CM_SCRIPT_EXTRA_CMD")

    assert recorded.is_file()
    assert replay(record=record, quiet=True)["differences"] == []
    assert "typo" in replay(record=record, adr={"typo": {"size": "3"}})["error"]


def test_a_runs_folder_stands_for_its_record(recorded: Path, replay: Run) -> None:
    assert replay(record=str(recorded.parent), quiet=True)["differences"] == []


def test_the_path_of_an_entry_is_no_difference(scripts: ScriptFolders, cm_run: Run, replay: Run) -> None:
    keep = """
    def preprocess(context: Context) -> Done:
        (context.output / "word.txt").write_text(context.text("CM_WORD"))
        return Done({"CM_FILE": context.output / "word.txt"})
    """
    scripts.add("keep", keep, cache=True, inputs={"word": {"env": "CM_WORD"}}, new_env_keys=["CM_FILE"])
    record = cm_run("keep", word="hi", quiet=True)["record"]

    answer = replay(record=record, word="ho")["differences"]

    assert [each.rpartition(": ")[0] for each in answer] == ["plan: keep: CM_WORD", "keep: cache key"]


def test_typed_options_win_and_are_listed(recorded: Path, replay: Run, capsys: pytest.CaptureFixture[str]) -> None:
    answer = replay(record=str(recorded), word="ho")

    assert answer["differences"] == ["plan: speak: CM_WORD: hi then, ho now", "speak: CM_SAID: hi then, ho now",
                                   "exports: CM_SAID: hi then, ho now"]  # fmt: skip
    assert "differences: 3" in capsys.readouterr().out


def test_a_plan_of_a_record_runs_nothing(recorded: Path, replay: Run, home: Path) -> None:
    answer = replay(record=str(recorded), plan=True)

    assert answer["plan"]["root"]["alias"] == "speak"
    assert len(list((home / "records").iterdir())) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "write cm replay script --record=FILE"),
        ({"record": True}, "--record: needs a path; write --record=FILE"),
        ({"record": "/nothing/there.json"}, "cannot be read"),
        ({"tags": "speak"}, "a replay uses the tags of the record"),
    ],
)
def test_a_mistake_is_named(recorded: Path, replay: Run, options: dict[str, Any], words: str) -> None:
    answer = replay(**({"record": str(recorded)} | options if options.get("tags") else options))

    assert answer["return"] == 1
    assert words in answer["error"]


def test_a_deeply_nested_record_is_refused_in_one_line(recorded: Path, replay: Run) -> None:
    recorded.write_text("[" * 100_000)

    answer = replay(record=str(recorded))

    assert answer["error"].startswith(f"--record={recorded}: is nested more than 64 levels deep; name the record.json")
