"""Write the sample's images: `python -m mlperf_home.samples.images.image_files --out DIR [--seed N] [--images N]`.

Each image shows one of ten figures of random size, position, rotation, colour and aspect. The background is shaded or
striped; other shapes, lines and noise disturb the figure. Some figures are hard to recognise, so small models make more
mistakes than large ones. Sizes differ and some images are grey, as in real collections. A seeded generator draws them
in whole numbers, so the pixels are the same on every machine.

The layout is that of ImageNet's validation images for MLPerf: the image files, and val_map.txt with a file name and a
class number per line, in the order of the samples. sample.json holds their provenance.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlperf_home.datasets.base import DatasetError, report
from mlperf_home.samples.images.figures import (
    CLASSES,
    FIGURES,
    OPAQUE,
    RADIUS,
    TURN,
    UNITS,
    Draws,
    blended,
    fill,
    regular,
    transformed,
)
from scriptgraph.files.atomic import replace_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlperf_home.samples.images.figures import Contour

    Range = tuple[int, int]

SEED = 20231117
# MLPerf keeps 1,024 images loaded in a performance run.
IMAGES = 1200
# Sides of the images, in pixels.
SHORTEST, LONGEST = 112, 152
# The last number of a seed's key, so that labels and pixels are drawn independently.
_LABELS, _PIXELS = 0, 1
_LARGEST = 255
LABELS_FILE = "val_map.txt"
PROVENANCE_FILE = "sample.json"
NOTE = "sample images, made by a generator: good for trying, not for publishing"
# SHA-256 of the bytes of all images in the order of the samples, then of val_map.txt, for the default options.
IMAGES_SHA256 = "04574e76076ae4961381af02a9a54624e42e830c6980b562a2e9459dcec89f0a"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_BLOCK = 0xFFFF
_GREY, _RGB = 0, 2


class SampleImage(NamedTuple):
    """An image, (height, width, 3) uint8 RGB, and the index of its class in `CLASSES`."""

    pixels: NDArray[np.uint8]
    label: int


def label_of(seed: int, index: int) -> int:
    """Return an image's class; ten images from a multiple of ten show all ten classes."""
    block, place = divmod(index, len(CLASSES))
    return Draws(seed, block, _LABELS).shuffled(range(len(CLASSES)))[place]


