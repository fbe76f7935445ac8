"""All unavailable files are listed at once, with their sources and the place to put them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tiny_scripts import plan_of

from scriptgraph.execution.before_run.required_files import MissingFilesError, list_required_files, require_reachable
from scriptgraph.execution.run_step import Download
from scriptgraph.execution.traversal import StepPreview

if TYPE_CHECKING:
    from pathlib import Path

A = Download("a.bin", ("https://user:secret@one.example/a.bin?key=1", "https://two.example/a.bin"), 7, ("sha256:ab",))
B = Download("b.bin", ("http://three.example:8080/b.bin",))


def preview(*downloads: Download) -> StepPreview:
    return StepPreview(plan_of({"x": {}}, "x").root, "make", downloads=downloads)


def test_offline_lists_everything(tmp_path: Path) -> None:
    with pytest.raises(MissingFilesError) as caught:
        require_reachable(list_required_files(preview(A, B, A), {}, tmp_path), offline=True)

    text = str(caught.value)
    assert "2 missing" in text
    assert "secret" not in text
    assert "one.example" in text
    assert str(tmp_path / "b.bin") in text
    assert "sha256:ab" in text


def test_a_file_put_there_by_the_user_is_used(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"1234567")

    require_reachable(list_required_files(preview(A), {}, tmp_path), offline=True)


def test_a_mirror_on_this_machine_is_there(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "b.bin").write_bytes(b"")
    mirrors = {"http://three.example:8080/": f"{tmp_path}/mirror/"}

    require_reachable(list_required_files(preview(B), mirrors, tmp_path / "downloads"), offline=True)


def test_one_host_that_answers_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    asked: list[tuple[str, int]] = []

    def connects(host: tuple[str, int]) -> bool:
        asked.append(host)
        return host[0] == "two.example"

    require_reachable(list_required_files(preview(A), {}, tmp_path), offline=False, connects=connects)
    with pytest.raises(MissingFilesError, match="no host with the files can be reached: 1 missing"):
        require_reachable(list_required_files(preview(A, B), {}, tmp_path), offline=False, connects=connects)
    assert ("three.example", 8080) in asked


def test_an_optional_download_stops_nothing(tmp_path: Path) -> None:
    packages = Download("packages", needed=False)

    require_reachable(list_required_files(preview(packages), {}, tmp_path), offline=True)


def test_a_list_of_hosts_without_proxy_is_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "localhost")

    with pytest.raises(MissingFilesError):
        require_reachable(list_required_files(preview(B), {}, tmp_path), offline=False, connects=lambda _host: False)
