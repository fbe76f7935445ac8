"""Write the sample's images: `python -m mlperf_home.samples.images.image_files --out DIR [--seed N] [--images N]`.

Laid out as ImageNet's validation images are for MLPerf: the files, and val_map.txt with a line of
file name and class number for each, in the order of the samples. sample.json says what they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlperf_home.datasets.base import DatasetError, report
from mlperf_home.samples.images.figures import CLASSES
from mlperf_home.samples.images.scenes import IMAGES, SEED, make_image
from scriptgraph.files.atomic import replace_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LABELS_FILE = "val_map.txt"
PROVENANCE_FILE = "sample.json"
NOTE = "sample images, made by a generator: good for trying, not for publishing"
# sha256 of all files' bytes in the order of the samples, then of val_map.txt's, for the default seed and number.
IMAGES_SHA256 = "04574e76076ae4961381af02a9a54624e42e830c6980b562a2e9459dcec89f0a"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_BLOCK = 0xFFFF
_GREY, _RGB = 0, 2


def file_name(index: int) -> str:
    """Return an image's file name; numbers begin at 1, as ImageNet's do."""
    return f"SAMPLE_val_{index + 1:08d}.png"


def write_images(folder: Path, *, seed: int = SEED, images: int = IMAGES) -> str:
    """Write the sample's images into `folder`, which is made if it is absent; val_map.txt and sample.json come last.

    Return the sha256 of all images' bytes and val_map.txt's, in hexadecimal.

    Raises:
        DatasetError: a number makes no images, or the folder cannot be written.
    """
    for option, number, least in (("--seed", seed, 0), ("--images", images, 1)):
        if number < least:
            raise DatasetError(option, f"is {number}", f"give {least} or more")
    digest = hashlib.sha256()
    lines = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(images):
            image = make_image(seed, index)
            content = png_bytes(image.pixels)
            digest.update(content)
            lines.append(f"{file_name(index)} {image.label}\n")
            (folder / file_name(index)).write_bytes(content)
        labels = "".join(lines).encode("ascii")
        digest.update(labels)
        facts = {"sample": True, "note": NOTE, "seed": seed, "count": images, "classes": list(CLASSES)}
        text = json.dumps({**facts, "sha256": digest.hexdigest()}, indent=2) + "\n"
        replace_bytes(folder / LABELS_FILE, labels)
        replace_bytes(folder / PROVENANCE_FILE, text.encode("utf-8"))
    except OSError as error:
        raise DatasetError(folder, f"cannot be written ({error.strerror})", "choose a folder of your own") from error
    return digest.hexdigest()


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """Return an image as PNG whose bytes are the same everywhere: in stored blocks, since compressors differ.

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files and print one JSON line with folder and hash; return the exit code."""
    description = "Write the sample's images, val_map.txt and sample.json."
    parser = argparse.ArgumentParser(prog="mlperf_home.samples.images.image_files", description=description)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    parser.add_argument("--seed", type=int, default=SEED, help="of the generator (%(default)s)")
    parser.add_argument("--images", type=int, default=IMAGES, help="how many (%(default)s)")
    chosen = parser.parse_args(arguments)

    def write() -> dict[str, str]:
        digest = write_images(chosen.out, seed=chosen.seed, images=chosen.images)
        return {"images": str(chosen.out), "sha256": digest}

    return report(write)


if __name__ == "__main__":
    sys.exit(main())
