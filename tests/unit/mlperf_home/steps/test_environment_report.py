"""A bug report has what is needed to understand it, and nothing that names a person, a machine or a network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from mlperf_home.steps.environment_report import PACKAGES, Identity, last_failure, machine_lines, software_lines

if TYPE_CHECKING:
    from scriptgraph.api import Context

ALICE = Identity("/home/alice", "alice", "lab-7.example.net")


class Detected:
    """Stands for a step's context."""

    def __init__(self, **env: int | str) -> None:
        self._env = env

    def text(self, key: str, default: str) -> str:
        return str(self._env.get(key, default))

    def whole(self, key: str) -> int | None:
        found = self._env.get(key)
        return None if found is None else int(found)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/alice/CM/x", "~/CM/x"),
        ("CM_REPOS: /home/alice", "CM_REPOS: ~"),
        ("/home/alice2/CM", "/home/alice2/CM"),
        ("/data/alice/CM", "/data/<user>/CM"),
        ("on lab-7.example.net, on lab-7", "on <machine>, on <machine>"),
        ("https://me:secret@mirror.lab/a.zip: status 404", "https://<address>/a.zip: status 404"),
        ("write to me@example.org", "write to <address>"),
        ("10.0.0.17 and fe80::1ff:fe23:4567:890a", "<address> and <address>"),
        ("[::1]:8080 refused", "[<address>]:8080 refused"),
        ("10.0.0.5:3128 refused", "<address>:3128 refused"),
        ("10.0.0.5: refused", "<address>: refused"),
        ("fe80::1: refused", "<address>: refused"),
        ("on LAB-7", "on <machine>"),
        ("52:54:00:12:34:56", "<address>"),
        ("onnx 1.14.1 at 12:34:56, glibc 2.36", "onnx 1.14.1 at 12:34:56, glibc 2.36"),
        ("malice is no name", "malice is no name"),
    ],
)
def test_names_and_addresses_are_left_out(text: str, shown: str) -> None:
    assert ALICE.removed_from(text) == shown


def test_root_and_localhost_name_nobody() -> None:
    text = "/root/CM, the root of localhost"

    assert Identity("/root", "root", "localhost").removed_from(text) == "~/CM, the root of localhost"
    assert Identity("/", "", "").removed_from("/a/b") == "/a/b"


def test_the_machine_is_shown_as_detected() -> None:
    detected = Detected(CM_HOST_CPU_MODEL_NAME="A CPU", CM_HOST_CPU_SOCKETS=2, CM_HOST_MEMORY_BYTES=3 << 30)

    lines = list(machine_lines(cast("Context", detected)))

    assert "CPU: A CPU" in lines
    assert "memory: 3.0 GiB" in lines
    assert "cores: unknown physical in 2 sockets, unknown logical, unknown usable" in lines


def test_software_and_cached_environments_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CM_REPOS", "/data/CM")

    lines = list(software_lines({"return": 0, "entries": [{"title": "b"}, {"title": "a"}, {"title": "b"}]}))

    assert "CM_REPOS: /data/CM" in lines
    assert "cached environments: a; b" in lines
    assert any(re.search(r"^packages: .*\bcmind 4\.", line) for line in lines)


def test_a_cache_that_cannot_be_read_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CM_REPOS", raising=False)

    lines = list(software_lines({"return": 1, "error": "broken"}))

    assert "CM_REPOS: not set; ~/CM" in lines
    assert "cached environments: unknown (broken)" in lines


def test_every_dependency_of_the_project_is_shown() -> None:
    text = (Path(__file__).parents[4] / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert listed

    assert ("mlperf-home", *re.findall(r'"([\w-]+)', listed[1])) == PACKAGES


def record(folder: Path, **document: Any) -> None:
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps(document), encoding="utf-8")


class TestLastFailure:
    def test_the_newest_failed_run_is_named_with_its_error_and_log(self, tmp_path: Path) -> None:
        steps = [{"status": "failed", "log": "logs/2-b.log"}, {"status": "done", "log": "logs/1-a.log"}]
        record(tmp_path / "1-old", status="failed", error="old", steps=[])
        record(tmp_path / "2-new", status="failed", error="new: broken\nmore", steps=steps)
        record(tmp_path / "3-done", status="done", error=None, steps=[])

        assert list(last_failure(tmp_path)) == [
            "last failed run: 2-new",
            "error: new: broken",
            f"log: {tmp_path}/2-new/logs/2-b.log",
        ]

    @pytest.mark.parametrize("document", [b"{", b"[]", b'{"status": "running"}', b"\xff"])
    def test_records_that_cannot_be_read_are_passed_over(self, tmp_path: Path, document: bytes) -> None:
        (tmp_path / "1-broken").mkdir()
        (tmp_path / "1-broken/record.json").write_bytes(document)

        assert list(last_failure(tmp_path)) == ["last failed run: none among 1 records"]

    def test_a_failure_before_any_step_has_no_log(self, tmp_path: Path) -> None:
        record(tmp_path / "1-run", status="failed", error=None, steps=None)

        assert list(last_failure(tmp_path))[1:] == ["error: unknown", "log: none"]

    def test_without_records_none_failed(self, tmp_path: Path) -> None:
        assert list(last_failure(tmp_path / "absent")) == ["last failed run: none among 0 records"]
