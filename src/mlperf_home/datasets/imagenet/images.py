"""ImageNet's validation set as it is published: the label file, and the images in a folder or a tar.

The label file, val_map.txt, is Caffe's val.txt: an image's name and its class, 0 to 999, a line; its order is
LoadGen's. Models with 1,001 classes count a background as class 0, so their classes are larger by one.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.datasets.base import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CLASSES = 1000
OFFICIAL_COUNT = 50_000
# The validation set's own names, and those of the embedded sample (`mlperf_home.samples.images.image_files`).
SAMPLE_PREFIX = "SAMPLE_"
IMAGE_NAME = re.compile(rf"ILSVRC2012_val_\d{{8}}\.JPEG|{SAMPLE_PREFIX}val_\d{{8}}\.png")
# What the file is called in MLPerf's dataset folders, and in Caffe's archive.
FILE_NAMES = ("val_map.txt", "val.txt")

_COLUMNS = 2
_ADVICE = "give val_map.txt (val.txt of Caffe's caffe_ilsvrc12.tar.gz), lines such as 'ILSVRC2012_val_00000001.JPEG 65'"
HOW_TO_GET = (
    "ILSVRC2012_img_val.tar (50,000 images, 6.7 GB, md5 29b22e2961454d5413ddabcf34fc5622) is given out by "
    "image-net.org to those who register for research; give the tar or the folder it was unpacked to"
)
_FIRST = "--dataset_size=N of a run, _size.N of the dataset, --count=N of the module"


@dataclass(frozen=True)
class Labels:
    """Images' file names and their classes, 0 to 999, in LoadGen's order; `path` is their file, for messages."""

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
        """Return the first `count` images only; raise `DatasetError` if there are fewer."""
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
        columns = line.split()
        if problem := _problem(columns, line, class_of):
            raise DatasetError(f"{path} line {number}", problem, _ADVICE)
        if columns:
            class_of[columns[0]] = int(columns[1])
    if not class_of:
        raise DatasetError(path, "labels no image", _ADVICE)
    return Labels(path, tuple(class_of), tuple(class_of.values()))


def _problem(columns: list[str], line: str, known: Mapping[str, int]) -> str:
    """Return what is wrong with a line, or nothing; an empty one is skipped."""
    if not columns:
        return ""
    if len(columns) != _COLUMNS or not columns[1].isdecimal():
        return f"is no label: {line.strip()[:60]!r}"
    name, label = columns[0], int(columns[1])
    if name in known:
        return f"labels {name} a second time"
    if not IMAGE_NAME.fullmatch(name):
        return f"labels {name[:60]!r}, which is no image of the validation set"
    return f"gives {name} the class {label}; they count from 0 to {CLASSES - 1}" if label >= CLASSES else ""


@dataclass(frozen=True)
class ImageFile:
    """One image, still packed: its name in the label file, the file that holds it (its own, or the tar), and where.

    `offset` and `size` are in bytes.
    """

    name: str
    path: Path
    offset: int
    size: int

    @property
    def where(self) -> str:
        """Its name in errors."""
        return str(self.path) if self.path.name == self.name else f"{self.path}, {self.name}"

    def read(self) -> bytes:
        """Return its bytes; raise `DatasetError` if the file has gone or is shorter than it was."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                content = file.read(self.size)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if len(content) != self.size:
            raise DatasetError(self.path, f"is shorter than it was: {self.name} is cut off", "give the whole set again")
        return content


def find_images(place: Path) -> dict[str, ImageFile]:
    """Find the validation images of a folder or an uncompressed tar, by name; other files are left alone.

    Raises:
        DatasetError: nothing is there, it is neither, it holds none, or it holds one twice.
    """
    try:
        place.stat()
    except OSError as error:
        raise _unreadable(place, error, HOW_TO_GET) from error
    found: dict[str, ImageFile] = {}
    for image in _in_folder(place) if place.is_dir() else _in_tar(place):
        first = found.setdefault(image.name, image)
        if first is not image:
            raise DatasetError(place, f"holds {image.name} twice", f"keep one of them; the other is {image.path}")
    if not found:
        raise DatasetError(place, "holds no image of ImageNet's validation set (ILSVRC2012_val_*.JPEG)", HOW_TO_GET)
    return found


def choose_images(place: Path, found: Mapping[str, ImageFile], labels: Labels, count: int | None) -> list[ImageFile]:
    """Return the first `count` labelled images in the labels' order; all of them, where no count is given.

    Raises:
        DatasetError: one is missing, or (without a count) there are images that have no label.
    """
    wanted = labels.names if count is None else labels.first(count).names
    missing = [name for name in wanted if name not in found]
    if missing:
        first = f"(the first is {missing[0]})"
        problem = f"lacks {len(missing)} of the {len(wanted)} images that {labels.path} labels {first}"
        raise DatasetError(place, problem, f"complete it, or ask for the first N only ({_FIRST}); {HOW_TO_GET}")
    extra = sorted(found.keys() - set(labels.names)) if count is None else []
    if extra:
        problem = f"holds {len(extra)} images without a label in {labels.path} (the first is {extra[0]})"
        advice = f"give the label file of the whole set, or ask for its first N only ({_FIRST})"
        raise DatasetError(place, problem, advice)
    return [found[name] for name in wanted]


def list_sha256(images: Iterable[ImageFile]) -> str:
    """Hash the images' names and sizes in bytes, in their order."""
    return hashlib.sha256("".join(f"{image.name} {image.size}\n" for image in images).encode()).hexdigest()


def _in_folder(place: Path) -> Iterator[ImageFile]:
    def fail(error: OSError) -> None:
        raise _unreadable(error.filename, error, "make the folder readable") from error

    for folder, _, names in os.walk(place, onerror=fail):
        for name in sorted(names):
            if IMAGE_NAME.fullmatch(name):
                path = Path(folder, name)
                try:
                    yield ImageFile(name, path, 0, path.stat().st_size)
                except OSError as error:
                    raise _unreadable(path, error) from error


def _in_tar(place: Path) -> Iterator[ImageFile]:
    try:
        with tarfile.open(place, "r:") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if member.isfile() and IMAGE_NAME.fullmatch(name):
                    yield ImageFile(name, place, member.offset_data, member.size)
    except tarfile.TarError as error:
        problem = f"cannot be read as an uncompressed tar ({error})"
        raise DatasetError(place, problem, f"unpack it, or fetch it again; {HOW_TO_GET}") from error
    except OSError as error:
        raise _unreadable(place, error, HOW_TO_GET) from error


def _unreadable(path: object, error: OSError, advice: str = "give the whole set again") -> DatasetError:
    return DatasetError(path, f"cannot be read ({error.strerror})", advice)
