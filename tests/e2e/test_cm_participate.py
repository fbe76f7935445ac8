"""A volunteer's machine: the list of a board, one consent, a real run in a process of its own, and its sending."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from board_homes import needs_ssh, ssh_key
from challenge_homes import NAME
from tiny_repositories import TinyRepository
from volunteers import run_document, write_list

from scriptgraph.embed import sign_file

if TYPE_CHECKING:
    from pathlib import Path

    from cm_command import Cm

pytestmark = pytest.mark.slow


@pytest.fixture
def repository(cm: Cm, tmp_path: Path) -> TinyRepository:
    return TinyRepository(tmp_path / "tiny", cm)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_list(tmp_path / "site", run_document()).parent


def ran(repository: TinyRepository) -> list[Path]:
    return sorted(repository.cm.home.rglob("participation/*/*/*/bundle.tar.gz"))


def test_nothing_happens_without_a_consent(repository: TinyRepository, site: Path) -> None:
    ended = repository.participate(site)

    assert ended.code == 1
    assert "One consent for this board" in ended.output
    assert f"{NAME}/first" in ended.output
    assert "add --consent" in ended.output
    assert ran(repository) == []


def test_a_consent_holds_for_the_next_time(repository: TinyRepository, site: Path) -> None:
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


def test_the_bundle_verifies(repository: TinyRepository, site: Path) -> None:
    repository.participate(site, "--consent")
    verified = repository.cm.script("verify,bundle", f"--bundle={ran(repository)[0]}")

    assert verified.code == 0, verified.output


def test_without_a_sender_the_bundle_is_kept(repository: TinyRepository, site: Path) -> None:
    ended = repository.participate(site, "--consent", "--send_to=https://b.example")

    assert ended.code == 0, ended.output
    if "no script send,bundle is installed" not in ended.output:
        assert "was not sent" in ended.output
    assert len(ran(repository)) == 1


def test_what_was_done_is_not_run_again(repository: TinyRepository, site: Path) -> None:
    repository.participate(site, "--consent")
    again = repository.participate(site)

    assert "1 done here before" in again.output
    assert "nothing was run" in again.output


@pytest.mark.parametrize(
    "changes",
    [{"challenge": "another"}, {"workflow": "third"}, {"workflow": "first,second"}, {"options": {"new": True}}],
)
def test_a_hostile_list_runs_nothing(repository: TinyRepository, site: Path, changes: dict[str, Any]) -> None:
    write_list(site, run_document(**changes))
    repository.participate(site, "--consent")

    assert ran(repository) == []


def test_changed_scripts_run_nothing(repository: TinyRepository, site: Path) -> None:
    code = repository.root / "script" / "first" / "customize.py"
    code.write_text(f"{code.read_text()}# changed\n")
    ended = repository.participate(site, "--consent")

    assert "differ from the lock" in ended.output
    assert ran(repository) == []


@needs_ssh
def test_another_key_of_the_board_stops_it(repository: TinyRepository, site: Path, tmp_path: Path) -> None:
    sign_file(site / "wanted.json", ssh_key(tmp_path, "board"), "mlperf-home")
    repository.participate(site, "--consent")
    sign_file(site / "wanted.json", ssh_key(tmp_path, "thief"), "mlperf-home")
    ended = repository.participate(site)

    assert ended.code == 1
    assert "withdraw_consent" in ended.output
    assert repository.participate(site, "--withdraw_consent").code == 0
    assert "One consent for this board" in repository.participate(site).output


def test_ctrl_c_leaves_nothing_running(repository: TinyRepository, site: Path) -> None:
    repository.endless()
    process = repository.cm.start(*repository.words(site, "--consent"))
    number = repository.started()
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_a_timer_is_installed_and_removed(repository: TinyRepository, site: Path, tmp_path: Path) -> None:
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
