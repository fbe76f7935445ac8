"""Hostile archives are refused before a file of theirs is written."""

from __future__ import annotations

import lzma
import stat
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from archives import CONTENT, Tar, Zip, refused

from scriptgraph.fetch.archive import extract
from scriptgraph.fetch.archive_limits import UnpackLimits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOSTILE_TARS: dict[str, tuple[Callable[[Tar], Any], str]] = {
    "absolute": (lambda tar: tar.add("/etc/passwd"), "has an absolute path"),
    "climbing": (lambda tar: tar.add("a/../../f"), "has '..' in its path"),
    "climbing folder": (lambda tar: tar.add("..", kind=tarfile.DIRTYPE), "has '..' in its path"),
    "backslash": (lambda tar: tar.add("..\\f"), "backslash"),
    "root as a file": (lambda tar: tar.add("."), "the destination folder itself"),
    "root as a link": (lambda tar: tar.link("./", "/etc"), "the destination folder itself"),
    "link out": (lambda tar: tar.link("f", "../../f"), "leads out of the folder"),
    "absolute link": (lambda tar: tar.link("f", "/etc/passwd"), "the absolute path /etc/passwd"),
    "write through a link": (lambda tar: tar.link("d", ".").add("d/f"), "lies below d, which is a symbolic link"),
    "link over a folder": (lambda tar: tar.add("d/f").link("d", ".."), "has the name of an earlier member"),
    "links that climb together": (
        lambda tar: tar.add("a/b/f").link("a/b/up", "../..").link("out", "a/b/up/../f"),
        "the link out leads out of the folder",
    ),
    "cycle": (lambda tar: tar.link("a", "b").link("b", "a"), "is part of a cycle"),
    "hard link out": (lambda tar: tar.link("f", "/etc/passwd", tarfile.LNKTYPE), "has an absolute path"),
    "climbing hard link": (lambda tar: tar.link("f", "../f", tarfile.LNKTYPE), "has '..' in its path"),
    "hard link to a symbolic link": (
        lambda tar: tar.link("a", "b").link("f", "a", tarfile.LNKTYPE),
        "not an earlier file of the archive",
    ),
    "hard link to a later file": (
        lambda tar: tar.link("f", "g", tarfile.LNKTYPE).add("g"),
        "not an earlier file of the archive",
    ),
    "character device": (lambda tar: tar.add("f", kind=tarfile.CHRTYPE), ": is a device"),
    "block device": (lambda tar: tar.add("f", kind=tarfile.BLKTYPE), ": is a device"),
    "pipe": (lambda tar: tar.add("f", kind=tarfile.FIFOTYPE), ": is a named pipe"),
    "twice": (lambda tar: tar.add("f").add("./f"), "has the name of an earlier member"),
    "file and folder": (lambda tar: tar.add("f").add("f/g"), "lies below f, which is a file"),
    "too long": (
        lambda tar: tar.add("/".join(["x" * 100] * 11)),
        "has a path of more than 1024 characters or 100 folders",
    ),
}


def test_at_least_twenty_kinds_of_hostile_tars_are_tested() -> None:
    assert len(HOSTILE_TARS) >= 20


@pytest.mark.parametrize("name", HOSTILE_TARS)
def test_a_hostile_tar_is_refused(tmp_path: Path, name: str) -> None:
    build, problem = HOSTILE_TARS[name]
    tar = Tar(tmp_path / "bad.tar").add("innocent", CONTENT)
    build(tar)

    assert problem in refused(tar.done())
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("name", "content", "mode", "problem"),
    [
        ("/etc/passwd", b"x", 0, "has an absolute path"),
        ("../f", b"x", 0, "has '..' in its path"),
        ("C:\\f", b"x", 0, "backslash"),
        ("f", b"../../f", stat.S_IFLNK | 0o777, "leads out of the folder"),
        ("f", b"/etc/passwd", stat.S_IFLNK | 0o777, "the absolute path"),
        ("f", b"", stat.S_IFCHR | 0o666, ": is a device, pipe or socket"),
        ("f", b"", stat.S_IFIFO | 0o666, ": is a device, pipe or socket"),
        ("innocent", b"x", 0, "has the name of an earlier member"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_zip_is_refused(tmp_path: Path, name: str, content: bytes, mode: int, problem: str) -> None:
    archive = Zip(tmp_path / "bad.zip").add("innocent", CONTENT).add(name, content, mode)

    assert problem in refused(archive.done())


def test_a_zip_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    archive = Zip(tmp_path / "bad.zip").add("innocent@/../f").done()
    archive.write_bytes(archive.read_bytes().replace(b"@", b"\0"))

    assert "NUL" in refused(archive)


def test_the_refused_member_is_named(tmp_path: Path) -> None:
    text = refused(Tar(tmp_path / "bad.tar").add("fine").add("../evil").done())

    assert "member '../evil': has '..' in its path" in text
    assert text.endswith("; nothing was unpacked")


@pytest.mark.parametrize("make", [lambda path: Tar(path, "w:gz"), Zip])
def test_bombs_are_stopped_while_they_unpack(tmp_path: Path, make: Callable[[Path], Any]) -> None:
    archive = make(tmp_path / "bomb").add("a", bytes(1 << 20)).add("b", bytes(4 << 20)).done()

    assert "more than 2,000,000 bytes" in refused(archive, UnpackLimits(total_bytes=2_000_000))
    assert "more than 100 times its" in refused(archive, UnpackLimits(ratio=100, free_bytes=1 << 20))
    assert ": the archive has more than 1 members" in refused(archive, UnpackLimits(members=1))
    assert len(extract(archive, tmp_path / "out", UnpackLimits(ratio=100))) == 2  # free_bytes allows any ratio


def test_a_compressed_file_can_be_a_bomb_too(tmp_path: Path) -> None:
    archive = tmp_path / "f.xz"
    archive.write_bytes(lzma.compress(bytes(8 << 20)))

    assert "more than 3,000,000 bytes" in refused(archive, UnpackLimits(total_bytes=3_000_000))


def test_a_tar_header_cannot_fill_the_memory(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("long")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    archive = tmp_path / "bad.tar"
    archive.write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + bytes(1024))

    assert "has a header with a size of 8,589,934,592 bytes" in refused(archive)
