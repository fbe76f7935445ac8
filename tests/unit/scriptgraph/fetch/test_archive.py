"""Archives are unpacked completely; hostile and damaged ones are refused."""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import io
import lzma
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from scriptgraph.fetch import archive_readers
from scriptgraph.fetch.archive import ArchiveError, extract
from scriptgraph.fetch.archive_limits import UnpackLimits

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT = b"weights " * 1000


class Tar:
    """Builds a tar archive with any kind of member."""

    def __init__(self, path: Path, mode: Any = "w") -> None:
        self.path = path
        self._tar = tarfile.open(path, mode)  # noqa: SIM115 - done() closes it

    def add(self, name: str, content: bytes = b"x", *, kind: bytes = tarfile.REGTYPE, **fields: Any) -> Tar:
        entry = tarfile.TarInfo(name)
        entry.type = kind
        entry.size = len(content) if kind == tarfile.REGTYPE else 0
        for field, value in fields.items():
            setattr(entry, field, value)
        self._tar.addfile(entry, io.BytesIO(content) if kind == tarfile.REGTYPE else None)
        return self

    def link(self, name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> Tar:
        return self.add(name, kind=kind, linkname=target)

    def done(self) -> Path:
        self._tar.close()
        return self.path


class Zip:
    """Builds a zip archive."""

    def __init__(self, path: Path, compression: int = zipfile.ZIP_DEFLATED) -> None:
        self.path = path
        self._zip = zipfile.ZipFile(path, "w", compression)

    def add(self, name: str, content: bytes = b"x", mode: int = 0) -> Zip:
        entry = zipfile.ZipInfo(name)
        entry.compress_type = self._zip.compression
        entry.external_attr = mode << 16
        self._zip.writestr(entry, content)
        return self

    def done(self) -> Path:
        self._zip.close()
        return self.path


def tree(folder: Path) -> dict[str, bytes | str]:
    """Return everything below a folder: content of files, targets of links, "" for folders."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = path.read_bytes() if path.is_file() else ""
    return found


def refused(archive: Path, limits: UnpackLimits = UnpackLimits()) -> str:  # noqa: B008 - frozen
    """Return the error of unpacking an archive; no file may remain in the destination or beside it."""
    destination = archive.parent / "unpacked" / "here"
    with pytest.raises(ArchiveError) as failure:
        extract(archive, destination, limits)
    assert not destination.parent.exists() or list(destination.parent.iterdir()) == []
    assert "\n" not in str(failure.value)
    assert str(failure.value).startswith(str(archive))
    return str(failure.value)


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.txz", "w:xz"), ("download", "w:bz2")]
)
def test_tars_are_unpacked_in_every_compression(tmp_path: Path, name: str, mode: str) -> None:
    tar = Tar(tmp_path / name, mode)
    tar.add("./", kind=tarfile.DIRTYPE).add("./model/a.onnx", CONTENT).add("model/run.sh", b"#!", mode=0o4755)
    tar.add("empty", kind=tarfile.DIRTYPE).link("model/latest", "a.onnx")
    tar.link("copy", "model/a.onnx", tarfile.LNKTYPE)

    files = extract(tar.done(), tmp_path / "out")

    out = tmp_path / "out"
    assert [path.relative_to(out).as_posix() for path in files] == [
        "model/a.onnx",
        "model/run.sh",
        "model/latest",
        "copy",
    ]
    assert tree(out) == {
        "copy": CONTENT,
        "empty": "",
        "model": "",
        "model/a.onnx": CONTENT,
        "model/latest": "a.onnx",
        "model/run.sh": b"#!",
    }
    assert stat.S_IMODE((out / "model/run.sh").stat().st_mode) == 0o755  # no setuid bit
    assert not (out / "model/a.onnx").stat().st_mode & stat.S_IXUSR


def test_a_zip_is_unpacked_with_folders_links_and_modes(tmp_path: Path) -> None:
    archive = Zip(tmp_path / "a.zip").add("d/").add("d/f", CONTENT).add("run", b"#!", stat.S_IFREG | 0o6755)
    archive.add("link", b"d/f", stat.S_IFLNK | 0o777)

    extract(archive.done(), tmp_path / "out")

    assert tree(tmp_path / "out") == {"d": "", "d/f": CONTENT, "link": "d/f", "run": b"#!"}
    assert stat.S_IMODE((tmp_path / "out/run").stat().st_mode) == 0o755


@pytest.mark.parametrize(("suffix", "compress"), [("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)])
def test_a_single_file_is_decompressed(tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    archive = tmp_path / f"model.onnx.{suffix}"
    archive.write_bytes(compress(CONTENT))

    assert extract(archive, tmp_path / "out") == (tmp_path / "out" / "model.onnx",)
    assert tree(tmp_path / "out") == {"model.onnx": CONTENT}


def test_zstandard_is_unpacked_or_names_its_requirement(tmp_path: Path) -> None:
    # One frame with the raw block "hello" (RFC 8878).
    archive = tmp_path / "word.zst"
    archive.write_bytes(bytes.fromhex("28b52ffd2005290000") + b"hello")
    try:
        assert tree(extract(archive, tmp_path / "out")[0].parent) == {"word": b"hello"}
    except ArchiveError as error:
        assert "Zstandard needs Python 3.14 or the package backports.zstd" in str(error)  # noqa: PT017 - either is right


def test_tars_with_no_and_with_many_members_are_unpacked(tmp_path: Path) -> None:
    assert extract(Tar(tmp_path / "empty.tar").done(), tmp_path / "none") == ()
    many = Tar(tmp_path / "many.tar.gz", "w:gz")
    for n in range(2000):
        many.add(f"images/{n}.jpeg", b"%d" % n * 300)

    files = extract(many.done(), tmp_path / "out")

    assert len(files) == 2000
    assert files[1234].read_bytes() == b"1234" * 300


def test_a_name_that_needs_a_long_header_is_unpacked(tmp_path: Path) -> None:
    name = "/".join(["folder" * 10] * 8) + "/fil\u00e9"

    assert extract(Tar(tmp_path / "a.tar").add(name).done(), tmp_path / "out") == (tmp_path / "out" / name,)


def test_an_existing_folder_is_filled_only_if_it_is_empty(tmp_path: Path) -> None:
    archive = Tar(tmp_path / "a.tar").add("f").done()
    out = tmp_path / "out"
    out.mkdir()

    extract(archive, out)

    with pytest.raises(ArchiveError, match="is not empty; name another folder"):
        extract(archive, out)
    assert tree(out) == {"f": b"x"}


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
