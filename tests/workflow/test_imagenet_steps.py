"""ImageNet's steps through `cm run script`, from a user's folder to cached preprocessed images."""

from __future__ import annotations

import json
import shutil
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("cv2")

from photographs import jpeg, make_set, name_of, packed, scene

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., dict[str, Any]]

HERE = {"image-environment": {"environment": sys.executable}}
PREPROCESSED = "get,dataset,imagenet,preprocessed"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return make_set(tmp_path / "val", 7)


def failure(answer: dict[str, Any]) -> str:
    assert answer["return"] != 0
    return str(answer["error"])


def steps(answer: dict[str, Any]) -> dict[str, str]:
    record = json.loads(Path(answer["record"]).read_text(encoding="utf-8"))
    return {step["title"].partition(",")[0]: step["status"] for step in record["steps"]}


def test_a_folder_is_preprocessed_once(images: Path, cm_run: Run) -> None:
    options = {"imagenet_path": str(images), "labels_path": str(images), "adr": HERE}

    first = cm_run(f"{PREPROCESSED},_resolution.96", **options)
    again = cm_run(f"{PREPROCESSED},_resolution.96", **options)

    made = Path(first["new_env"]["CM_DATASET_PREPROCESSED_PATH"])
    assert np.load(made / "images.npy").shape == (7, 96, 96, 3)
    assert first["new_env"]["CM_DATASET_PREPROCESSED_COUNT"] == 7
    assert first["new_env"]["CM_DATASET_IMAGENET_RECIPE"] == "published"
    assert steps(again)["preprocess-dataset-imagenet"] == "cached"
    assert again["new_env"] == first["new_env"]


def test_images_are_not_made_for_a_model_of_other_classes(images: Path, cm_run: Run) -> None:
    options = {"imagenet_path": str(images), "labels_path": str(images), "adr": HERE}

    for classes in (20, 999):
        answer = cm_run(f"{PREPROCESSED},_resolution.96", **options, env={"CM_ML_MODEL_CLASSES": classes})
        assert f"the model: has {classes} classes, and the images are of ImageNet's 1000" in failure(answer)
        assert str(answer["error"]).endswith("\n  on the way: get-preprocessed-dataset-imagenet")
    assert cm_run(f"{PREPROCESSED},_resolution.96", **options, env={"CM_ML_MODEL_CLASSES": 1000})["return"] == 0


def test_equal_requests_share_preprocessed_images(images: Path, cm_run: Run) -> None:
    options = {"imagenet_path": str(images), "labels_path": str(images), "adr": HERE}
    made = cm_run(f"{PREPROCESSED},_published,_for.mobilenet,_resolution.96", **options)["new_env"]
    answers = [
        cm_run(PREPROCESSED, resolution="96", **options),
        cm_run(PREPROCESSED, recipe="published", resolution=96, **options),
        cm_run(PREPROCESSED, env={"CM_DATASET_INPUT_SQUARE_SIDE": 96, "CM_DATASET_SAMPLE": "no"}, **options),
    ]

    assert [steps(each)["preprocess-dataset-imagenet"] for each in answers] == ["cached"] * 3
    assert [each["new_env"] for each in answers] == [made] * 3


def test_another_recipe_family_size_or_image_is_another_entry(images: Path, cm_run: Run) -> None:
    options = {"imagenet_path": str(images), "labels_path": str(images), "adr": HERE}
    queries = ["", ",_mlperf-v3.1", ",_for.efficientnet", ",_size.5", ",_resolution.32"]
    paths = [cm_run(PREPROCESSED + query, **options)["new_env"]["CM_DATASET_PREPROCESSED_PATH"] for query in queries]
    paths.append(
        cm_run(PREPROCESSED, recipe="mlperf-v3.1", resolution="48", **options)["new_env"][
            "CM_DATASET_PREPROCESSED_PATH"
        ]
    )
    (images / name_of(2)).write_bytes(jpeg(scene(seed=99)))
    paths.append(cm_run(PREPROCESSED, **options)["new_env"]["CM_DATASET_PREPROCESSED_PATH"])

    facts = [json.loads((Path(path) / "images.json").read_text()) for path in paths]
    assert len(set(paths)) == 7
    assert [(each["recipe"], each["family"], each["images"], each["resolution"]) for each in facts] == [
        ("published", "mobilenet", 7, 224),
        ("mlperf-v3.1", "", 7, 224),
        ("published", "efficientnet", 7, 224),
        ("published", "mobilenet", 5, 224),
        ("published", "mobilenet", 7, 32),
        ("mlperf-v3.1", "", 7, 48),
        ("published", "mobilenet", 7, 224),
    ]


def test_an_unreadable_image_fails_the_step(images: Path, cm_run: Run) -> None:
    (images / name_of(3)).write_bytes(b"junk")

    answer = cm_run(PREPROCESSED, imagenet_path=str(images), labels_path=str(images), adr=HERE)

    assert f"{images / name_of(3)}: is not a complete JPEG (4 bytes); fetch this image again" in failure(answer)


