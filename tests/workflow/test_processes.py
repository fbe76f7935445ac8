"""Several processes and one cache; a process that is stopped in the middle of its work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.product import ENGINE
from scriptgraph.cache.store import LAYOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tiny_scripts import ScriptFolders

RUN_FRONT = Path(__file__).parents[1] / "support" / "run_front.py"
# Writes half of its work, says so, and waits at the gate before it writes the rest.
GATED = """
    def preprocess(context: Context) -> Done:
        made = context.output / "made.txt"
        made.write_text("half")
        with context.path("CM_COUNT").open("a") as count:
            count.write("made\\n")
        context.say("half made")
        with context.path("CM_GATE").open() as gate:
            gate.read()
        made.write_text("whole")
        return Done({"CM_PATH": made})
    """


class Gate:
    """Holds the script back until it is opened: the script reads a FIFO to its end."""

    def __init__(self, folder: Path) -> None:
        self.path, self.count = folder / "gate", folder / "count"
        os.mkfifo(self.path)
        self.count.touch()

    def open(self) -> None:
        self.path.open("w").close()

    def times_made(self) -> int:
        return len(self.count.read_text(encoding="utf-8").splitlines())


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


@pytest.fixture(autouse=True)
def _script(scripts: ScriptFolders) -> None:
    scripts.add("x", GATED, cache=True, env_keys=["CM_GATE", "CM_COUNT"], new_env_keys=["CM_PATH"])


@contextmanager
def front(scripts: ScriptFolders, home: Path, gate: Gate) -> Iterator[subprocess.Popen[str]]:
    env = {"CM_GATE": str(gate.path), "CM_COUNT": str(gate.count)}
    command = [sys.executable, RUN_FRONT, scripts.root, json.dumps({"tags": "x", "home": str(home), "env": env})]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    """Wait until the process has said this."""
    assert process.stderr is not None
    said = []
    for each in process.stderr:
        said.append(each)
        if each.rstrip() == line:
            return
    raise AssertionError(f"never said {line!r}, but: {''.join(said)}")


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=60)
    assert out, err
    return dict(json.loads(out))


def kept(home: Path) -> list[Path]:
    return list((home / "cache" / LAYOUT).rglob("*"))


def made(answer: dict[str, Any]) -> str:
    return Path(answer["new_env"]["CM_PATH"]).read_text(encoding="utf-8")


def test_two_processes_at_once_make_an_entry_once(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    with front(scripts, home, gate) as first, front(scripts, home, gate) as second:
        processes = [first, second]
        for process in processes:
            wait_for(process, "> x")
        gate.open()
        answers = [answer_of(process) for process in processes]

    assert sorted(answer["status"] for answer in answers) == ["cached", "done"]
    assert gate.times_made() == 1
    assert {made(answer) for answer in answers} == {"whole"}
    assert len({answer["record"] for answer in answers}) == 2


def test_who_waits_for_another_run_is_told(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    with front(scripts, home, gate) as first:
        wait_for(first, "  half made")
        with front(scripts, home, gate) as second:
            wait_for(second, "  waiting for another run, which makes the same")
            gate.open()
            assert answer_of(second)["status"] == "cached"
        assert answer_of(first)["status"] == "done"


def test_ctrl_c_ends_a_run_and_leaves_nothing(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    with front(scripts, home, gate) as process:
        wait_for(process, "  half made")
        process.send_signal(signal.SIGINT)
        answer = answer_of(process)

    assert answer == {"return": 130, "error": "interrupted; no unfinished result was kept"}
    assert kept(home) == []
    assert list((home / "cache" / "making").iterdir()) == []
    (record,) = (home / "records").glob("*/record.json")
    assert json.loads(record.read_text(encoding="utf-8"))["status"] == "interrupted"


def test_a_killed_run_publishes_nothing_and_the_next_one_is_whole(
    scripts: ScriptFolders, home: Path, gate: Gate
) -> None:
    with front(scripts, home, gate) as process:
        wait_for(process, "  half made")
        process.kill()
        process.wait()
    assert kept(home) == []
    (record,) = (home / "records").glob("*/record.json")
    assert json.loads(record.read_text(encoding="utf-8"))["status"] == "running"

    with front(scripts, home, gate) as process:
        wait_for(process, "  half made")
        gate.open()
        answer = answer_of(process)

    assert (answer["status"], made(answer)) == ("done", "whole")
    assert list((home / "cache" / "making").iterdir()) == []


def test_another_entry_is_not_waited_for(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    scripts.add("y", "def preprocess(context: Context) -> Done:\n    return Done()", cache=True)
    with front(scripts, home, gate) as process:
        wait_for(process, "  half made")
        command = [sys.executable, RUN_FRONT, scripts.root, json.dumps({"tags": "y", "home": str(home)})]
        done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["status"] == "done"


def listed(action: str, home: Path, **typed: Any) -> dict[str, Any]:
    """Do what `cm ACTION cache --home=... --out=json` does, in this process."""
    return ENGINE.list_or_remove(f"{action} cache", {"home": str(home), "out": "json", **typed})


def test_what_is_being_made_and_what_a_run_uses_is_not_removed(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    scripts.add("low", "def preprocess(context: Context) -> Done:\n    return Done()", cache=True)
    scripts.add(
        "x", GATED, cache=True, env_keys=["CM_GATE", "CM_COUNT"], new_env_keys=["CM_PATH"], deps=[{"tags": "low"}]
    )
    with front(scripts, home, gate) as process:
        wait_for(process, "  half made")
        (low,) = listed("find", home)["entries"]
        while_running = listed("rm", home, f=True)
        leftovers = listed("rm", home, f=True, partial=True)
        gate.open()
        answer = answer_of(process)
    afterwards = listed("rm", home, f=True)

    assert while_running["return"] == 1
    assert f"in use by a run, and not removed: {low['key'][:12]} (low)" in while_running["error"]
    assert (while_running["removed"], while_running["in_use"]) == ([], [low["key"]])
    assert leftovers["removed"] == []
    assert len(leftovers["in_use"]) == 2
    assert (answer["return"], answer["status"]) == (0, "done")
    assert len(afterwards["removed"]) == 2
    assert not any(path.is_file() for path in kept(home))


def test_what_a_killed_run_left_is_cleared(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    with front(scripts, home, gate) as process:
        wait_for(process, "  half made")
        process.kill()
        process.wait()
    found = listed("find", home)

    removed = listed("rm", home, f=True, partial=True)

    assert [each["kind"] for each in found["leftovers"]] == ["left half made or half removed", "unfinished download"]
    assert (removed["return"], len(removed["removed"])) == (0, 2)
    assert listed("find", home)["leftovers"] == []
