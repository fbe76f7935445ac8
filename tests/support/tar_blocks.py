"""Tars built block by block, as tarfile itself would not write them."""

from __future__ import annotations

import tarfile

END = bytes(2 * tarfile.BLOCKSIZE)


def padded(content: bytes) -> bytes:
    """Fill the last block with zeros."""
    return content + bytes(-len(content) % tarfile.BLOCKSIZE)


def header(name: str = "f", kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.linkname = kind, size, link
    return entry.tobuf(tarfile.GNU_FORMAT)


def patched(block: bytes, changes: dict[int, bytes]) -> bytes:
    """Replace fields of a header by position, and renew its checksum."""
    changed = bytearray(block)
    for position, field in {**changes, 148: b" " * 8}.items():
        changed[position : position + len(field)] = field
    changed[148:156] = b"%06o\0 " % sum(changed)
    return bytes(changed)


def record(key: str, value: str) -> bytes:
    """Return a record of a pax header, which begins with its own length."""
    rest = f" {key}={value}\n".encode()
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length += 1
    return str(length).encode() + rest


def pax(records: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return header("pax", kind, len(records)) + padded(records)


def sparse(map_text: bytes, real_size: int = 100) -> bytes:
    """Return a sparse file of the format 1.0 of GNU tar, whose map is the content's beginning."""
    records = record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0")
    records += record("GNU.sparse.realsize", str(real_size))
    return pax(records) + header(size=len(map_text)) + padded(map_text)


OLD_SPARSE = patched(
    header(kind=tarfile.GNUTYPE_SPARSE),
    {386: b"0000000100\0 ", 398: b"0000000100\0 ", 482: b"\1", 483: b"00000001000\0"},
)

MALFORMED: dict[str, bytes] = {
    "many long names": (header(kind=tarfile.GNUTYPE_LONGNAME, size=2) + padded(b"n\0")) * 5000 + header() + END,
    "many long link targets": (header(kind=tarfile.GNUTYPE_LONGLINK, size=2) + padded(b"n\0")) * 5000 + header() + END,
    "many pax headers": pax(record("comment", "x")) * 5000 + header() + END,
    "many global headers": b"".join(pax(record(f"k{n}", "x"), tarfile.XGLTYPE) + header(f"f{n}") for n in range(300))
    + END,
    "a pax header of digits": pax(b"1" * 60_000) + header() + END,
    "a pax record of digits": pax(record("comment", "1" * 60_000)) + header() + END,
    "pax records that overlap": pax(b"2 " * 30_000 + b"=") + header() + END,
    "a pax record without a line end": pax(b"9 path=ab") + header() + END,
    "a pax record that is too long": pax(b"99999 path=ab\n") + header() + END,
    "a pax header of a megabyte": pax(record("comment", "x " * 40_000)) + header() + END,
    "a negative pax header": patched(header(kind=tarfile.XHDTYPE), {124: b"\xff" * 10 + b"\xfe\0"}) + header() + END,
    "a negative size": header("d", tarfile.DIRTYPE) + patched(header(), {124: b"\xff" * 10 + b"\xfe\0"}) + END,
    "a negative size in a pax header": pax(record("size", "-5120")) + header(size=512) + END,
    "a pax header at the end": pax(record("path", "x")) + END,
    "a sparse map of words": sparse(b"abc\n") + END,
    "a sparse map without lines": sparse(b"abc") + END,
    "a sparse map without end": sparse(b"100000000\n" + b"0\n" * (1 << 20)) + END,
    "a sparse map that is cut": sparse(b"9\n1\n") + END,
    "a sparse map beyond its file": sparse(b"1\n50\n100\n") + END,
    "a sparse map of negative sizes": sparse(b"2\n50\n-10\n0\n5\n") + END,
    "sparse headers at the end": OLD_SPARSE,
    "sparse headers without end": OLD_SPARSE + (b"0000000000100000000001" * 24)[:504].ljust(512, b"\1") * 5000 + END,
    "content behind the end of the file": header(size=6 << 30) + END,
}
"""Malformed tars by their fault; each must be refused at once."""
