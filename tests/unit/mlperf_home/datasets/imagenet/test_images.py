"""Images are found in folders and tars; incomplete sets are errors."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("cv2")

from photographs import jpeg, make_set, name_of, packed, scene
from tar_blocks import MALFORMED

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import choose_images, find_images, list_sha256, read_labels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_set(tmp_path / "val", 5)


def contents(place: Path, labels: Path, count: int | None = None) -> list[bytes]:
    return [image.read() for image in choose_images(place, find_images(place), read_labels(labels), count)]


def test_folder_subfolders_and_tar_are_equivalent(folder: Path, tmp_path: Path) -> None:
    flat = contents(folder, folder)
    tar = packed(folder, tmp_path / "val.tar")
    nested = packed(folder, tmp_path / "nested.tar", "./imagenet/val/")
    for number in (2, 4):
        (folder / f"n{number:08d}").mkdir()
        (folder / name_of(number)).rename(folder / f"n{number:08d}" / name_of(number))

    assert contents(folder, folder) == flat
    assert contents(tar, folder) == flat
    assert contents(nested, folder) == flat
    assert len(set(flat)) == 5


def test_labels_set_the_order(folder: Path, tmp_path: Path) -> None:
    labels = tmp_path / "reversed.txt"
    labels.write_text("".join(reversed((folder / "val_map.txt").read_text().splitlines(keepends=True))))

    assert contents(folder, labels) == contents(folder, folder)[::-1]


def test_count_uses_only_the_first_images(folder: Path) -> None:
    (folder / name_of(5)).unlink()
    (folder / name_of(90)).write_bytes(b"not in the list")

    assert len(contents(folder, folder, 3)) == 3


def test_other_files_are_ignored(folder: Path) -> None:
    for name in ("README", "ILSVRC2012_val_00000001.JPEG.part", "cat.JPEG", "ILSVRC2012_val_1.JPEG"):
        (folder / name).write_bytes(b"")

    assert len(find_images(folder)) == 5


def test_list_hash_depends_on_sizes_and_order(folder: Path) -> None:
    images = list(find_images(folder).values())
    before = list_sha256(images)
    assert list_sha256(images[::-1]) != before
    with (folder / name_of(1)).open("ab") as file:
        file.write(b"\0")

    assert list_sha256(find_images(folder).values()) != before


def _nothing(folder: Path) -> Path:
    return folder / "absent"


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def _gzipped(folder: Path) -> Path:
    path = packed(folder, folder / "val.tar")
    path.with_suffix(".tar.gz").write_bytes(gzip.compress(path.read_bytes()))
    return path.with_suffix(".tar.gz")


def _cut_off(folder: Path) -> Path:
    path = packed(folder, folder / "val.tar")
    os.truncate(path, path.stat().st_size // 2)
    return path


def _twice(folder: Path) -> Path:
    (folder / "copy").mkdir()
    (folder / "copy" / name_of(3)).write_bytes(jpeg(scene()))
    return folder


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (_nothing, "absent: cannot be read (No such file or directory); get ILSVRC2012_img_val.tar (50,000 images, "),
        (_empty, "has no image of ImageNet's validation set (ILSVRC2012_val_*.JPEG); get ILSVRC2012_img_val.tar"),
        (_gzipped, "cannot be read as an uncompressed tar"),
        (_cut_off, "cannot be read as an uncompressed tar"),
        (_twice, f"has {name_of(3)} twice; keep one of them"),
    ],
)
def test_place_without_a_valid_set_is_an_error(folder: Path, damage: Callable[[Path], Path], problem: str) -> None:
    place = damage(folder)
    with pytest.raises(DatasetError) as caught:
        find_images(place)

    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_images_are_counted_and_first_is_named(folder: Path) -> None:
    (folder / name_of(2)).unlink()
    (folder / name_of(4)).unlink()

    with pytest.raises(DatasetError) as caught:
        contents(folder, folder)

    assert f"lacks 2 of the 5 images that {folder / 'val_map.txt'} labels (the first is {name_of(2)})" in str(
        caught.value
    )
    assert "--count=N" in str(caught.value)


def test_images_without_a_label_are_an_error(folder: Path) -> None:
    (folder / name_of(6)).write_bytes(jpeg(scene()))

    with pytest.raises(DatasetError) as caught:
        contents(folder, folder)

    assert f"has 1 images without a label in {folder / 'val_map.txt'} (the first is {name_of(6)})" in str(caught.value)


def test_image_that_shrinks_or_vanishes_is_an_error(folder: Path) -> None:
    image = find_images(folder)[name_of(1)]
    os.truncate(folder / name_of(1), 10)

    with pytest.raises(DatasetError, match="has become shorter"):
        image.read()
    (folder / name_of(1)).unlink()
    with pytest.raises(DatasetError, match="cannot be read"):
        image.read()


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_tar_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "set.tar").write_bytes(MALFORMED[name])

    with pytest.raises(DatasetError, match="cannot be read as an uncompressed tar"):
        find_images(tmp_path / "set.tar")
