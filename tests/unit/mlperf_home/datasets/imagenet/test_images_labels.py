"""The label file is read in order, and each malformed one has its message."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.imagenet.images import read_labels

TEXT = "ILSVRC2012_val_00000001.JPEG 65\nILSVRC2012_val_00000002.JPEG 970\nILSVRC2012_val_00000003.JPEG 0\n"


def test_names_and_classes_keep_the_files_order(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(TEXT)

    labels = read_labels(path)

    assert labels.classes == (65, 970, 0)
    assert labels.names[1] == "ILSVRC2012_val_00000002.JPEG"
    assert labels.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert labels.first(2).text == "".join(TEXT.splitlines(keepends=True)[:2])


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("ILSVRC", "val/ILSVRC"),
        TEXT.replace("ILSVRC", "./n01440764/ILSVRC"),
        TEXT.replace("ILSVRC", "/data/imagenet/val/ILSVRC"),
        TEXT.replace("ILSVRC", "val\\ILSVRC"),
        TEXT.replace(" ", "\t"),
        TEXT.replace(" ", "    "),
        TEXT.replace("\n", "  \r\n"),
        "\ufeff" + TEXT,
        "\ufeff" + TEXT.replace("ILSVRC", "val/ILSVRC").replace("\n", "\r\n\r\n").replace(" ", " \t"),
    ],
)
def test_what_other_tools_write_is_the_same(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(text, encoding="utf-8", newline="")

    assert read_labels(path).text == TEXT


@pytest.mark.parametrize("name", ["val_map.txt", "val.txt"])
def test_label_file_is_found_in_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TEXT)

    assert read_labels(tmp_path).path == tmp_path / name


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "labels no image"),
        ("\n\n", "labels no image"),
        ("ILSVRC2012_val_00000001.JPEG\n", "line 1: is not a label: 'ILSVRC2012_val_00000001.JPEG'"),
        ("ILSVRC2012_val_00000001.JPEG sixty\n", "line 1: is not a label"),
        ("ILSVRC2012_val_00000001.JPEG -1\n", "line 1: is not a label"),
        (
            TEXT + "n01440764/n01440764_10026.JPEG 0\n",
            "line 4: labels 'n01440764/n01440764_10026.JPEG', which is not an image",
        ),
        ("ILSVRC2012_val_00000001.JPEG \u0661\n", "line 1: is not a label"),
        (f"ILSVRC2012_val_00000001.JPEG {'1' * 5000}\n", "line 1: is not a label"),
        (TEXT + "val/ILSVRC2012_val_00000001.JPEG 65\n", "line 4: labels ILSVRC2012_val_00000001.JPEG a second time"),
        ("a b/ILSVRC2012_val_00000001.JPEG 65\n", "line 1: is not a label"),
        ("ILSVRC2012_val_00000001.JPEG/ 65\n", "which is not an image"),
        ("ILSVRC2012_test_00000001.JPEG 0\n", "which is not an image of the validation set"),
        ("ILSVRC2012_val_00000001.JPEG 1000\n", "with class 1000, which is not from 0 to 999"),
        (TEXT + TEXT, "line 4: labels ILSVRC2012_val_00000001.JPEG a second time"),
    ],
)
def test_malformed_line_is_an_error_with_its_number(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(text)

    with pytest.raises(DatasetError) as caught:
        read_labels(path)

    assert problem in str(caught.value)
    assert "pass val_map.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_absent_or_binary_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No such file"):
        read_labels(tmp_path / "absent.txt")
    (tmp_path / "archive.txt").write_bytes(b"\x1f\x8b\xff")
    with pytest.raises(DatasetError, match="is not UTF-8 text"):
        read_labels(tmp_path / "archive.txt")


def test_an_endless_file_is_refused() -> None:
    with pytest.raises(DatasetError, match="/dev/zero: has more than 16 MiB"):
        read_labels(Path("/dev/zero"))


def test_more_images_than_labels_are_refused(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text(TEXT)

    with pytest.raises(DatasetError, match="labels 3 images, fewer than the requested 500"):
        read_labels(tmp_path).first(500)
