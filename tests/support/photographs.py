"""Small sets of made-up photographs under the names of ImageNet's validation set."""

from __future__ import annotations

import base64
import io
import tarfile
import zlib
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def name_of(number: int) -> str:
    """Return the file name of an image; numbers start at 1."""
    return f"ILSVRC2012_val_{number:08d}.JPEG"


def scene(width: int = 90, height: int = 70, seed: int = 0) -> NDArray[np.uint8]:
    """Return a smooth RGB picture of shape (height, width, 3)."""
    grain = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def jpeg(picture: NDArray[Any]) -> bytes:
    """Encode an RGB or greyscale picture."""
    stored = picture[:, :, ::-1] if picture.ndim == 3 else picture
    done, packed = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert done
    return bytes(packed.tobytes())


def make_set(folder: Path, count: int, first_seed: int = 0) -> Path:
    """Write `count` images and their val_map.txt; image k has class 7 * k."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        picture = scene(80 + number, 70 + number % 5 * 8, first_seed + number)
        (folder / name_of(number)).write_bytes(jpeg(picture))
    lines = [f"{name_of(number)} {7 * number}\n" for number in range(1, count + 1)]
    (folder / "val_map.txt").write_text("".join(lines))
    return folder


def packed(folder: Path, path: Path, prefix: str = "") -> Path:
    """Pack a folder's images into a tar."""
    with tarfile.open(path, "w") as archive:
        for image in sorted(folder.glob("*.JPEG")):
            content = image.read_bytes()
            member = tarfile.TarInfo(prefix + image.name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def cmyk_jpeg() -> bytes:
    """Return a CMYK JPEG of 40 x 32 pixels, all (200, 40, 30); OpenCV writes none."""
    return zlib.decompress(base64.b64decode(CMYK))


CMYK = (
    "eNr7f+P/OwY+x5T8pFSGFAYQ+H+bwZmBl5OLm4uDl5uLm4+Pl19YQVRYSEhYXUZOXEFP09BAT1NXx9jKy87YzM1cR9ch3NHNxy8o"
    "OMjILioxKiDBKzDI//8BBhEOBgUGDRZnQQZfQYZIQQZvQYb/RxjkGRgYWRnBgAEKGJmYWVjZ2DmAVgIVbBVgYGJkZmZiYWZlZWEB"
    "ytYC5RlYBFmFFA0d2YQDE9mVCkWMGicu5FB22nhQNOjiBxXjpKImTi4xcQlJKVU1dQ1NLRNTM3MLSytnF1c3dw9Pr+CQ0LDwiMio"
    "5JTUtPSMzKziktKy8orKquaW1rb2js6uSZOnTJ02fcbMWYsWL1m6bPmKlas2bd6yddv2HTt3HTp85Oix4ydOnrp0+crVa9dv3Lz1"
    "8NHjJ0+fPX/x8tXHT5+/fP32/cfPX/9vMfCxODP4MkQyeDMw2DO81u5cx7fXqktjEXlo//+bAPEkjpM="
)
