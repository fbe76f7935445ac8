"""What an environment on a machine is made from: the right wheels for its kind, and our own."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.contracts.fleet.machines import VisitedFacts
from mlperf_home.environments import ENVIRONMENTS
from mlperf_home.fleet.program import write_program
from mlperf_home.fleet.wheelhouses import MachineKind, WheelhouseError, locked_for, make_wheelhouse
from mlperf_home.product import PRODUCT
from scriptgraph.embed import write_own_wheel

if TYPE_CHECKING:
    from pathlib import Path

KIND = MachineKind("x86_64", "3.10", 31)
LOCK = """# Chosen by a test.
alpha==1.0 ; python_full_version < '3.11' \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via beta
alpha==2.0 ; python_full_version >= '3.11' \\
    --hash=sha256:{b}
beta==3.0 ; platform_machine == 'x86_64' \\
    --hash=sha256:{a}
""".format(a="a" * 64, b="b" * 64)


def refuse(*_words: Any, **_options: Any) -> None:
    raise AssertionError("nothing may be fetched")


def test_a_lock_is_narrowed_to_a_kind_of_machine() -> None:
    old, new = (locked_for(kind, LOCK) for kind in (KIND, MachineKind("aarch64", "3.12", 31)))

    assert old == f"alpha==1.0 --hash=sha256:{'a' * 64} --hash=sha256:{'b' * 64}\nbeta==3.0 --hash=sha256:{'a' * 64}\n"
    assert new == f"alpha==2.0 --hash=sha256:{'b' * 64}\n"


def test_our_lock_has_every_dependency_with_hashes() -> None:
    lines = locked_for(KIND, ENVIRONMENTS["machine"].lock.read_text(encoding="utf-8")).splitlines()

    names = {line.split("==")[0] for line in lines}
    assert {"cmind", "msgspec", "packaging", "requests", "rich", "uv"} <= names
    assert all("--hash=sha256:" in line for line in lines)


def test_wheels_of_older_systems_fit_too() -> None:
    tags = list(KIND.platforms())

    assert tags[0] == "manylinux_2_31_x86_64"
    assert {"manylinux_2_17_x86_64", "manylinux2014_x86_64"} <= set(tags)
    assert "manylinux_2_34_x86_64" not in tags


def test_a_machine_without_glibc_is_named() -> None:
    with pytest.raises(WheelhouseError, match="has no glibc 2"):
        MachineKind.of(VisitedFacts(folder="/f", python="3.12.1", machine="x86_64"))


def test_offline_fetches_nothing(tmp_path: Path) -> None:
    with pytest.raises(WheelhouseError, match="--offline fetches nothing; run it once without"):
        make_wheelhouse(KIND, tmp_path, sys.executable, refuse, offline=True)


def test_wheels_that_are_here_are_not_fetched_again(tmp_path: Path) -> None:
    fetched = list[Any]()
    first = make_wheelhouse(KIND, tmp_path, sys.executable, lambda *words, **_: fetched.append(words), offline=False)

    again = make_wheelhouse(KIND, tmp_path, sys.executable, refuse, offline=True)

    assert len(fetched) == 1
    assert again == first
    assert first.wheels[-1].name.startswith("mlperf_home-")
    assert f"--hash=sha256:{first.wheels[-1].sha256}" in first.requirements


def test_our_wheel_has_scripts_and_true_hashes(tmp_path: Path) -> None:
    path = write_own_wheel(PRODUCT, tmp_path)
    before = path.read_bytes()

    assert write_own_wheel(PRODUCT, tmp_path).read_bytes() == before
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        record = next(name for name in names if name.endswith("/RECORD"))
        rows = list(csv.reader(wheel.read(record).decode().splitlines()))
    assert "cm_mlperf_home/script/run-fleet/_cm.json" in names
    assert "cm_mlperf_home/automation/fleet/module.py" in names
    assert {row[0] for row in rows} == set(names)
    assert not [name for name in names if "__pycache__" in name]


def test_the_program_runs_without_our_packages(tmp_path: Path) -> None:
    program, folder = tmp_path / "side.pyz", tmp_path / "fleet"
    write_program(program)
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    write_program(program)

    argv = [sys.executable, "-I", "-S", str(program), "facts", str(folder), str(tmp_path / "locks"), "[]"]
    facts = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)

    assert hashlib.sha256(program.read_bytes()).hexdigest() == digest
    assert facts["folder"] == str(folder)
    assert facts["busy"] == ""
