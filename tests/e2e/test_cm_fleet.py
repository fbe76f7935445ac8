"""Fleets through the real `cm`: machines, a run with our own environment there, and the lists."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from fake_slurm import Cluster
from ssh_machines import needs_sshd, ssh_bench

from mlperf_home.contracts.codec import encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cm_command import Cm

pytest.importorskip("distributed", reason="Dask is not installed in this Python")
pytest.importorskip("asyncssh", reason="AsyncSSH is not installed in this Python")
pytest.importorskip("submitit", reason="Submitit is not installed in this Python")
pytestmark = pytest.mark.slow

HERE = f"--adr.fleet-environment.environment={sys.executable}"


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Path]:
    with ssh_bench(tmp_path / "bench") as bench:
        entries = [encode(bench.add(name).entry()) for name in ("a", "b")]
        path = tmp_path / "machines.yaml"
        ssh = {"ssh_config": str(bench.ssh.config), "known_hosts": str(bench.known_hosts), "key": str(bench.key)}
        path.write_text(json.dumps({"machines": entries, **ssh}), encoding="utf-8")
        yield path


@needs_sshd
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


@needs_sshd
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


@needs_sshd
def test_a_check_names_every_problem(cm: Cm, machines: Path) -> None:
    document = json.loads(machines.read_text(encoding="utf-8"))
    document["machines"][0]["python"] = "/no/python"
    machines.write_text(json.dumps(document), encoding="utf-8")

    ended = cm.script("run,fleet", HERE, f"--machines={machines}", "--check")

    assert ended.code != 0
    assert "has no /no/python" in ended.output
    assert "1 of 2 machines have a problem: a" in ended.output


def test_slurm_gives_each_unit_a_node(cm: Cm, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "cluster").make()
    cm.environment["PATH"] = cluster.path
    places = {"folder": str(tmp_path / "shared"), "lock_dir": str(tmp_path / "locks")}
    place = {"name": "genoa", "executor": "slurm", "slurm": {"partition": "cpu"}, **places}
    machines = tmp_path / "machines.json"
    machines.write_text(json.dumps({"machines": [place]}), encoding="utf-8")
    words = [HERE, f"--machines={machines}", "--fleet_name=night", "--", "cm", "run", "script", "--tags=detect,cpu"]

    ended = cm.script("run,fleet", *words)
    shown = cm("show", "fleet", "night", "--out=json")

    assert ended.code == 0, ended.output
    assert "1 done" in ended.output
    assert [unit["last"]["machine"] for unit in shown.document["units"]] == ["genoa"]
    assert "#SBATCH --exclusive" in cluster.scripts()[0]


def test_a_queue_is_checked_by_options_alone(cm: Cm, tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    cm.environment |= {"PATH": Cluster(tmp_path / "cluster").make().path, "HOME": str(tmp_path / "user")}

    good = cm.script("run,fleet", HERE, "--executor=slurm", "--partition=cpu", "--constraint=genoa", "--check")
    bad = cm.script("run,fleet", HERE, "--executor=slurm", "--partition=none", "--check")

    assert good.code == 0, good.output
    assert "slurm-cpu-genoa" in good.output
    assert bad.code != 0
    assert "invalid partition specified: none" in bad.output


def test_options_of_a_queue_are_checked(cm: Cm, tmp_path: Path) -> None:
    command = ["--", "cm", "run", "script", "--tags=detect,cpu"]
    refused = {
        "--executor=slurm --partition=a;b": "--partition: ",
        "--executor=local --jobs=2": "--jobs: has no effect with --executor=local",
        "--partition=cpu": "--partition needs --executor=slurm",
        f"--executor=slurm --machines={tmp_path}": "--executor and --machines: use one",
        "--executor=slurm --time_limit=5": "time_limit",
        "--each=class": "no machines are named",
    }

    for options, message in refused.items():
        ended = cm.script("run,fleet", HERE, *options.split(" "), *command)

        assert ended.code != 0
        assert message in ended.output
        assert "Traceback" not in ended.output
