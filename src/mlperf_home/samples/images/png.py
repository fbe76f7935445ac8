"""PNG files whose bytes are the same everywhere: deflate's stored blocks, since compressors differ."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_BLOCK = 0xFFFF
_GREY, _RGB = 0, 2


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """Write an image as PNG, not compressed.

    Args:
        pixels: (height, width, 3), RGB; an image without any colour becomes a greyscale file.

    Source: PNG (third edition), https://www.w3.org/TR/png-3/, and RFC 1950 and 1951.
    """
    height, width = pixels.shape[:2]
    grey = bool(np.all(pixels == pixels[..., :1]))
    rows = pixels[..., :1].reshape(height, width) if grey else pixels.reshape(height, 3 * width)
    # Each row begins with its filter: none.
    raw = np.pad(rows, ((0, 0), (1, 0))).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, _GREY if grey else _RGB, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", _stored(raw)) + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _stored(raw: bytes) -> bytes:
    blocks = [raw[start : start + _LONGEST_BLOCK] for start in range(0, len(raw), _LONGEST_BLOCK)]
    written = b"".join(
        struct.pack("<BHH", number == len(blocks), len(block), len(block) ^ _LONGEST_BLOCK) + block
        for number, block in enumerate(blocks, 1)
    )
    return b"\x78\x01" + written + struct.pack(">I", zlib.adler32(raw))
