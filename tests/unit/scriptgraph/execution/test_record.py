"""The record is complete JSON at any moment, in a folder of its own."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from mlperf_home.product import PRODUCT
from scriptgraph.execution.record import Record, StepRecord, host_facts, new_run_folder
from scriptgraph.files.digest_log import DigestLog


def test_everything_is_in_the_file(tmp_path: Path) -> None:
    step = StepRecord("x,_v", "x", "1.0", start_ns=2)
    step.status, step.end_ns, step.exports = "done", 3, {"CM_P": Path("/p"), "CM_L": ("a",)}
    record = Record(PRODUCT.schema("record"), "f" * 64, {"tags": "x"}, start_ns=1)
    record.status, record.end_ns, record.exports = "done", 4, {"CM_P": "/p"}
    record.steps.append(step)

    record.write(tmp_path / "record.json", DigestLog(tmp_path))

    written = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert written["schema"] == PRODUCT.schema("record")
    assert written["plan_fingerprint"] == "f" * 64
    assert (written["status"], written["error"], written["exports"]) == ("done", None, {"CM_P": "/p"})
    assert written["steps"] == [
        {
            "title": "x,_v", "alias": "x", "version": "1.0", "status": "done", "cache_key": None, "reason": None,
            "start_ns": 2, "end_ns": 3, "commands": [], "exports": {"CM_P": "/p", "CM_L": ["a"]}, "messages": [],
            "log": None,
        }
    ]  # fmt: skip


def test_a_record_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.json"
    Record(PRODUCT.schema("record"), "1", {}).write(path, DigestLog(tmp_path / "state"))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("scriptgraph.files.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Record(PRODUCT.schema("record"), "2", {}).write(path, DigestLog(tmp_path / "state"))

    assert json.loads(path.read_text(encoding="utf-8"))["plan_fingerprint"] == "1"
    assert [each for each in tmp_path.iterdir() if each.is_file()] == [path]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://me:secret@host.example/a.git", "https://***@host.example/a.git"),
        ("https://secret@host.example", "https://***@host.example"),
        ("see ssh://git@host.example and mail me@host.example", "see ssh://git@host.example and mail me@host.example"),
        ("ssh://me:secret@host.example:22/a", "ssh://***@host.example:22/a"),
        (
            "https://host.example:8443/a and ftp://host.example:21/b@c",
            "https://host.example:8443/a and ftp://host.example:21/b@c",
        ),
        ("https://host.example/user@home", "https://host.example/user@home"),
    ],
)
def test_credentials_are_masked(tmp_path: Path, written: str, kept: str) -> None:
    path = tmp_path / "record.json"
    record = Record(PRODUCT.schema("record"), "f", {"inputs": {"repo_url": written}, "cmd": [f"--repo_url={written}"]})
    record.error = f"{written}: refused"
    record.write(path, DigestLog(tmp_path))
    document = json.loads(path.read_text("utf-8"))
    assert document["request"] == {"inputs": {"repo_url": kept}, "cmd": [f"--repo_url={kept}"]}
    assert document["error"] == f"{kept}: refused"


def test_it_begins_as_running() -> None:
    assert Record(PRODUCT.schema("record"), "1", {}).status == "running"
    assert StepRecord("x", "x", "").status == "failed"


def test_run_folders_never_meet_and_sort_by_time(tmp_path: Path) -> None:
    folders = [new_run_folder(tmp_path, "x") for _ in range(20)]

    assert len(set(folders)) == 20
    assert sorted(folders) == folders
    assert all((folder / "logs").is_dir() for folder in folders)


def test_the_machine_and_missing_packages_are_recorded() -> None:
    facts = host_facts(PRODUCT.packages)

    assert facts["python"] == sys.version.split()[0]
    assert set(facts["packages"]) == {"mlperf-home", "cmind", "uv"}
    assert (facts["system"], facts["machine"]) == (platform.platform(), platform.machine())
    assert facts["packages"]["cmind"] == version("cmind")


def test_a_missing_package_has_no_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cmind-9.dist-info").mkdir()
    (tmp_path / "uv-9.dist-info").mkdir()
    (tmp_path / "uv-9.dist-info" / "METADATA").write_text("Name: uv\nVersion: 9.post1\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "absent"), str(tmp_path)])

    assert host_facts(PRODUCT.packages)["packages"] == {"mlperf-home": None, "cmind": None, "uv": "9.post1"}
