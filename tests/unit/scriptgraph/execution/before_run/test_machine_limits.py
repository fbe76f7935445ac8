"""Values that only this machine can judge are refused before the first step."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest
from tiny_scripts import plan_of, request_of

from scriptgraph.errors import RequestError
from scriptgraph.execution.before_run.machine_limits import check_folders, check_machine
from scriptgraph.files import control_groups

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS: dict[str, dict[str, Any]] = {
    "run": {
        "deps": [{"tags": "measure"}],
        "inputs": {
            "threads": {"env": "CM_THREADS", "type": "number", "whole": True, "minimum": 1, "maximum": "cpus"},
            "counts": {"env": "CM_COUNTS", "type": "numbers", "whole": True, "minimum": 1, "maximum": "cpus"},
            "out_dir": {"env": "CM_OUT_DIR", "type": "path", "place": "folder"},
            "file": {"env": "CM_FILE", "type": "path", "place": "file"},
            "model": {"env": "CM_MODEL", "type": "path", "place": "existing"},
        },
    },
    "measure": {
        "inputs": {"log": {"env": "CM_LOG", "type": "path", "place": "file"}},
        "env_keys": ["CM_THREADS"],
    },
}


def check(env: dict[str, str] | None = None, **inputs: str) -> None:
    check_machine(plan_of(SCRIPTS, "run", inputs=inputs, env=env), request_of("run", inputs=inputs, env=env))


def refusal(env: dict[str, str] | None = None, **inputs: str) -> str:
    with pytest.raises(RequestError) as caught:
        check(env, **inputs)
    return str(caught.value)


@pytest.fixture
def two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_groups, "usable_cpus", lambda: 2)


@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize(("name", "value"), [("threads", "3"), ("counts", "1,64"), ("counts", "1;3")])
def test_more_cpus_than_the_process_may_use(name: str, value: str) -> None:
    most = "must be at most 2, the number of CPUs that the process may use"
    assert refusal(**{name: value}) == f"--{name}={value}: {most}"


@pytest.mark.usefixtures("two_cpus")
def test_usable_values_pass(tmp_path: Path) -> None:
    (tmp_path / "m").touch()

    check(threads="2", counts="1,2", out_dir=f"{tmp_path}/a/b", file=f"{tmp_path}/f", model=f"{tmp_path}/m")
    check_folders([("--home", tmp_path / "new")])


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "f").touch()

    assert refusal(out_dir=f"{tmp_path}/f") == (
        f"--out_dir={tmp_path}/f: cannot be written: it is not a folder; name another, or move the file away"
    )
    assert f"{tmp_path}/f cannot be written: it is not a folder" in refusal(out_dir=f"{tmp_path}/f/below/it")
    assert f"{tmp_path}/f cannot be written: it is not a folder" in refusal(file=f"{tmp_path}/f/x.tar")


def test_a_broken_link_in_the_way_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")

    assert "is not a folder" in refusal(out_dir=f"{tmp_path}/link")


def test_a_folder_in_the_way_of_a_file(tmp_path: Path) -> None:
    assert refusal(file=str(tmp_path)) == f"--file={tmp_path}: is a folder; name a file"


def test_a_missing_file(tmp_path: Path) -> None:
    assert "nothing is there" in refusal(model=f"{tmp_path}/none")
    assert "nothing is there" in refusal(model=f"{tmp_path}/{'x' * 300}")
    assert "unknown user" in refusal(model="~nobody-of-this-name/m")


def test_names_and_paths_that_are_too_long(tmp_path: Path) -> None:
    assert "has a name of 300 bytes; a name may have 255" in refusal(out_dir=f"{tmp_path}/{'x' * 300}/b")
    assert "has a name of 256 bytes" in refusal(file=f"{tmp_path}/{'x' * 256}")
    assert "bytes; at most 3072 are possible" in refusal(out_dir=str(tmp_path) + "/xxxx" * 700)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.open", refuse)

    assert refusal(out_dir=f"{tmp_path}/new") == (
        f"--out_dir={tmp_path}/new: {tmp_path} cannot be written ({os.strerror(code)}); name another folder"
    )
    with pytest.raises(RequestError, match=rf"^--home={tmp_path}: cannot be written"):
        check_folders([("--home", tmp_path)])


def test_a_file_system_without_nameless_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr("os.open", refuse)

    check(out_dir=f"{tmp_path}/new")
    assert list(tmp_path.iterdir()) == []


def test_kernel_folders_cannot_be_written() -> None:
    assert "/proc cannot be written" in refusal(out_dir="/proc/new")


def test_keys_of_env_and_of_dependencies_are_checked(tmp_path: Path) -> None:
    assert refusal({"CM_OUT_DIR": "/dev/null"}).startswith("--env.CM_OUT_DIR=/dev/null: cannot be written: it is not")
    assert refusal({"CM_LOG": str(tmp_path)}) == f"--env.CM_LOG={tmp_path}: is a folder; name a file"
