"""Malformed tars are refused, in bounded time and memory, by one kind of error."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import IO, TYPE_CHECKING, Any, cast

import pytest
from tar_blocks import END, MALFORMED, header, padded, pax, record, sparse

from scriptgraph.files.forward_stream import ForwardStream
from scriptgraph.files.tar_reader import BoundedTar, MalformedTarError

if TYPE_CHECKING:
    from collections.abc import Callable


def contents(tar: bytes, *, count: Callable[[int], None] = lambda _read: None) -> dict[str, bytes]:
    """Read all members of a tar."""
    with BoundedTar(ForwardStream(io.BytesIO(tar), count)) as members:
        return {each.name: cast("IO[bytes]", members.extractfile(each)).read() for each in members if each.isreg()}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_tar_is_a_tar_error(name: str) -> None:
    read = 0

    def count(more: int) -> None:
        nonlocal read
        read += more

    with pytest.raises(tarfile.TarError) as failure:
        contents(MALFORMED[name], count=count)

    assert "\n" not in str(failure.value)
    assert read < 4 << 20


def test_members_with_long_names_and_attributes_are_read() -> None:
    records = record("path", "long/" * 50 + "é") + record("SCHILY.xattr.user.note", "a=b\nc " * 1000)
    tar = pax(record("comment", "of all"), tarfile.XGLTYPE) + pax(records) + header(size=3) + padded(b"abc") + END

    assert contents(tar) == {"long/" * 50 + "é": b"abc"}


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_every_common_format_is_read(form: Any) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as tar:
        for number in range(300):
            entry = tarfile.TarInfo(f"{'folder/' * 12}{number:0100}" if form != tarfile.USTAR_FORMAT else f"{number}")
            entry.size = number
            tar.addfile(entry, io.BytesIO(bytes(number)))

    assert [len(each) for each in contents(packed.getvalue()).values()] == list(range(300))


def test_a_sparse_file_is_read_with_its_holes() -> None:
    map_text = b"2\n5\n3\n10\n2\n".ljust(512, b"\0")

    assert contents(sparse(map_text + b"abcde", real_size=14) + END) == {"f": bytes(5) + b"abc" + bytes(2) + b"de\0\0"}


def test_skipped_bytes_are_counted() -> None:
    read: list[int] = []
    tar = header("d", size=3 << 20) + bytes(3 << 20) + header("e") + END
    with BoundedTar(ForwardStream(io.BytesIO(tar), read.append)) as members:
        assert [each.name for each in members] == ["d", "e"]

    assert sum(read) > 3 << 20


def test_padding_is_read_up_to_a_limit() -> None:
    def behind(padding: bytes) -> bool:
        with BoundedTar(ForwardStream(io.BytesIO(header() + END + padding))) as members:
            assert [each.name for each in members] == ["f"]
            return members.read_padding()

    assert behind(bytes(10_240))
    assert not behind(b"more")
    with pytest.raises(MalformedTarError, match="more than 16,777,216 bytes behind its end"):
        behind(bytes((16 << 20) + 10_240))


def test_a_wrong_checksum_of_the_compression_is_a_tar_error() -> None:
    packed = bytearray(gzip.compress(header(size=3) + padded(b"abc") + END, 0))
    packed[packed.index(b"abc")] ^= 1
    with BoundedTar(ForwardStream(cast("IO[bytes]", gzip.open(io.BytesIO(packed))))) as members:
        assert len(list(members)) == 1
        with pytest.raises(MalformedTarError, match="CRC check failed"):
            members.read_padding()
