"""Fleets through the real `cm`: machines, a run with our own environment there, and the lists."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from ssh_machines import needs_sshd, ssh_bench

from mlperf_home.contracts.codec import encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cm_command import Cm

pytest.importorskip("distributed", reason="Dask is not installed in this Python")
pytest.importorskip("asyncssh", reason="AsyncSSH is not installed in this Python")
pytestmark = [needs_sshd, pytest.mark.slow]

HERE = f"--adr.fleet-environment.environment={sys.executable}"


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Path]:
    with ssh_bench(tmp_path / "bench") as bench:
        entries = [encode(bench.add(name).entry()) for name in ("a", "b")]
        path = tmp_path / "machines.yaml"
        ssh = {"ssh_config": str(bench.ssh.config), "known_hosts": str(bench.known_hosts), "key": str(bench.key)}
        path.write_text(json.dumps({"machines": entries, **ssh}), encoding="utf-8")
        yield path


def test_a_command_runs_on_each_machine(cm: Cm, machines: Path) -> None:
    words = [HERE, f"--machines={machines}", "--fleet_name=both", "--", "cm", "run", "script", "--tags=detect,cpu"]

    ended = cm.script("run,fleet", *words)
    again = cm.script("run,fleet", *words)
    shown = cm("show", "fleet", "both", "--out=json")
    listed = cm("find", "fleet")

    assert ended.code == 0, ended.output
    assert again.code == 0, again.output
    assert "2 done" in ended.output
    assert "started" not in again.output
    assert [unit["state"] for unit in shown.document["units"]] == ["done", "done"]
    assert "both" in listed.out


def test_mistakes_are_errors_of_one_line(cm: Cm, machines: Path, tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text("machines: [{name: a, port: high}]", encoding="utf-8")
    other = ["--", "ls"]

    wrong = cm.script("run,fleet", HERE, f"--machines={faulty}", "--check")
    foreign = cm.script("run,fleet", HERE, f"--machines={machines}", *other)
    stray = cm.script("detect,cpu", *other)
    unknown = cm("show", "fleet", "none")

    assert f"{faulty}#/machines/0/port: expected `int" in wrong.output
    assert "ls: is no command that a fleet runs" in foreign.output
    assert "detect-cpu runs no command after --" in stray.output
    assert "there is no such fleet; there are: none yet" in unknown.output
    for each in (wrong, foreign, stray, unknown):
        assert each.code != 0
        assert "Traceback" not in each.output


def test_a_check_names_every_problem(cm: Cm, machines: Path) -> None:
    document = json.loads(machines.read_text(encoding="utf-8"))
    document["machines"][0]["python"] = "/no/python"
    machines.write_text(json.dumps(document), encoding="utf-8")

    ended = cm.script("run,fleet", HERE, f"--machines={machines}", "--check")

    assert ended.code != 0
    assert "has no /no/python" in ended.output
    assert "1 of 2 machines have a problem: a" in ended.output
