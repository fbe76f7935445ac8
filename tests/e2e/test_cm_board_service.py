"""A board's service and a volunteer, both through the real `cm`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests
from board_homes import Contributors, contributors, needs_ssh, ssh_key
from tiny_repositories import TinyRepository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cm_command import Cm

pytest.importorskip("uvicorn", reason="uvicorn is not installed in this Python")
pytest.importorskip("scipy", reason="SciPy is not installed in this Python")
pytestmark = [needs_ssh, pytest.mark.slow]

HERE = f"--adr.service-environment.environment={sys.executable}"


@pytest.fixture(scope="module")
def senders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contributors]:
    yield from contributors(tmp_path_factory.mktemp("senders"))


@pytest.fixture
def service(cm: Cm, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    tags = "--tags=serve,leaderboard,_sample"
    argv = [str(cm.program), "run", "script", tags, HERE, f"--board={tmp_path / 'board'}", "--port=0"]
    process = subprocess.Popen(
        argv,
        env=cm.environment,
        cwd=cm.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if "serving http://" in line:
            break
    else:
        raise AssertionError("".join(seen))
    try:
        yield process, line.partition("serving ")[2].partition(";")[0]
    finally:
        if process.poll() is None:
            process.kill()
        process.stdout.close()
        process.wait()


def test_a_volunteer_sends_a_bundle_to_a_service(
    cm: Cm, service: tuple[subprocess.Popen[str], str], senders: Contributors
) -> None:
    process, url = service
    bundle = senders.bundle("Ada", "ada")
    words = [f"--bundle={bundle}", f"--to={url}"]

    unasked = cm.script("send,bundle", *words)
    unknown = requests.get(f"{url}contributors.html", timeout=60)
    sent = cm.script("send,bundle", *words, "--consent")
    os.kill(process.pid, signal.SIGINT)
    process.communicate()

    assert unasked.code == 1
    assert "nothing was sent" in unasked.output
    assert "Ada" in unasked.output
    assert "Ada" not in unknown.text
    assert sent.code == 0, sent.output
    assert f"a result: {url}result/" in sent.output
    assert "its state, published" in sent.output
    assert process.returncode != -signal.SIGKILL


def test_an_idle_machine_settles_a_result(
    cm: Cm, service: tuple[subprocess.Popen[str], str], senders: Contributors, tmp_path: Path
) -> None:
    _, url = service
    TinyRepository(tmp_path / "tiny", cm)
    ada = cm.script("send,bundle", f"--bundle={senders.bundle('Ada', 'ada')}", f"--to={url}", "--consent")
    signed = [f"--sign_key={ssh_key(tmp_path, 'bob')}", "--submitter=Bob"]
    ended = cm.script("participate,board", f"--board={url}", "--watched=no", "--once", "--consent", *signed)

    assert ada.code == 0, ada.output
    assert ended.code == 0, ended.output
    assert "1 fit this machine" in ended.output
    assert f"the bundle was sent: published, {url}uploads/" in ended.output
    assert "Bob" in requests.get(f"{url}contributors.html", timeout=60).text


def test_a_volunteer_makes_a_branch(cm: Cm, senders: Contributors, tmp_path: Path) -> None:
    remote, bundle = tmp_path / "board.git", senders.bundle("Bob", "bob")
    subprocess.run(["git", "init", "--quiet", "--bare", remote], check=True)

    sent = cm.script("send,bundle", f"--bundle={bundle}", f"--to={remote}", "--consent")
    branches = subprocess.run(["git", "-C", remote, "branch"], check=True, capture_output=True, text=True).stdout

    assert sent.code == 0, sent.output
    assert "open a pull request from it" in sent.output
    assert branches.strip().startswith("bundle-")


def test_a_changed_bundle_is_not_sent(cm: Cm, senders: Contributors, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(senders.bundle("Ada", "ada").read_bytes()[:2000])

    ended = cm.script("send,bundle", f"--bundle={cut}", "--to=https://board.invalid", "--consent")

    assert ended.code == 1
    assert "Traceback" not in ended.output
