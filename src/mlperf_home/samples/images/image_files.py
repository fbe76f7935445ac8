"""Write the sample's images: `python -m mlperf_home.samples.images.image_files --out DIR [--seed N] [--images N]`.

Laid out as ImageNet's validation images are for MLPerf: the files, and val_map.txt with a line of
file name and class number for each, in the order of the samples. sample.json says what they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.datasets.base import DatasetError
from mlperf_home.samples.images.figures import CLASSES
from mlperf_home.samples.images.png import png_bytes
from mlperf_home.samples.images.scenes import IMAGES, SEED, make_image
from scriptgraph.files.atomic import replacement

if TYPE_CHECKING:
    from collections.abc import Sequence

LABELS_FILE = "val_map.txt"
PROVENANCE_FILE = "sample.json"
NOTE = "sample images, made by a generator: good for trying, not for publishing"
# sha256 of all files' bytes in the order of the samples, then of val_map.txt's, for the default seed and number.
IMAGES_SHA256 = "04574e76076ae4961381af02a9a54624e42e830c6980b562a2e9459dcec89f0a"
EXIT_BAD_INPUT = 65


def file_name(index: int) -> str:
    """Give an image's file name; numbers begin at 1, as ImageNet's do."""
    return f"SAMPLE_val_{index + 1:08d}.png"


def write_images(folder: Path, *, seed: int = SEED, images: int = IMAGES) -> str:
    """Write the sample's images into `folder`, which is made if it is absent; val_map.txt and sample.json come last.

    Args:
        folder: where to write; each file is replaced whole or not at all.
        seed: of the generator, 0 or more.
        images: how many, 1 or more.

    Returns:
        The sha256 of all images' bytes and val_map.txt's, in hexadecimal.

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
        for name, written in ((LABELS_FILE, labels), (PROVENANCE_FILE, text.encode("utf-8"))):
            with replacement(folder / name) as file:
                file.write(written)
    except OSError as error:
        raise DatasetError(folder, f"cannot be written ({error.strerror})", "choose a folder of your own") from error
    return digest.hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files and print one JSON line with folder and hash; give the exit code."""
    description = "Write the sample's images, val_map.txt and sample.json."
    parser = argparse.ArgumentParser(prog="mlperf_home.samples.images.image_files", description=description)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    parser.add_argument("--seed", type=int, default=SEED, help="of the generator (%(default)s)")
    parser.add_argument("--images", type=int, default=IMAGES, help="how many (%(default)s)")
    chosen = parser.parse_args(arguments)
    try:
        digest = write_images(chosen.out, seed=chosen.seed, images=chosen.images)
    except DatasetError as error:
        print(f"mlperf-home: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    print(json.dumps({"images": str(chosen.out), "sha256": digest}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
