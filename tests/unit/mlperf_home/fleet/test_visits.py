"""A visit says of each machine what is missing, all at once; the others are visited all the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from fleets import StubFleet
from small_disk import SmallDisk
from ssh_machines import needs_sshd

from mlperf_home.fleet.controller.executors import visit_all

if TYPE_CHECKING:
    from pathlib import Path

    from ssh_machines import Bench

    from mlperf_home.contracts.fleet.machines import FleetMachine, MachineVisit

pytestmark = [needs_sshd, pytest.mark.slow]

OLD_PYTHON = "#!/bin/sh\necho 3.8.10\n"
# Tells the facts of the real one with a clock that is three hours ahead.
FAST_CLOCK = """#!/bin/sh
if [ "$3" = facts ]; then
    {python} "$@" | sed -E 's/"clock_s": ([0-9]+)/"clock_s": 1\\1/; s/"clock_s": 1([0-9]{{10}})/"clock_s": 9999999999/'
else
    exec {python} "$@"
fi
"""


def visits(bench: Bench, tmp_path: Path, *machines: FleetMachine, **more: object) -> dict[str, MachineVisit]:
    job = StubFleet(bench, tmp_path / "home", ()).job("visit", machines=machines, **more)

    async def all_of_them() -> dict[str, MachineVisit]:
        return {each.name: each async for each in visit_all(machines, job)}

    return asyncio.run(all_of_them())


def script(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def problem(visit: MachineVisit) -> str:
    assert len(visit.problems) == 1
    return visit.problems[0]


def test_a_machine_tells_its_facts(bench: Bench, tmp_path: Path) -> None:
    visit = visits(bench, tmp_path, bench.add("a").entry())["a"]

    assert visit.problems == ()
    assert visit.facts is not None
    assert visit.facts.folder == str(tmp_path / "bench" / "a" / "fleet")
    assert visit.facts.cpus
    assert visit.facts.free_bytes
    assert abs(visit.clock_off_s) < 100


def test_every_problem_is_named_at_once(bench: Bench, tmp_path: Path) -> None:
    python = bench.add("old").entry().python
    machines = [
        bench.machines["old"].entry(python=script(tmp_path / "old-python", OLD_PYTHON)),
        bench.add("none").entry(python="/no/such/python3"),
        bench.add("clock").entry(python=script(tmp_path / "clock-python", FAST_CLOCK.format(python=python))),
        bench.add("cpus").entry(cpuset="90000"),
        bench.add("folder").entry(folder="/proc/no/folder"),
        bench.add("good").entry(),
    ]

    found = visits(bench, tmp_path, *machines)

    assert "is Python 3.8.10, which is too old; install Python 3.10" in problem(found["old"])
    assert "has no /no/such/python3" in problem(found["none"])
    assert "minutes ahead of this machine's; set it" in problem(found["clock"])
    assert "may not use CPU 90000; correct `cpuset`" in problem(found["cpus"])
    assert "/proc/no/folder" in problem(found["folder"])
    assert found["good"].problems == ()


def test_host_keys_are_checked(bench: Bench, tmp_path: Path) -> None:
    unknown, changed, good = bench.add("unknown"), bench.add("changed"), bench.add("good")
    lines = bench.known_hosts.read_text(encoding="utf-8").splitlines(keepends=True)
    other = lines[2].partition(" ")[2]
    text = f"[127.0.0.1]:{changed.port} {other}{lines[2]}"
    bench.known_hosts.write_text(text, encoding="utf-8")

    found = visits(bench, tmp_path, unknown.entry(), changed.entry(), good.entry())

    assert problem(found["unknown"]).startswith("its host key is not in known_hosts; compare its fingerprint")
    assert "is not the one in known_hosts" in problem(found["changed"])
    assert f"ssh-keygen -R '[127.0.0.1]:{changed.port}'" in problem(found["changed"])
    assert found["good"].problems == ()


def test_a_machine_that_refuses_or_is_away_is_named(bench: Bench, tmp_path: Path) -> None:
    away, refuses = bench.add("away"), bench.add("refuses")
    away.stop()
    config = refuses.folder / "sshd_config"
    text = config.read_text(encoding="utf-8").replace("AuthorizedKeysFile", "AuthorizedKeysFile none\n#")
    refuses.stop()
    config.write_text(text, encoding="utf-8")
    refuses.start()

    found = visits(bench, tmp_path, away.entry(), refuses.entry())

    assert f"127.0.0.1:{away.port} does not answer" in problem(found["away"])
    assert "SSH refuses this account" in problem(found["refuses"])


def test_a_full_disk_is_named_with_what_is_needed(bench: Bench, tmp_path: Path) -> None:
    machine = bench.add("small")
    with SmallDisk(tmp_path / "disk", "4m") as disk:
        found = visits(bench, tmp_path, machine.entry(folder=str(disk.seen)))

    assert "GiB free and needs 1.0; free space" in problem(found["small"])