@pytest.mark.parametrize("query", ["get,validation,dataset,imagenet,_2012", "get,val,dataset,imagenet,ILSVRC"])
def test_the_users_folder_is_registered_by_the_guides_tags(images: Path, cm_run: Run, query: str) -> None:
    answer = cm_run(query, input=str(images))

    assert answer["new_env"]["CM_DATASET_IMAGENET_VAL_PATH"] == str(images)
    assert answer["new_env"]["CM_DATASET_PATH"] == str(images)


def test_an_incomplete_set_is_refused(images: Path, cm_run: Run) -> None:
    error = failure(cm_run("get,validation,dataset,imagenet,_2012,_full", input=str(images)))
    assert f"{images}: has 7 images, fewer than the requested 50000; get ILSVRC2012_img_val.tar (50,000" in error

    error = failure(cm_run("get,validation,dataset,imagenet,_size.500", input=str(images)))
    assert "has 7 images, fewer than the requested 500" in error


def test_without_imagenet_the_error_says_how_to_get_it(cm_run: Run) -> None:
    error = failure(cm_run("get,validation,dataset,imagenet"))

    assert "ILSVRC2012_img_val.tar (50,000 images, 6.7 GB" in error
    assert "pass --imagenet_path=DIR_OR_TAR or --torrent=URL" in error


def test_labels_of_the_user_are_checked(images: Path, cm_run: Run) -> None:
    exports = cm_run("get,imagenet-aux", labels_path=str(images))["new_env"]
    assert exports["CM_DATASET_IMAGENET_LABELS_PATH"] == str(images / "val_map.txt")
    (images / "val_map.txt").write_text("train/n01440764_1.JPEG 0\n")

    error = failure(cm_run("get,imagenet-aux", labels_path=str(images)))

    assert "line 1: labels 'train/n01440764_1.JPEG', which is not an image of the validation set" in error


class TestTorrents:
    """With a fake aria2c, which records its arguments and leaves a file."""

    TORRENT = "https://academictorrents.com/details/5d6d0df7ed81efd49ca99ea4737e0ae5e3a5f2e5"

    @pytest.fixture
    def aria2(self, tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        programs = tmp_path / "programs"
        programs.mkdir()
        tar = packed(images, tmp_path / "served.tar")
        program = programs / "aria2c"
        program.write_text(
            "#!/bin/sh\n"
            f'echo "$@" > {tmp_path}/words.txt\n'
            'for word; do case "$word" in --dir=*) folder="${word#--dir=}";; esac; done\n'
            f'mkdir -p "$folder/inner" && cp {tar} "$folder/inner/val.tar"\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
        return tmp_path / "words.txt"

    def test_a_page_becomes_a_magnet_and_the_file_is_cached(self, aria2: Path, cm_run: Run, home: Path) -> None:
        answer = cm_run("download,torrent", torrent=self.TORRENT, filename="val.tar")

        kept = Path(answer["new_env"]["CM_TORRENT_DOWNLOADED_PATH"])
        assert kept.is_relative_to(home / "cache")
        assert kept.stat().st_size > 1000
        assert aria2.read_text().split()[-1] == "magnet:?xt=urn:btih:5d6d0df7ed81efd49ca99ea4737e0ae5e3a5f2e5"
        aria2.unlink()
        assert cm_run("download,torrent", torrent=self.TORRENT, filename="val.tar")["new_env"] == answer["new_env"]
        assert not aria2.exists()

    def test_a_file_with_another_hash_is_refused(self, aria2: Path, cm_run: Run) -> None:
        wrong = "md5:29b22e2961454d5413ddabcf34fc5622"

        error = failure(
            cm_run("download,torrent", torrent="magnet:?xt=urn:btih:00", filename="val.tar", checksum=wrong)
        )

        assert "29b22e2961454d5413ddabcf34fc5622" in error
        assert aria2.read_text().split()[-1] == "magnet:?xt=urn:btih:00"

    def test_a_torrent_without_the_file_is_refused(self, aria2: Path, cm_run: Run) -> None:
        assert "has 0 files named other.tar" in failure(cm_run("download,torrent", torrent="x", filename="other.tar"))
        assert aria2.exists()

    def test_a_torrent_without_aria2c_says_how_to_install_it(
        self, images: Path, cm_run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

        error = failure(cm_run("get,validation,dataset,imagenet,_full", torrent=self.TORRENT))

        assert "a torrent needs the program aria2c" in error
        assert "apt install aria2" in error

    def test_a_file_that_the_user_brought_is_used(self, images: Path, cm_run: Run, home: Path) -> None:
        (home / "downloads").mkdir(parents=True)
        packed(images, home / "downloads" / "val.tar")

        answer = cm_run("download,torrent", torrent=self.TORRENT, filename="val.tar")

        assert answer["new_env"]["CM_TORRENT_DOWNLOADED_PATH"] == str(home / "downloads" / "val.tar")
