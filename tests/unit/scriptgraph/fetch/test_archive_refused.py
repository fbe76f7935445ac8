"""Archives that are cut, damaged or of an unknown kind are refused, and nothing is unpacked."""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import io
import lzma
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from archives import CONTENT, Tar, Zip, refused

from scriptgraph.fetch import archive_readers

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_tar_is_refused(tmp_path: Path, mode: str, share: float) -> None:
    noise = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(2000))
    archive = Tar(tmp_path / "a.tar", mode).add("a", noise).add("b", noise).done()
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * share)])

    assert "damaged" in refused(archive)


def test_a_tar_truncated_between_members_is_refused(tmp_path: Path) -> None:
    archive = Tar(tmp_path / "a.tar").add("a", bytes(512)).add("b").done()
    archive.write_bytes(archive.read_bytes()[:1024])

    assert "incomplete after member 'a'" in refused(archive)


def test_a_damaged_header_does_not_count_as_the_end(tmp_path: Path) -> None:
    archive = Tar(tmp_path / "a.tar").add("a", bytes(512)).add("b").done()
    content = bytearray(archive.read_bytes())
    content[1024 + 10] ^= 1
    archive.write_bytes(content)

    assert "damaged" in refused(archive)


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress])
def test_flipped_bits_in_a_compressed_file_are_detected(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    content = bytearray(compress(CONTENT))
    content[len(content) // 2] ^= 0xFF
    archive = tmp_path / "model.onnx.packed"
    archive.write_bytes(content)

    assert "damaged" in refused(archive)


def test_damage_to_a_zip_is_detected(tmp_path: Path) -> None:
    whole = Zip(tmp_path / "a.zip", zipfile.ZIP_STORED).add("f", CONTENT).done()
    content = whole.read_bytes()
    flipped = tmp_path / "flipped.zip"
    flipped.write_bytes(content.replace(b"weights weights", b"weights weightz", 1))
    cut = tmp_path / "cut.zip"
    cut.write_bytes(content[:-30])

    assert "damaged" in refused(flipped)
    assert "damaged" in refused(cut)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    archive = Zip(tmp_path / "a.zip").add("f").done()
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # general purpose bit 0: encrypted
    archive.write_bytes(content)

    assert "is encrypted; unpack it with its password" in refused(archive)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(100), "is a 7z archive, which is not supported"),
        ("a.rar", b"Rar!\x1a\x07\x00" + bytes(100), "is a rar archive, which is not supported"),
        ("a.tar.gz", gzip.compress(b"<html>404</html>" * 100, mtime=0), "its content is not a tar archive"),
        ("a.tar", b"<html>404</html>" * 100, "its content is not a tar archive"),
        ("a.bin", b"not an archive" * 100, "is not a supported archive"),
        ("empty", b"", "is not a supported archive"),
    ],
)
def test_a_file_that_is_not_an_archive_is_refused(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    archive = tmp_path / name
    archive.write_bytes(content)

    assert problem in refused(archive)


def test_an_absent_file_and_a_folder_are_reported(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "absent.tar")
    assert "is a folder, not an archive" in refused(tmp_path)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if mode == "xb":
            return Full()
        return opened(self, mode, *rest, **more)

    class Full(io.BytesIO):
        def write(self, _chunk: object) -> NoReturn:
            raise OSError(errno.ENOSPC, "No space left on device")

    archive = Tar(tmp_path / "a.tar").add("f").done()
    opened = Path.open
    monkeypatch.setattr(Path, "open", full)

    assert "member 'f': the disk is full" in refused(archive)


def test_missing_zstandard_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> NoReturn:
        raise ImportError(name)

    monkeypatch.setattr(archive_readers.importlib, "import_module", absent)
    archive = tmp_path / "a.tar.zst"
    archive.write_bytes(bytes.fromhex("28b52ffd2005290000") + b"hello")

    assert "Zstandard needs Python 3.14" in refused(archive)
