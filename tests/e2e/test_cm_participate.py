"""A volunteer's machine: the list of a board, one consent, a real run in a process of its own, and its sending."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
from board_homes import needs_ssh, ssh_key
from challenge_homes import INPUTS, NAME, document
from submission_results import ours
from volunteers import run_document, write_list

from scriptgraph.embed import sign_file

if TYPE_CHECKING:
    from pathlib import Path

    from cm_command import Cm, Ended

pytestmark = pytest.mark.slow

MEASURING = """
import shutil
from pathlib import Path
from scriptgraph.api import Context, Done, Outcome

def preprocess(context: Context) -> Outcome:
    folder = Path(context.text("CM_RESULTS_DIR"))
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree({source!r}, folder)
    return Done()
"""
ENDLESS = """
import os
from scriptgraph.api import Context, Done, Outcome

def preprocess(context: Context) -> Outcome:
    context.command([{python!r}, "-c", "import os, pathlib, time;"
                     "pathlib.Path({mark!r}).write_text(str(os.getpid())); time.sleep(600)"])
    return Done()
"""
SENDING = """
from pathlib import Path
from scriptgraph.api import Context, Done, Outcome

def preprocess(context: Context) -> Outcome:
    with Path({log!r}).open("a") as file:
        file.write(context.text("CM_CHALLENGE_BUNDLE") + " " + context.text("CM_SEND_TO") + "\\n")
    return Done()
"""


class Repository:
    """A user's repository with the tiny challenge, whose scripts copy results."""

    def __init__(self, root: Path, cm: Cm) -> None:
        self.root, self.cm, self.sent, self.mark = root, cm, root.parent / "sent", root.parent / "mark"
        root.mkdir()
        (root / "cmr.yaml").write_text("alias: tiny\nuid: 12345678abcd1234\ngit: false\n")
        ours(root / "measured", sample=True)
        inputs = {key: {"env": f"CM_{key.upper()}", "desc": key} for key in INPUTS}
        for name in ("first", "second"):
            code = MEASURING.format(source=str(root / "measured"))
            self.script(name, ["run", name], code, inputs, {"sample": {"description": "the sample"}})
        folder = root / "challenge" / NAME
        folder.mkdir(parents=True)
        (folder / "_cm.json").write_text(json.dumps(document()))
        assert cm("add", "repo", f"--path={root}").code == 0
        self.lock()

    def script(
        self, name: str, tags: list[str], code: str, inputs: dict[str, Any], variations: dict[str, Any] | None = None
    ) -> None:
        folder = self.root / "script" / name
        folder.mkdir(parents=True, exist_ok=True)
        manifest = {
            "alias": name, "uid": f"{sum(name.encode()):016x}", "automation_alias": "script",
            "automation_uid": "5b4e0237da074764", "name": name, "tags": [name, *tags], "inputs": inputs,
            "variations": variations or {},
        }  # fmt: skip
        (folder / "_cm.json").write_text(json.dumps(manifest))
        (folder / "customize.py").write_text(code)

    def sending(self) -> None:
        inputs = {"bundle": {"env": "CM_CHALLENGE_BUNDLE", "desc": "b"}, "to": {"env": "CM_SEND_TO", "desc": "t"}}
        inputs["consent"] = {"env": "CM_SEND_CONSENT", "desc": "c"}
        self.script("a-sender", ["send", "bundle"], SENDING.format(log=str(self.sent)), inputs)

    def endless(self) -> None:
        inputs = {key: {"env": f"CM_{key.upper()}", "desc": key} for key in INPUTS}
        code = ENDLESS.format(python=sys.executable, mark=str(self.mark))
        self.script("first", ["run", "first"], code, inputs, {"sample": {"description": "the sample"}})
        os.mkfifo(self.mark)
        self.lock()

    def started(self) -> int:
        """Return the process of the endless run once it has begun."""
        pipe = os.open(self.mark, os.O_RDONLY | os.O_NONBLOCK)
        try:
            assert select.select([pipe], [], [], 120)[0], "it has not begun"
            return int(os.read(pipe, 100))
        finally:
            os.close(pipe)

    def lock(self) -> None:
        locked = self.cm("run", "challenge", NAME, "--lock")
        assert locked.code == 0, locked.output

    def words(self, site: Path, *words: str) -> list[str]:
        return ["run", "script", "--tags=participate,board", f"--board={site}", "--watched=no", "--once", *words]

    def participate(self, site: Path, *words: str) -> Ended:
        return self.cm(*self.words(site, *words))


