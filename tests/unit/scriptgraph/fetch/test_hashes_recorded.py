"""Hashes are recorded by address, without the address's secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptgraph.fetch.hashes import RecordedHashes

if TYPE_CHECKING:
    from pathlib import Path

SIGNED = "https://user:password@host.example/a.bin?signature=secret"


def test_an_address_is_recorded_without_its_secret(tmp_path: Path) -> None:
    recorded = RecordedHashes(tmp_path / "hashes.json")
    recorded.keep([SIGNED, "https://host.example/b.bin"], "sha256:ab")

    text = (tmp_path / "hashes.json").read_text()
    assert "password" not in text
    assert "secret" not in text
    assert "https://host.example/b.bin" in text
    assert recorded.find([SIGNED]) == "sha256:ab"
    assert recorded.find([SIGNED.replace("secret", "other")]) is None


def test_a_recorded_hash_is_not_replaced(tmp_path: Path) -> None:
    recorded = RecordedHashes(tmp_path / "hashes.json")
    recorded.keep(["https://host.example/b.bin"], "sha256:ab")
    recorded.keep(["https://host.example/b.bin"], "sha256:cd")

    assert recorded.find(["https://host.example/a.bin", "https://host.example/b.bin"]) == "sha256:ab"


def test_the_hash_of_a_damaged_file_is_forgotten(tmp_path: Path) -> None:
    recorded = RecordedHashes(tmp_path / "hashes.json")
    recorded.keep(["https://host.example/b.bin"], "sha256:ab")

    assert not recorded.refuse("sha256:cd")
    assert recorded.refuse("sha256:ab")
    assert recorded.refused("sha256:ab")
    assert not recorded.refused("sha256:cd")
    assert recorded.find(["https://host.example/b.bin"]) is None
    recorded.keep(["https://host.example/b.bin"], "sha256:cd")
    assert recorded.find(["https://host.example/b.bin"]) == "sha256:cd"
