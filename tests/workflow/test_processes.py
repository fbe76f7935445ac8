"""Several processes share one cache, and a process is stopped in the middle of a step."""

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

RUN_COMMAND = Path(__file__).parents[1] / "support" / "run_command.py"
# Writes half of its file, prints a line, and waits at the gate before it writes the rest.
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
def started(scripts: ScriptFolders, home: Path, gate: Gate) -> Iterator[subprocess.Popen[str]]:
    env = {"CM_GATE": str(gate.path), "CM_COUNT": str(gate.count)}
    command = [sys.executable, RUN_COMMAND, scripts.root, json.dumps({"tags": "x", "home": str(home), "env": env})]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    """Wait until the process prints a line."""
    assert process.stderr is not None
    lines = []
    for each in process.stderr:
        lines.append(each)
        if each.rstrip() == line:
            return
    raise AssertionError(f"never printed {line!r}, but: {''.join(lines)}")


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=60)
    assert out, err
    return dict(json.loads(out))


def kept(home: Path) -> list[Path]:
    return list((home / "cache" / LAYOUT).rglob("*"))


def content(answer: dict[str, Any]) -> str:
    return Path(answer["new_env"]["CM_PATH"]).read_text(encoding="utf-8")


def test_two_processes_at_once_make_an_entry_once(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    with started(scripts, home, gate) as first, started(scripts, home, gate) as second:
        processes = [first, second]
        for process in processes:
            wait_for(process, "> x")
        gate.open()
        answers = [answer_of(process) for process in processes]

    assert sorted(answer["status"] for answer in answers) == ["cached", "done"]
    assert gate.times_made() == 1
    assert {content(answer) for answer in answers} == {"whole"}
    assert len({answer["record"] for answer in answers}) == 2


def test_a_run_that_waits_for_another_says_so(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    with started(scripts, home, gate) as first:
        wait_for(first, "  half made")
        with started(scripts, home, gate) as second:
            wait_for(second, "  waiting for another run that is making the same entry")
            gate.open()
            assert answer_of(second)["status"] == "cached"
        assert answer_of(first)["status"] == "done"


def test_ctrl_c_ends_a_run_and_leaves_nothing(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    with started(scripts, home, gate) as process:
        wait_for(process, "  half made")
        process.send_signal(signal.SIGINT)
        answer = answer_of(process)

    assert answer == {"return": 130, "error": "interrupted; no unfinished result was kept"}
    assert kept(home) == []
    assert list((home / "cache" / "making").iterdir()) == []
    (record,) = (home / "records").glob("*/record.json")
    assert json.loads(record.read_text(encoding="utf-8"))["status"] == "interrupted"


# Prints a line, and another when it is asked to end, which it does not do.
STUBBORN = """
    import sys

    PROGRAM = (
        "import signal, threading;"
        "signal.signal(signal.SIGTERM, lambda *_: print('asked to end', flush=True));"
        "print('begun', flush=True);"
        "threading.Event().wait()"
    )

    def preprocess(context: Context) -> Done:
        context.command([sys.executable, "-c", PROGRAM])
        return Done()
    """


@pytest.mark.parametrize("programs", [1, 2])
def test_a_second_ctrl_c_is_answered_too(scripts: ScriptFolders, home: Path, programs: int) -> None:
    names = [f"stubborn-{number}" for number in range(programs)]
    for name in names:
        scripts.add(name, STUBBORN, pure=True)
    scripts.add("all", deps=[{"tags": name} for name in names])
    command = [sys.executable, RUN_COMMAND, scripts.root, json.dumps({"tags": "all", "home": str(home), "v": True})]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in ("begun", "asked to end"):
            left = programs
            while left:
                left -= process.stderr.readline().rstrip().endswith(line)
            process.send_signal(signal.SIGINT)
        out, err = process.communicate()

    assert json.loads(out) == {"return": 130, "error": "interrupted; no unfinished result was kept"}
    assert "Traceback" not in err


def test_a_killed_run_publishes_nothing_and_the_next_is_whole(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    with started(scripts, home, gate) as process:
        wait_for(process, "  half made")
        process.kill()
        process.wait()
    assert kept(home) == []
    (record,) = (home / "records").glob("*/record.json")
    assert json.loads(record.read_text(encoding="utf-8"))["status"] == "running"

    with started(scripts, home, gate) as process:
        wait_for(process, "  half made")
        gate.open()
        answer = answer_of(process)

    assert (answer["status"], content(answer)) == ("done", "whole")
    assert list((home / "cache" / "making").iterdir()) == []


def test_a_run_waits_for_no_other_entry(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    scripts.add("y", "def preprocess(context: Context) -> Done:\n    return Done()", cache=True)
    with started(scripts, home, gate) as process:
        wait_for(process, "  half made")
        command = [sys.executable, RUN_COMMAND, scripts.root, json.dumps({"tags": "y", "home": str(home)})]
        done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["status"] == "done"


def cache_command(action: str, home: Path, **options: Any) -> dict[str, Any]:
    """Run `cm ACTION cache --home=... --out=json` in this process."""
    return ENGINE.list_or_remove(f"{action} cache", {"home": str(home), "out": "json", **options})


def test_entries_that_a_run_makes_or_uses_are_not_removed(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    scripts.add("low", "def preprocess(context: Context) -> Done:\n    return Done()", cache=True)
    scripts.add(
        "x", GATED, cache=True, env_keys=["CM_GATE", "CM_COUNT"], new_env_keys=["CM_PATH"], deps=[{"tags": "low"}]
    )
    with started(scripts, home, gate) as process:
        wait_for(process, "  half made")
        (low,) = cache_command("find", home)["entries"]
        while_running = cache_command("rm", home, f=True)
        leftovers = cache_command("rm", home, f=True, partial=True)
        gate.open()
        answer = answer_of(process)
    afterwards = cache_command("rm", home, f=True)

    assert while_running["return"] == 1
    assert f"in use by a run, and not removed: {low['key'][:12]} (low)" in while_running["error"]
    assert (while_running["removed"], while_running["in_use"]) == ([], [low["key"]])
    assert leftovers["removed"] == []
    assert len(leftovers["in_use"]) == 2
    assert (answer["return"], answer["status"]) == (0, "done")
    assert len(afterwards["removed"]) == 2
    assert not any(path.is_file() for path in kept(home))


def test_leftovers_of_a_killed_run_are_removed(scripts: ScriptFolders, home: Path, gate: Gate) -> None:
    with started(scripts, home, gate) as process:
        wait_for(process, "  half made")
        process.kill()
        process.wait()
    before = cache_command("find", home)

    removed = cache_command("rm", home, f=True, partial=True)

    assert [each["kind"] for each in before["leftovers"]] == ["left half made or half removed", "unfinished download"]
    assert (removed["return"], len(removed["removed"])) == (0, 2)
    assert cache_command("find", home)["leftovers"] == []