@pytest.fixture
def repository(cm: Cm, tmp_path: Path) -> Repository:
    return Repository(tmp_path / "tiny", cm)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_list(tmp_path / "site", run_document()).parent


def ran(repository: Repository) -> list[Path]:
    return sorted(repository.cm.home.rglob("participation/*/*/*/bundle.tar.gz"))


def test_nothing_happens_without_a_consent(repository: Repository, site: Path) -> None:
    ended = repository.participate(site)

    assert ended.code == 1
    assert "One consent for this board" in ended.output
    assert f"{NAME}/first" in ended.output
    assert "add --consent" in ended.output
    assert ran(repository) == []


def test_a_consent_holds_for_the_next_time(repository: Repository, site: Path) -> None:
    write_list(site, run_document(), run_document(workflow="second"))
    repository.sending()
    first = repository.participate(site, "--consent", "--send_to=https://b.example")
    second = repository.participate(site)

    assert (first.code, second.code) == (0, 0), first.output + second.output
    assert "settled once the board has judged it: a (resnet, SingleStream)" in first.output
    assert len(ran(repository)) == 2
    lines = [line.split() for line in repository.sent.read_text().splitlines()]
    assert {to for _, to in lines} == {"https://b.example"}
    assert sorted(bundle for bundle, _ in lines) == [str(path) for path in ran(repository)]


def test_the_bundle_verifies(repository: Repository, site: Path) -> None:
    repository.participate(site, "--consent")
    verified = repository.cm.script("verify,bundle", f"--bundle={ran(repository)[0]}")

    assert verified.code == 0, verified.output


def test_without_a_sender_the_bundle_is_kept(repository: Repository, site: Path) -> None:
    ended = repository.participate(site, "--consent", "--send_to=https://b.example")

    assert ended.code == 0, ended.output
    if "no script send,bundle is installed" not in ended.output:
        assert "was not sent" in ended.output
    assert len(ran(repository)) == 1


def test_what_was_done_is_not_run_again(repository: Repository, site: Path) -> None:
    repository.participate(site, "--consent")
    again = repository.participate(site)

    assert "1 done here before" in again.output
    assert "nothing was run" in again.output


@pytest.mark.parametrize(
    "changes",
    [{"challenge": "another"}, {"workflow": "third"}, {"workflow": "first,second"}, {"options": {"new": True}}],
)
def test_a_hostile_list_runs_nothing(repository: Repository, site: Path, changes: dict[str, Any]) -> None:
    write_list(site, run_document(**changes))
    repository.participate(site, "--consent")

    assert ran(repository) == []


def test_changed_scripts_run_nothing(repository: Repository, site: Path) -> None:
    code = repository.root / "script" / "first" / "customize.py"
    code.write_text(f"{code.read_text()}# changed\n")
    ended = repository.participate(site, "--consent")

    assert "differ from the lock" in ended.output
    assert ran(repository) == []


@needs_ssh
def test_another_key_of_the_board_stops_it(repository: Repository, site: Path, tmp_path: Path) -> None:
    sign_file(site / "wanted.json", ssh_key(tmp_path, "board"), "mlperf-home")
    repository.participate(site, "--consent")
    sign_file(site / "wanted.json", ssh_key(tmp_path, "thief"), "mlperf-home")
    ended = repository.participate(site)

    assert ended.code == 1
    assert "withdraw_consent" in ended.output
    assert repository.participate(site, "--withdraw_consent").code == 0
    assert "One consent for this board" in repository.participate(site).output


def test_ctrl_c_leaves_nothing_running(repository: Repository, site: Path) -> None:
    repository.endless()
    process = repository.cm.start(*repository.words(site, "--consent"))
    number = repository.started()
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_a_timer_is_installed_and_removed(repository: Repository, site: Path, tmp_path: Path) -> None:
    program, told = tmp_path / "bin" / "systemctl", tmp_path / "told"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
    program.chmod(0o755)
    repository.cm.environment |= {
        "PATH": f"{program.parent}:{os.environ['PATH']}", "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }  # fmt: skip

    installed = repository.participate(site, "--consent", "--hours=22-6", "--most=2h", "--install_timer")
    assert installed.code == 0, installed.output
    units = sorted((tmp_path / "config/systemd/user").iterdir())
    assert [path.suffix for path in units] == [".service", ".timer"]
    assert '"--hours=22-6" "--most=2h"' in units[0].read_text()
    assert "enable --now" in told.read_text()

    removed = repository.participate(site, "--remove_timer")
    assert removed.code == 0, removed.output
    assert list((tmp_path / "config/systemd/user").iterdir()) == []
