"""Damaged and hostile archives that their readers do not expect are refused, in bounded time and memory."""

from __future__ import annotations

import gzip
import struct
import tarfile
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import pytest
from tar_blocks import END, header, padded, pax, record

from scriptgraph.fetch.archive import ArchiveError, extract
from scriptgraph.fetch.archive_limits import UnpackLimits

if TYPE_CHECKING:
    from pathlib import Path


def refused(archive: Path, limits: UnpackLimits = UnpackLimits()) -> str:  # noqa: B008 - frozen
    with pytest.raises(ArchiveError) as failure:
        extract(archive, archive.parent / "out", limits)
    assert not (archive.parent / "out").exists()
    return str(failure.value).removeprefix(str(archive))


def written(folder: Path, name: str, content: bytes | bytearray) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def zipped(path: Path, compression: int = zipfile.ZIP_STORED, name: str = "f", content: bytes = b"weights") -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(name, content)
    return path


LINKS = {
    "a NUL in its target": (pax(record("linkpath", "a\0b")) + header("l", tarfile.SYMTYPE, link="t"), "a NUL"),
    "no target": (header("l", tarfile.SYMTYPE), "an empty path"),
    "a target of a megabyte": (
        header(kind=tarfile.GNUTYPE_LONGLINK, size=1 << 19) + b"t" * (1 << 19) + header("l", tarfile.SYMTYPE),
        "more than 1024 characters",
    ),
    "a chain of links": (
        b"".join(header(f"l{n}", tarfile.SYMTYPE, link=f"l{n + 1}") for n in range(2000)) + header("l2000"),
        "a cycle or a long chain",
    ),
    "a deep path": (pax(record("path", "a/" * 500 + "f")) + header(), "100 folders"),
}


@pytest.mark.parametrize("name", LINKS)
def test_a_link_or_path_without_end_is_refused(tmp_path: Path, name: str) -> None:
    blocks, problem = LINKS[name]

    assert problem in refused(written(tmp_path, "bad.tar", blocks + END))


def test_a_name_cannot_send_escapes_to_the_terminal(tmp_path: Path) -> None:
    tar = header("d") + header("d/\x1b[2J\n") + header("l\x1b[2J", tarfile.SYMTYPE, link="/\x1b[2J") + END

    assert refused(written(tmp_path, "bad.tar", tar)).isprintable()


def test_the_member_before_the_damage_is_not_blamed(tmp_path: Path) -> None:
    tar = header("innocent") + header("d") + pax(b"broken") + header("f") + END

    assert "innocent" not in refused(written(tmp_path, "bad.tar", tar))


def test_damage_that_only_the_checksum_shows_is_found(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(header(size=3) + padded(b"abc") + END, 0))
    packed[packed.index(b"abc")] ^= 1

    assert "CRC check failed" in refused(written(tmp_path, "bad.tar.gz", packed))


def test_gigabytes_behind_the_end_are_not_read(tmp_path: Path) -> None:
    packed = gzip.compress(header() + END) + gzip.compress(bytes(1 << 24), 1) * 400

    assert "more than 16,777,216 bytes behind its end" in refused(written(tmp_path, "bad.tar.gz", packed))


def test_gigabytes_that_are_skipped_are_counted(tmp_path: Path) -> None:
    tar = header("folder", tarfile.DIRTYPE) + header("unknown", b"Z", size=1 << 24) + bytes(1 << 24) + END
    sparse = pax(record("GNU.sparse.map", "0,0") + record("GNU.sparse.size", "0")) + header(size=1 << 24)

    assert "more than 1,000,000 bytes" in refused(
        written(tmp_path, "bad.tar.gz", gzip.compress(sparse + bytes(1 << 24) + END)),
        UnpackLimits(total_bytes=1_000_000),
    )
    assert "unknown type" in refused(written(tmp_path, "worse.tar.gz", gzip.compress(tar)))


def test_an_unknown_compression_of_a_zip_is_named(tmp_path: Path) -> None:
    content = zipped(tmp_path / "a.zip").read_bytes()
    central = content.index(b"PK\x01\x02")
    changed = content[:8] + b"\x63\0" + content[10 : central + 10] + b"\x63\0" + content[central + 12 :]

    assert "compression" in refused(written(tmp_path, "bad.zip", changed))


def test_a_zip_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    content = zipped(tmp_path / "a.zip", name="\u00e9").read_bytes()

    assert "is damaged ('utf-8' codec" in refused(
        written(tmp_path, "bad.zip", content.replace(b"\xc3\xa9", b"\xff\xff"))
    )


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0xFFFFFFFE])
def test_a_table_of_contents_of_gigabytes_is_refused(tmp_path: Path, size: int) -> None:
    content = bytearray(zipped(tmp_path / "a.zip").read_bytes())
    end = content.index(b"PK\x05\x06")
    content[end + 12 : end + 16] = struct.pack("<L", size)

    refused(written(tmp_path, "bad.zip", content))


def test_a_long_table_of_contents_is_not_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(200):
            archive.writestr(zipfile.ZipInfo(f"{number}" + "x" * 9000), b"")

    limits = UnpackLimits(members=10)

    assert "has a table of contents of 1," in refused(tmp_path / "a.zip", limits)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bomb_in_a_zip_does_not_fill_the_memory(tmp_path: Path, compression: int) -> None:
    archive = zipped(tmp_path / "bomb.zip", compression, content=bytes(100 << 20))
    tracemalloc.start()
    try:
        assert "more than 3,000,000 bytes" in refused(archive, UnpackLimits(total_bytes=3_000_000))
        assert tracemalloc.get_traced_memory()[1] < 80 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zips_are_unpacked_in_every_compression(tmp_path: Path, compression: int) -> None:
    files = extract(zipped(tmp_path / "a.zip", compression, content=b"weights " * 500_000), tmp_path / "out")

    assert files[0].read_bytes() == b"weights " * 500_000


def test_a_wrong_checksum_in_a_bzip2_zip_is_found(tmp_path: Path) -> None:
    content = bytearray(zipped(tmp_path / "a.zip", zipfile.ZIP_BZIP2).read_bytes())
    content[content.index(b"PK\x01\x02") + 16] ^= 1

    assert "wrong size or checksum" in refused(written(tmp_path, "bad.zip", content))
