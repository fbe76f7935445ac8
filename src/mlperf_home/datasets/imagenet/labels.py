"""The label file, val_map.txt: an image's name and its class, 0 to 999, a line; its order is LoadGen's.

The file is Caffe's val.txt. Models with 1,001 classes count a background as class 0, so their classes are larger by
one than those of the file.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_home.datasets.base import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = 1000
OFFICIAL_COUNT = 50_000
# The validation set's own names, and those of the embedded sample (`mlperf_home.samples.images.image_files`).
SAMPLE_PREFIX = "SAMPLE_"
IMAGE_NAME = re.compile(rf"ILSVRC2012_val_\d{{8}}\.JPEG|{SAMPLE_PREFIX}val_\d{{8}}\.png")
# What the file is called in MLPerf's dataset folders, and in Caffe's archive.
FILE_NAMES = ("val_map.txt", "val.txt")

_COLUMNS = 2
_ADVICE = "give val_map.txt (val.txt of Caffe's caffe_ilsvrc12.tar.gz), lines such as 'ILSVRC2012_val_00000001.JPEG 65'"


@dataclass(frozen=True)
class Labels:
    """Images and their classes, in LoadGen's order.

    Attributes:
        path: the file that they come from, for messages.
        names: the images' file names.
        classes: their classes, 0 to 999.
    """

    path: Path
    names: tuple[str, ...]
    classes: tuple[int, ...]

    @property
    def text(self) -> str:
        """The same as a val_map.txt."""
        return "".join(f"{name} {number}\n" for name, number in zip(self.names, self.classes, strict=True))

    @property
    def sha256(self) -> str:
        """The hash of `text`, which is that of the file where nothing was left out."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def first(self, count: int) -> Labels:
        """Return the first `count` images only.

        Raises:
            DatasetError: there are fewer.
        """
        if count > len(self.names):
            problem = f"labels {len(self.names)} images, fewer than the {count} asked for"
            raise DatasetError(self.path, problem, f"ask for fewer, or {_ADVICE}")
        return Labels(self.path, self.names[:count], self.classes[:count])

    def after(self, count: int) -> Labels:
        """Return all but the first `count` images."""
        return Labels(self.path, self.names[count:], self.classes[count:])


def read_labels(place: Path) -> Labels:
    """Read and check a label file, or the one in a folder.

    Raises:
        DatasetError: it is absent or no text, or a line is no label of the validation set, names an image twice or a
            class beyond 999; the error names the line.
    """
    path = next((place / name for name in FILE_NAMES if (place / name).is_file()), place)
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise DatasetError(path, f"cannot be read ({error.strerror})", _ADVICE) from error
    except UnicodeDecodeError as error:
        raise DatasetError(path, f"is not UTF-8 text (byte {error.start})", _ADVICE) from error
    class_of: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        problem, name, label = _read_line(line)
        if name in class_of:
            problem = f"labels {name} a second time"
        if problem:
            raise DatasetError(f"{path} line {number}", problem, _ADVICE)
        class_of[name] = label
    if not class_of:
        raise DatasetError(path, "labels no image", _ADVICE)
    return Labels(path, tuple(class_of), tuple(class_of.values()))


def _read_line(line: str) -> tuple[str, str, int]:
    """Return what is wrong with a line (or nothing), the image's name and its class."""
    columns = line.split()
    if len(columns) != _COLUMNS or not columns[1].isdecimal():
        return f"is no label: {line.strip()[:60]!r}", "", 0
    name, label = columns[0], int(columns[1])
    if not IMAGE_NAME.fullmatch(name):
        return f"labels {name[:60]!r}, which is no image of the validation set", name, label
    if label >= CLASSES:
        return f"gives {name} the class {label}; they count from 0 to {CLASSES - 1}", name, label
    return "", name, label
