"""Hashes are recorded by address, without the address's secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scriptgraph.errors import DocumentError
from scriptgraph.fetch.hashes import HashError, RecordedHashes

if TYPE_CHECKING:
    from pathlib import Path

AB, CD = f"sha256:{'ab' * 32}", f"sha256:{'cd' * 32}"
SIGNED = "https://user:password@host.example/a.bin?signature=secret"


def test_an_address_is_recorded_without_its_secret(tmp_path: Path) -> None:
    recorded = RecordedHashes(tmp_path / "hashes.json")
    recorded.keep([SIGNED, "https://host.example/b.bin"], AB)

    text = (tmp_path / "hashes.json").read_text()
    assert "password" not in text
    assert "secret" not in text
    assert "https://host.example/b.bin" in text
    assert recorded.find([SIGNED]) == AB
    assert recorded.find([SIGNED.replace("secret", "other")]) is None


def test_a_recorded_hash_is_not_replaced(tmp_path: Path) -> None:
    recorded = RecordedHashes(tmp_path / "hashes.json")
    urls = ["https://host.example/a.bin", "https://host.example/b.bin"]
    recorded.keep(urls[1:], AB)

    with pytest.raises(HashError, match="another run recorded sha256:abab"):
        recorded.keep(urls, CD)

    assert recorded.find(urls) == AB
    assert recorded.find(urls[:1]) is None
    recorded.keep(urls, AB)
    assert recorded.find(urls[:1]) == AB


def test_the_hash_of_a_damaged_file_is_forgotten(tmp_path: Path) -> None:
    recorded = RecordedHashes(tmp_path / "hashes.json")
    recorded.keep(["https://host.example/b.bin"], AB)

    assert not recorded.refuse(CD)
    assert recorded.refuse(AB)
    assert recorded.refused(AB)
    assert not recorded.refused(CD)
    assert recorded.find(["https://host.example/b.bin"]) is None
    recorded.keep(["https://host.example/b.bin"], CD)
    assert recorded.find(["https://host.example/b.bin"]) == CD


DAMAGED = {
    "cut": b'{"https://host.example/b.bin": "sha256:ab',
    "empty": b"",
    "zeros": bytes(100),
    "no text": b"\xff\xfe",
    "a list": b"[]",
    "nested": b"[" * 100_000,
    "a short hash": b'{"https://host.example/b.bin": "sha256:ab"}',
    "no hash": b'{"https://host.example/b.bin": ""}',
    "a number": b'{"https://host.example/b.bin": 1}',
    "a name twice": b'{"a": "damaged", "a": "damaged"}',
}
USES: dict[str, Any] = {
    "find": lambda recorded: recorded.find(["https://host.example/b.bin"]),
    "keep": lambda recorded: recorded.keep(["https://host.example/b.bin"], CD),
    "refuse": lambda recorded: recorded.refuse(CD),
    "refused": lambda recorded: recorded.refused(CD),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_record_is_never_forgotten(tmp_path: Path, damage: str, use: str) -> None:
    path = tmp_path / "hashes.json"
    path.write_bytes(DAMAGED[damage])

    with pytest.raises(DocumentError, match="restore it from a backup, or remove it") as failure:
        USES[use](RecordedHashes(path))

    assert str(failure.value).startswith(str(path))
    assert path.read_bytes() == DAMAGED[damage]


def test_a_record_that_cannot_be_read_is_not_empty(tmp_path: Path) -> None:
    path = tmp_path / "hashes.json"
    path.symlink_to(tmp_path / "gone.json")

    with pytest.raises(DocumentError, match="cannot be read"):
        RecordedHashes(path).find(["https://host.example/b.bin"])
