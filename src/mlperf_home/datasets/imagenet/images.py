"""Read ImageNet's validation set as published: the label file, and the images in a folder or a tar.

The label file, val_map.txt, is Caffe's val.txt: each line holds an image's name and its class, 0 to 999, in LoadGen's
order. Models with 1,001 classes have a background class 0, so their classes are larger by one.
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
from scriptgraph.files.forward_stream import ForwardStream
from scriptgraph.files.tar_reader import BoundedTar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CLASSES = 1000
OFFICIAL_COUNT = 50_000
# The names in the validation set and in the embedded sample (`mlperf_home.samples.images.image_files`).
SAMPLE_PREFIX = "SAMPLE_"
IMAGE_NAME = re.compile(rf"ILSVRC2012_val_\d{{8}}\.JPEG|{SAMPLE_PREFIX}val_\d{{8}}\.png")
# The file's names in MLPerf's dataset folders and in Caffe's archive.
FILE_NAMES = ("val_map.txt", "val.txt")

_COLUMNS = 2
_ADVICE = "pass val_map.txt (val.txt of Caffe's caffe_ilsvrc12.tar.gz), lines such as 'ILSVRC2012_val_00000001.JPEG 65'"
HOW_TO_GET = (
    "get ILSVRC2012_img_val.tar (50,000 images, 6.7 GB, md5 29b22e2961454d5413ddabcf34fc5622) from image-net.org, "
    "which requires registration for research, and pass the tar or its unpacked folder"
)
_FIRST = "--dataset_size=N of a run, _size.N of the dataset, --count=N of the module"


@dataclass(frozen=True)
class Labels:
    """The images' file names and classes, 0 to 999, in LoadGen's order; `path` is the label file, for messages."""

    path: Path
    names: tuple[str, ...]
    classes: tuple[int, ...]

    @property
    def text(self) -> str:
        """The content of a val_map.txt with these labels."""
        return "".join(f"{name} {number}\n" for name, number in zip(self.names, self.classes, strict=True))

    @property
    def sha256(self) -> str:
        """The hash of `text`, and so of the file if these are all its labels."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def first(self, count: int) -> Labels:
        """Return the first `count` images only; raise `DatasetError` if there are fewer."""
        if count > len(self.names):
            problem = f"labels {len(self.names)} images, fewer than the requested {count}"
            raise DatasetError(self.path, problem, f"request fewer, or {_ADVICE}")
        return Labels(self.path, self.names[:count], self.classes[:count])

    def after(self, count: int) -> Labels:
        """Return all but the first `count` images."""
        return Labels(self.path, self.names[count:], self.classes[count:])


def read_labels(place: Path) -> Labels:
    """Read and check a label file, or the label file in a folder.

    Raises:
        DatasetError: the file is absent, is not text or has no label; or a line is not a label of the validation set,
            repeats an image, or has a class above 999. The error names the line.
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
        if problem := _line_problem(columns, line, class_of):
            raise DatasetError(f"{path} line {number}", problem, _ADVICE)
        if columns:
            class_of[columns[0]] = int(columns[1])
    if not class_of:
        raise DatasetError(path, "labels no image", _ADVICE)
    return Labels(path, tuple(class_of), tuple(class_of.values()))


def _line_problem(columns: list[str], line: str, known: Mapping[str, int]) -> str:
    """Return the fault of a line, or "" if it is a label or empty."""
    if not columns:
        return ""
    if len(columns) != _COLUMNS or not columns[1].isdecimal():
        return f"is not a label: {line.strip()[:60]!r}"
    name, label = columns[0], int(columns[1])
    if name in known:
        return f"labels {name} a second time"
    if not IMAGE_NAME.fullmatch(name):
        return f"labels {name[:60]!r}, which is not an image of the validation set"
    return f"labels {name} with class {label}, which is not from 0 to {CLASSES - 1}" if label >= CLASSES else ""


@dataclass(frozen=True)
class ImageFile:
    """An encoded image: its name in the label file, and its position in bytes in its own file or the tar."""

    name: str
    path: Path
    offset: int
    size: int

    @property
    def where(self) -> str:
        """The image's place, for messages."""
        return str(self.path) if self.path.name == self.name else f"{self.path}, {self.name}"

    def read(self) -> bytes:
        """Return the image's bytes; raise `DatasetError` if its file is missing or has become shorter."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                content = file.read(self.size)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if len(content) != self.size:
            raise DatasetError(self.path, f"has become shorter; {self.name} is cut off", "pass the complete set again")
        return content


def find_images(place: Path) -> dict[str, ImageFile]:
    """Return the validation images of a folder or an uncompressed tar by name; other files are ignored.

    Raises:
        DatasetError: `place` is missing, is neither a folder nor a tar, has no image, or has an image twice.
    """
    try:
        place.stat()
    except OSError as error:
        raise _unreadable(place, error, HOW_TO_GET) from error
    images: dict[str, ImageFile] = {}
    for image in _in_folder(place) if place.is_dir() else _in_tar(place):
        first = images.setdefault(image.name, image)
        if first is not image:
            raise DatasetError(place, f"has {image.name} twice", f"keep one of them; the other is {image.path}")
    if not images:
        raise DatasetError(place, "has no image of ImageNet's validation set (ILSVRC2012_val_*.JPEG)", HOW_TO_GET)
    return images


def choose_images(place: Path, images: Mapping[str, ImageFile], labels: Labels, count: int | None) -> list[ImageFile]:
    """Return the first `count` labelled images in the labels' order, or all of them without a count.

    Raises:
        DatasetError: a labelled image is missing, or, without a count, an image has no label.
    """
    names = labels.names if count is None else labels.first(count).names
    missing = [name for name in names if name not in images]
    if missing:
        first = f"(the first is {missing[0]})"
        problem = f"lacks {len(missing)} of the {len(names)} images that {labels.path} labels {first}"
        raise DatasetError(place, problem, f"complete it, or use only the first N ({_FIRST}); {HOW_TO_GET}")
    extra = sorted(images.keys() - set(labels.names)) if count is None else []
    if extra:
        problem = f"has {len(extra)} images without a label in {labels.path} (the first is {extra[0]})"
        advice = f"pass the label file of the complete set, or use only the first N ({_FIRST})"
        raise DatasetError(place, problem, advice)
    return [images[name] for name in names]


def list_sha256(images: Iterable[ImageFile]) -> str:
    """Hash the names and sizes, in bytes, of the images in order."""
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
        with place.open("rb") as file, BoundedTar(ForwardStream(file, plain=True)) as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if member.isfile() and IMAGE_NAME.fullmatch(name):
                    yield ImageFile(name, place, member.offset_data, member.size)
    except tarfile.TarError as error:
        problem = f"cannot be read as an uncompressed tar ({error})"
        raise DatasetError(place, problem, f"unpack it, or fetch it again; {HOW_TO_GET}") from error
    except OSError as error:
        raise _unreadable(place, error, HOW_TO_GET) from error


def _unreadable(path: object, error: OSError, advice: str = "pass the complete set again") -> DatasetError:
    return DatasetError(path, f"cannot be read ({error.strerror})", advice)
