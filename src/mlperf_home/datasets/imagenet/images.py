"""Where the validation set's images are: in a folder with any sub-folders, or in the tar as it is published."""

from __future__ import annotations

import hashlib
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.labels import IMAGE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlperf_home.datasets.imagenet.labels import Labels

HOW_TO_GET = (
    "ILSVRC2012_img_val.tar (50,000 images, 6.7 GB, md5 29b22e2961454d5413ddabcf34fc5622) is given out by "
    "image-net.org to those who register for research; give the tar or the folder it was unpacked to"
)

_FIRST = "--dataset_size=N of a run, _size.N of the dataset, --count=N of the module"


@dataclass(frozen=True)
class ImageFile:
    """One image, still packed.

    Attributes:
        name: its name in the label file.
        path: the file that holds it: its own, or the tar.
        offset: where it begins there, in bytes.
        size: its length in bytes.
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
        """Return its bytes.

        Raises:
            DatasetError: the file has gone or is shorter than it was.
        """
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
