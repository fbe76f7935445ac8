"""Mutated archives of every kind are unpacked or refused by one kind of error; nothing else escapes."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import shutil
import tarfile
import warnings
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tar_blocks import MALFORMED, sparse

from scriptgraph.fetch.archive import ArchiveError, extract
from scriptgraph.fetch.archive_limits import UnpackLimits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIMITS = UnpackLimits(members=100, total_bytes=1 << 20, ratio=100, free_bytes=1 << 16)
NOISE = hashlib.sha512(b"noise").digest() * 11


def tar_bytes(form: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form, pax_headers={"comment": "all"}) as tar:
        for name, kind, link in (
            ("folder", tarfile.DIRTYPE, ""),
            ("folder/file", tarfile.REGTYPE, ""),
            ("long/" * 30 + "\u00e9", tarfile.REGTYPE, ""),
            ("link", tarfile.SYMTYPE, "folder/" + "t" * 120),
            ("copy", tarfile.LNKTYPE, "folder/file"),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            entry.size = len(NOISE) if kind == tarfile.REGTYPE else 0
            tar.addfile(entry, io.BytesIO(NOISE) if entry.size else None)
    return packed.getvalue()


def zip_bytes(compression: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        archive.writestr("folder/", b"")
        archive.writestr("folder/f\u00e9", NOISE)
        link = zipfile.ZipInfo("link")
        link.external_attr, link.compress_type = 0o120777 << 16, compression
        archive.writestr(link, b"folder")
    return packed.getvalue()


GNU, PAX = tar_bytes(tarfile.GNU_FORMAT), tar_bytes(tarfile.PAX_FORMAT)
WHOLE: dict[str, bytes] = {
    "gnu.tar": GNU,
    "pax.tar": PAX,
    "sparse.tar": sparse(b"2\n5\n3\n10\n2\n".ljust(512, b"\0") + b"abcde", real_size=14) + bytes(1024),
    "gz.tar.gz": gzip.compress(PAX, mtime=0),
    "xz.tar.xz": lzma.compress(GNU),
    "bz2.tar.bz2": bz2.compress(PAX),
    "single.gz": gzip.compress(NOISE, mtime=0),
    "single.xz": lzma.compress(NOISE),
    "single.bz2": bz2.compress(NOISE),
    "stored.zip": zip_bytes(zipfile.ZIP_STORED),
    "deflated.zip": zip_bytes(zipfile.ZIP_DEFLATED),
    "bzip2.zip": zip_bytes(zipfile.ZIP_BZIP2),
    "lzma.zip": zip_bytes(zipfile.ZIP_LZMA),
}
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}
# A byte, a field of a header, or a cut; positions are shares of the length.
changes = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from([b"\0", b"\xff", b"9", b"\x80", b"\0" * 12, b"7" * 11])
              | st.binary(min_size=1, max_size=4)),
    min_size=1, max_size=4,
)  # fmt: skip


def unpack(folder: Path, name: str, content: bytes) -> bool:
    """Unpack an archive, and return whether it was accepted; a refused one leaves nothing."""
    archive, out = folder / name, folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    archive.write_bytes(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile warns of repeated names
            extract(archive, out, LIMITS)
    except ArchiveError as error:
        text = str(error)
        assert text.startswith(str(archive))
        assert text.isprintable()
        assert not out.exists()
        return False
    assert all(each.resolve().is_relative_to(folder.resolve()) for each in out.rglob("*"))
    return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archives")


@pytest.mark.parametrize("name", WHOLE)
def test_whole_archives_are_unpacked(folder: Path, name: str) -> None:
    assert unpack(folder, name, WHOLE[name])


@pytest.mark.parametrize("name", WHOLE)
@given(changed=changes, cut=st.none() | st.floats(0, 1))
def test_mutated_archives_never_escape(
    folder: Path, name: str, changed: list[tuple[float, bytes]], cut: float | None
) -> None:
    content = bytearray(WHOLE[name])
    for share, new in changed:
        position = int(share * len(content))
        content[position : position + len(new)] = new
    unpack(folder, name, bytes(content[: None if cut is None else int(cut * len(content))]))


@given(st.sampled_from(["gnu.tar", "pax.tar", "sparse.tar"]), changes, st.sampled_from(sorted(COMPRESSIONS)))
def test_headers_with_right_checksums_never_escape(
    folder: Path, name: str, changed: list[tuple[float, bytes]], suffix: str
) -> None:
    content = bytearray(WHOLE[name])
    for share, new in changed:
        block = int(share * len(content) / 512) * 512
        position = block + int(share * len(content) * 7) % 345
        content[position : position + len(new)] = new
        content[block + 148 : block + 156] = b" " * 8
        content[block + 148 : block + 156] = b"%06o\0 " % sum(content[block : block + 512])
    unpack(folder, f"checked.tar{suffix}", COMPRESSIONS[suffix](bytes(content)))


@pytest.mark.parametrize("suffix", COMPRESSIONS)
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_tar_is_refused_when_compressed(folder: Path, name: str, suffix: str) -> None:
    assert not unpack(folder, f"malformed.tar{suffix}", COMPRESSIONS[suffix](MALFORMED[name]))