def make_image(seed: int, index: int) -> SampleImage:
    """Make one image, independently of all others; `seed` and `index` are 0 or more."""
    label = label_of(seed, index)
    draws = Draws(seed, index, _PIXELS)
    height, width = draws.between(SHORTEST, LONGEST), draws.between(SHORTEST, LONGEST)
    pixels = _background(draws, height, width)
    background = pixels.mean(axis=(0, 1), dtype=np.int64).astype(np.int32)
    for _ in range(draws.between(0, 9)):
        # A polygon with corners at different distances.
        distances = draws.octets(draws.between(3, 7)).astype(np.int64) * RADIUS // 512 + RADIUS // 2
        polygon = regular(len(distances), distances)
        shape = _place_randomly(draws, pixels, polygon, radius=(3, 10), squash=(50, 100))
        fill(pixels, [shape], _colour(draws), draws.between(OPAQUE // 3, OPAQUE))
    _paint_figure(draws, pixels, label, background)
    for _ in range(draws.between(0, 3)):
        # A square, squashed to a long thin line.
        line = _place_randomly(draws, pixels, regular(4), radius=(30, 90), squash=(2, 6), turn=TURN // 8)
        fill(pixels, [line], _colour(draws), draws.between(OPAQUE // 2, OPAQUE))
    pixels = _add_noise(draws, pixels)
    if draws.chance(3):
        pixels[:] = (pixels[..., :1] * 77 + pixels[..., 1:2] * 150 + pixels[..., 2:] * 29) >> 8
    return SampleImage(np.clip(pixels, 0, _LARGEST).astype(np.uint8), label)


def _colour(draws: Draws) -> NDArray[np.int32]:
    return draws.octets(3).astype(np.int32)


def _background(draws: Draws, height: int, width: int) -> NDArray[np.int32]:
    """Make a background shaded around one colour, often with stripes."""
    base, spread = _colour(draws), draws.between(10, 120)
    corners = base + (draws.octets(2, 2, 3).astype(np.int32) - 128) * spread // 256
    pixels = blended(np.clip(corners, 0, _LARGEST), height, width)
    if draws.chance(50):
        across, down, period = draws.between(-4, 4), draws.between(1, 4), draws.between(12, 60)
        rows, columns = np.arange(height, dtype=np.int32), np.arange(width, dtype=np.int32)
        striped = (rows[:, None] * down + columns * across) % period < period // 2
        pixels += striped[..., None] * np.int32(draws.between(-40, 40))
    return np.clip(pixels, 0, _LARGEST)


def _paint_figure(draws: Draws, pixels: NDArray[np.int32], label: int, background: NDArray[np.int32]) -> None:
    """Paint the class's figure in a colour that contrasts with the background."""
    height, width = pixels.shape[:2]
    contrast = draws.between(70, 300)
    colour = _colour(draws)
    while int(np.abs(colour - background).sum()) < contrast:
        contrast -= 1
        colour = _colour(draws)
    short = min(height, width) * UNITS
    radius = short * draws.between(11, 36) // 100
    room = max(short * 42 // 100 - radius, short // 25)
    centre = width * UNITS // 2 + draws.between(-room, room), height * UNITS // 2 + draws.between(-room, room)
    turn, squash = draws.below(TURN), (draws.below(TURN), draws.between(72, 100))
    contours = FIGURES[CLASSES[label]](draws)
    shaded = colour + (draws.octets(2, 2, 3).astype(np.int32) - 128) * draws.between(0, 60) // 256
    paint = blended(np.clip(shaded, 0, _LARGEST), height, width)
    figure = [transformed(contour, centre=centre, radius=radius, turn=turn, squash=squash) for contour in contours]
    fill(pixels, figure, paint, draws.between(OPAQUE * 3 // 4, OPAQUE))


def _place_randomly(
    draws: Draws,
    pixels: NDArray[np.int32],
    contour: Contour,
    *,
    radius: Range,
    squash: Range,
    turn: int | None = None,
) -> Contour:
    """Place a contour at random; `radius`, of the shorter side, and `squash` are ranges in percent."""
    height, width = pixels.shape[:2]
    return transformed(
        contour,
        centre=(draws.below(width * UNITS), draws.below(height * UNITS)),
        radius=min(height, width) * UNITS * draws.between(*radius) // 100,
        turn=draws.below(TURN) if turn is None else turn,
        squash=(draws.below(TURN), draws.between(*squash)),
    )


def _add_noise(draws: Draws, pixels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Blur some images, and add noise of random strength to each: the mean of two draws for each value."""
    if draws.chance(30):
        # Each pixel becomes the mean of the 3 x 3 pixels around it.
        wide = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
        down = wide[:-2] + wide[1:-1] + wide[2:]
        pixels = (down[:, :-2] + down[:, 1:-1] + down[:, 2:]) // 9
    strength = draws.between(4, 120)
    noise = draws.octets(2, *pixels.shape).astype(np.int32)
    noisy: NDArray[np.int32] = pixels + ((noise[0] + noise[1] - _LARGEST) * strength >> 8)
    return noisy


def file_name(index: int) -> str:
    """Return an image's file name, numbered from 1 like ImageNet's."""
    return f"SAMPLE_val_{index + 1:08d}.png"


def write_images(folder: Path, *, seed: int = SEED, images: int = IMAGES) -> str:
    """Write the sample's images into `folder`, then val_map.txt and sample.json; create the folder if necessary.

    Return the SHA-256 of the bytes of all images and val_map.txt, in hexadecimal.

    Raises:
        DatasetError: a number is out of range, or the folder cannot be written.
    """
    for option, number, least in (("--seed", seed, 0), ("--images", images, 1)):
        if number < least:
            raise DatasetError(option, f"is {number}", f"pass {least} or more")
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
        raise DatasetError(folder, f"cannot be written ({error.strerror})", "choose a writable folder") from error
    return digest.hexdigest()


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """Encode an image as PNG with the same bytes everywhere: in stored blocks, because compressors differ.

    Pixels are (height, width, 3) RGB; an image without colour becomes a greyscale file.

    Source: PNG (third edition), https://www.w3.org/TR/png-3/, and RFC 1950 and 1951.
    """
    height, width = pixels.shape[:2]
    grey = bool(np.all(pixels == pixels[..., :1]))
    rows = pixels[..., :1].reshape(height, width) if grey else pixels.reshape(height, 3 * width)
    # Each row begins with its filter type, 0 for none.
    raw = np.pad(rows, ((0, 0), (1, 0))).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, _GREY if grey else _RGB, 0, 0, 0)
    blocks = [raw[start : start + _LONGEST_BLOCK] for start in range(0, len(raw), _LONGEST_BLOCK)]
    stored = b"".join(
        struct.pack("<BHH", number == len(blocks), len(block), len(block) ^ _LONGEST_BLOCK) + block
        for number, block in enumerate(blocks, 1)
    )
    zlib_stream = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(raw))
    return _SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib_stream) + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, print one JSON line with folder and hash, and return the exit code."""
    description = "Write the sample's images, val_map.txt and sample.json."
    parser = argparse.ArgumentParser(prog="mlperf_home.samples.images.image_files", description=description)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    parser.add_argument("--seed", type=int, default=SEED, help="the generator's seed (%(default)s)")
    parser.add_argument("--images", type=int, default=IMAGES, help="the number of images (%(default)s)")
    options = parser.parse_args(arguments)

    def write() -> dict[str, str]:
        digest = write_images(options.out, seed=options.seed, images=options.images)
        return {"images": str(options.out), "sha256": digest}

    return report(write)


if __name__ == "__main__":
    sys.exit(main())
