"""Read a tar of untrusted origin forward, with limits on its headers; each of its faults is a MalformedTarError."""

from __future__ import annotations

import re
import tarfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from scriptgraph.files.parser_faults import FaultyBytesError, parser_faults

if TYPE_CHECKING:
    from scriptgraph.files.forward_stream import ForwardStream

# The map of a sparse file is the largest header in use; names and attributes need a few kilobytes.
_LONGEST_HEADER_BYTES = 1 << 20
_LONGEST_PAX_BYTES = 1 << 16
_PAX_TYPES = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE})
# tarfile reads each header of a member by a recursive call, and copies the global ones for each member.
_MOST_HEADERS, _MOST_GLOBAL_HEADERS = 16, 64
# Padding up to the record size of a tape is a few megabytes at most.
_LONGEST_PADDING_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 20
_RECORD = re.compile(rb"([1-9]\d{0,4}) ")
_DIGITS = re.compile(rb"\d{256}")


class MalformedTarError(tarfile.ReadError, FaultyBytesError):
    """A tar is damaged or exceeds a limit; the text is a predicate."""


class BoundedTar(tarfile.TarFile):
    """A tar that is read forward, member by member; read a member's content before the next member.

    `next()` and iteration raise MalformedTarError for each fault of the tar and of the compression below it. Members
    are not kept, so `getmembers()` has none.
    """

    def __init__(self, stream: ForwardStream) -> None:
        """Open a decompressed stream at its first byte.

        Raises:
            MalformedTarError: the first header is damaged.
        """
        self.forward = stream
        self.depth, self.ended = 0, False
        self._last = ""
        super().__init__(fileobj=stream, mode="r", tarinfo=_Header, errors="surrogateescape")

    def next(self) -> tarfile.TarInfo | None:
        """Return the next member; None at the end."""
        with parser_faults(MalformedTarError):
            member = super().next()
        self.members.clear()  # type: ignore[attr-defined] # tarfile would keep 1 kB for each member
        if len(self.pax_headers) > _MOST_GLOBAL_HEADERS:
            raise MalformedTarError(f"has more than {_MOST_GLOBAL_HEADERS} global headers")
        if member is not None:
            _check_member(member)
            self._last = member.name
        elif not self.ended:
            # tarfile mistakes a damaged header for the end; the real end is a block of zeros.
            raise MalformedTarError(f"is damaged or incomplete after member {self._last!r}")
        return member

    def read_padding(self) -> bool:
        """Read the bytes behind the end, which makes a compressed stream check its checksum.

        Returns:
            Whether all of them are zeros.

        Raises:
            MalformedTarError: there are more than 16 MiB, or the compressed stream is damaged.
        """
        read_bytes, zeros = 0, True
        with parser_faults(MalformedTarError):
            while chunk := self.forward.read(_CHUNK_BYTES):
                read_bytes += len(chunk)
                zeros = zeros and not chunk.strip(b"\0")
                if read_bytes > _LONGEST_PADDING_BYTES:
                    raise MalformedTarError(f"has more than {_LONGEST_PADDING_BYTES:,} bytes behind its end")
        return zeros


class _Header(tarfile.TarInfo):
    """A header whose extensions have limits."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        longest = _LONGEST_PAX_BYTES if header.type in _PAX_TYPES else _LONGEST_HEADER_BYTES
        if header.type in _EXTENSIONS and not 0 <= header.size <= longest:
            raise MalformedTarError(f"has a header with a size of {header.size:,} bytes")
        return header

    @classmethod
    def fromtarfile(cls, tar: Any) -> _Header:
        if tar.depth == 0:
            tar.forward.limit = tar.forward.tell() + _LONGEST_HEADER_BYTES
        tar.depth += 1
        try:
            if tar.depth > _MOST_HEADERS:
                raise MalformedTarError(f"has more than {_MOST_HEADERS} headers for one member")
            block = tar.forward.peek(tarfile.BLOCKSIZE)
            tar.ended = block == bytes(tarfile.BLOCKSIZE)
            if block[156:157] in _PAX_TYPES:
                _check_pax(block, tar.forward, tar.encoding)
            return super().fromtarfile(tar)
        finally:
            tar.depth -= 1
            if tar.depth == 0:
                tar.forward.limit = None


_EXTENSIONS = _PAX_TYPES | {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}


def _check_pax(block: bytes, stream: ForwardStream, encoding: str) -> None:
    """Raise MalformedTarError for a pax header at `block` that tarfile would read slowly or wrongly.

    tarfile believes the length of each record, and searches in a time that grows with the square of a run of digits;
    no name and no number has more than 255.
    """
    with suppress(tarfile.HeaderError):  # tarfile itself reports a damaged header
        size = _Header.frombuf(block, encoding, "surrogateescape").size
        records = stream.peek(tarfile.BLOCKSIZE + size)[tarfile.BLOCKSIZE :]
        position = 0
        while position < len(records):
            head = _RECORD.match(records, position)
            end = position + int(head[1]) if head else 0
            if head is None or end <= head.end() or records[end - 1 : end] != b"\n" or end > len(records):
                raise MalformedTarError("has a damaged pax header")
            if records.find(b"=", head.end(), end) < 0 or _DIGITS.search(records, position, end):
                raise MalformedTarError("has a damaged pax header")
            position = end


def _check_member(member: tarfile.TarInfo) -> None:
    """Raise MalformedTarError for a size or a map with which tarfile would read backwards or without end."""
    if member.size < 0:
        raise MalformedTarError(f"has the negative size {member.size:,}")
    end = 0
    for offset, size in cast("list[tuple[int, int]]", member.sparse or []):
        if offset < end or size < 0 or offset + size > member.size:
            raise MalformedTarError("has a map of a sparse file that contradicts itself")
        end = offset + size
