"""machines.yaml: read within limits, and every fault named with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlperf_home.fleet.machines import MachinesError, chosen, queue_document, read_machines

if TYPE_CHECKING:
    from pathlib import Path

TWO = """
defaults: {user: lab, labels: {room: "7"}, price_per_hour: 0.5}
known_hosts: hosts
machines:
  - {name: amd, tags: [amx], labels: {class: big}}
  - {name: arm, address: 10.0.0.2, port: 2222, user: me, cpuset: "0-3,8"}
"""


def write(tmp_path: Path, text: str, name: str = "machines.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_hold_where_a_machine_says_nothing(tmp_path: Path) -> None:
    document = read_machines(write(tmp_path, TWO))

    amd, arm = document.machines
    assert (amd.reached_at, amd.user, amd.price_per_hour) == ("amd", "lab", 0.5)
    assert amd.labels == {"room": "7", "class": "big"}
    assert (arm.reached_at, arm.user, arm.port, arm.labels) == ("10.0.0.2", "me", 2222, {"room": "7"})
    assert document.known_hosts == tmp_path / "hosts"


def test_machines_are_chosen_by_tag_name_and_label(tmp_path: Path) -> None:
    machines = read_machines(write(tmp_path, TWO)).machines

    assert [each.name for each in chosen(machines, ["amx"], "m")] == ["amd"]
    assert [each.name for each in chosen(machines, ["arm"], "m")] == ["arm"]
    assert [each.name for each in chosen(machines, ["room=7"], "m")] == ["amd", "arm"]
    with pytest.raises(MachinesError, match="no machine has gpu; use tags or names of it: amd, amx, arm"):
        chosen(machines, ["gpu"], "m")


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("machines: []", "#/machines", "length >= 1"),
        ("machines: [{name: a, port: 70000}]", "#/machines/0/port", "<= 65535"),
        ("machines: [{name: a, adress: x}]", "#/machines/0", "unknown field `adress`"),
        ("machines: [{name: a}, {name: a}]", "#/machines/1/name", "a is there twice"),
        ("machines: [{name: a, address: h}, {name: b, address: h}]", "#/machines/1", "account and folder of a"),
        ("machines: [{name: -oProxyCommand=x}]", "#/machines/0/name", "matching regex"),
        ("machines: [{name: a, address: -oProxyCommand=x}]", "#/machines/0/address", "matching regex"),
        ("machines: [{name: a, price_per_hour: 0}]", "#/machines/0/price_per_hour", "> 0"),
        ("machines: [{name: a, cpuset: all}]", "#/machines/0/cpuset", "matching regex"),
        ("defaults: {port: x}\nmachines: [{name: a}]", "#/defaults/port", "expected `int"),
        ("machines: [{name: a, executor: slurm, port: 22}]", "#/machines/0/port", "no effect with the executor slurm"),
        ("machines: [{name: a, slurm: {jobs: 2}}]", "#/machines/0/slurm", "no effect with the executor ssh"),
        ("machines: [{name: a, executor: pbs}]", "#/machines/0/executor", "invalid enum value 'pbs'"),
        ("machines: [{name: a, executor: slurm, slurm: {partition: a b}}]", "#/machines/0/slurm/partition", "regex"),
        (
            'machines: [{name: a, executor: slurm, slurm: {constraint: "a\\n"}}]',
            "#/machines/0/slurm/constraint",
            "regex",
        ),
        ("machines: [{name: a, executor: slurm, slurm: {time_limit: 5}}]", "#/machines/0/slurm/time_limit", ">= 10"),
        ("machines: {", "", "is not YAML"),
        ("", "", "is empty"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, text: str, place: str, problem: str) -> None:
    path = write(tmp_path, text)

    with pytest.raises(MachinesError) as raised:
        read_machines(path)

    assert raised.value.where == f"{path}{place}"
    assert problem in raised.value.problem
    assert "\n" not in str(raised.value)


def test_places_of_a_queue_take_the_defaults_they_can(tmp_path: Path) -> None:
    text = """
defaults: {user: lab, price_per_hour: 0.5, slurm: {jobs: 4}}
machines: [{name: far}, {name: genoa, executor: slurm}, {name: here, executor: local}]
"""
    far, genoa, here = read_machines(write(tmp_path, text)).machines

    assert (far.user, genoa.user, here.user) == ("lab", "", "")
    assert (far.slurm.jobs, genoa.slurm.jobs, here.slurm.jobs) == (1, 4, 1)
    assert genoa.price_per_hour == 0.5


def test_a_queue_is_a_machine_by_options_alone() -> None:
    document = queue_document("slurm", {"partition": "cpu", "constraint": "genoa&ddr5", "jobs": 8})

    (place,) = document.machines
    assert (place.name, place.executor) == ("slurm-cpu-genoa-ddr5", "slurm")
    assert (place.slurm.partition, place.slurm.constraint, place.slurm.jobs) == ("cpu", "genoa&ddr5", 8)


def test_an_option_that_cannot_be_is_named() -> None:
    with pytest.raises(MachinesError, match=r"^--partition: .*; write it as for sbatch$"):
        queue_document("slurm", {"partition": "a;b"})
    with pytest.raises(MachinesError, match="--jobs: has no effect with --executor=local"):
        queue_document("local", {"jobs": 2})


def test_json_is_read_too(tmp_path: Path) -> None:
    document = read_machines(write(tmp_path, '{"machines": [{"name": "a"}]}', "machines.json"))

    assert document.machines[0].reached_at == "a"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "machines.yaml"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(MachinesError, match="is not UTF-8 text at byte 0"):
        read_machines(path)
