"""Complete runs: made once, reused, made again, disturbed and refused."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("cv2")

from photographs import name_of, packed

from mlperf_home.datasets.imagenet import __main__ as command
from mlperf_home.datasets.imagenet import preprocessing

if TYPE_CHECKING:
    from image_sets import ImageSet


def test_complete_run(photographs: ImageSet) -> None:
    facts = photographs.run("--workers", "3")

    for number, made in enumerate(photographs.pixels(), start=1):
        assert np.array_equal(made, photographs.made_plainly(number))
    assert (photographs.out / "val_map.txt").read_text() == (photographs.images / "val_map.txt").read_text()
    assert (facts["images"], facts["made"], facts["reused"]) == (11, 11, False)
    assert (facts["recipe"], facts["family"], facts["resolution"]) == ("published", "mobilenet", 32)
    assert set(facts["versions"]) == {"opencv", "numpy"}
    counts = [line["done"] for line in photographs.lines[:-1]]
    assert (counts[0], counts[-1], counts) == (0, 11, sorted(counts))
    assert sorted(path.name for path in photographs.out.parent.iterdir()) == ["images"]


def test_workers_and_tar_do_not_change_the_pixels(photographs: ImageSet, tmp_path: Path) -> None:
    one = photographs.run("--workers", "1")
    before = photographs.pixels()
    photographs.images = packed(photographs.images, tmp_path / "val.tar")
    labels = ["--labels", str(tmp_path / "val")]

    other = photographs.run("--out", str(tmp_path / "other"), "--workers", "4", *labels)

    assert np.array_equal(np.load(tmp_path / "other" / "images.npy"), before)
    assert {key: one[key] for key in one if key.endswith("sha256")} == {
        key: other[key] for key in other if key.endswith("sha256")
    }


def test_second_run_reuses_the_images(photographs: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    first = photographs.run()
    monkeypatch.setattr(preprocessing, "make_chunks", None)

    again = photographs.run()

    assert (again["made"], again["reused"]) == (0, True)
    assert again["pixels_sha256"] == first["pixels_sha256"]


@pytest.mark.parametrize(
    "options",
    [["--recipe", "mlperf-v3.1"], ["--family", "efficientnet"], ["--resolution", "40"], ["--count", "9"]],
    ids=lambda options: options[0],
)
def test_other_options_replace_the_images(photographs: ImageSet, options: list[str]) -> None:
    before = photographs.run()

    after = photographs.run(*options)

    assert not after["reused"]
    assert after["pixels_sha256"] != before["pixels_sha256"]
    assert len(photographs.pixels()) == after["images"]
    assert sorted(path.name for path in photographs.out.parent.iterdir()) == ["images"]


@pytest.mark.parametrize("change", ["image", "labels", "cut off", "version"])
def test_changed_inputs_or_arrays_are_made_again(
    photographs: ImageSet, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    photographs.run()
    if change == "image":
        (photographs.images / name_of(3)).write_bytes((photographs.images / name_of(4)).read_bytes())
    elif change == "labels":
        labels = photographs.images / "val_map.txt"
        labels.write_text(labels.read_text().replace("JPEG 7\n", "JPEG 8\n"))
    elif change == "cut off":
        os.truncate(photographs.out / "images.npy", 1000)
    else:
        monkeypatch.setattr(preprocessing.pixels, "VERSION", "0.0.1")

    assert photographs.run()["made"] == 11
    assert len(photographs.pixels()) == 11


def test_run_resumes_after_an_unreadable_image(photographs: ImageSet) -> None:
    path = photographs.images / name_of(11)
    content = path.read_bytes()
    # The same length keeps the list of images unchanged.
    path.write_bytes(b"\0" * len(content))

    error = photographs.fail("--workers", "1")

    assert f"{path}: is not a complete JPEG" in error
    assert not photographs.out.exists()
    path.write_bytes(content)
    facts = photographs.run()
    assert (facts["made"], photographs.lines[0]["done"]) == (1, 10)
    interrupted = photographs.pixels()
    photographs.run("--out", str(photographs.out.with_name("at-once")))
    assert np.array_equal(np.load(photographs.out.with_name("at-once") / "images.npy"), interrupted)


def test_changed_image_costs_only_its_own_chunk(photographs: ImageSet) -> None:
    path = photographs.images / name_of(11)
    content = path.read_bytes()
    path.write_bytes(content[:100])
    photographs.fail("--workers", "1")
    path.write_bytes(content)

    facts = photographs.run()

    assert (facts["made"], photographs.lines[0]["done"]) == (1, 10)
    photographs.run("--out", str(photographs.out.with_name("at-once")))
    assert (photographs.out / "images.json").read_text() == (
        photographs.out.with_name("at-once") / "images.json"
    ).read_text()


def test_unreadable_image_of_a_tar_is_named(photographs: ImageSet, tmp_path: Path) -> None:
    (photographs.images / name_of(4)).write_bytes(b"junk")
    tar = packed(photographs.images, tmp_path / "val.tar")

    assert f"{tar}, {name_of(4)}: is not a complete JPEG (4 bytes)" in photographs.fail("--images", str(tar))


def _full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_full_disk_is_an_error_before_the_work_starts(photographs: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", _full)
        error = photographs.fail()

    assert "cannot be made (No space left on device); free some space, or choose a writable folder with 1 MB" in error
    assert "--cache_dir=DIR" in error
    assert not photographs.out.exists()
    assert not (photographs.partial / "whole").exists()
    assert photographs.run()["made"] == 11


@pytest.mark.parametrize("after", [0, 5])
def test_disk_that_fills_up_leaves_no_finished_folder(
    photographs: ImageSet, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    real, count = os.pwrite, iter(range(100))
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda *arguments: real(*arguments) if next(count) < after else _full())
        error = photographs.fail("--workers", "1")

    assert "No space left on device" in error
    assert not photographs.out.exists()
    assert photographs.run()["made"] == 11 - after // 2 * 2


def test_disk_full_at_the_end_keeps_the_older_images(photographs: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    before = photographs.run()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _full)
        photographs.fail("--recipe", "mlperf-v3.1")

    assert photographs.run()["pixels_sha256"] == before["pixels_sha256"]
    facts = photographs.run("--recipe", "mlperf-v3.1")
    assert facts["made"] == 0
    assert not facts["reused"]


def test_killed_worker_is_an_error(photographs: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(preprocessing.pixels, "make_pixels", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        error = photographs.fail("--workers", "2")

    assert "a worker process was killed, perhaps because memory ran out; repeat the command" in error
    assert photographs.run()["made"] == 11


def test_unrelated_output_folder_is_not_replaced(photographs: ImageSet) -> None:
    photographs.out.mkdir(parents=True)
    (photographs.out / "thesis.txt").write_text("mine")

    assert "exists and is not a folder of preprocessed images; pass another --out" in photographs.fail()
    assert (photographs.out / "thesis.txt").read_text() == "mine"


def test_unwritable_output_is_an_error(photographs: ImageSet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert "cannot be made (" in photographs.fail("--out", str(tmp_path / "file" / "images"))


def test_partial_folder_on_another_file_system(photographs: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path.parent == photographs.partial:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)

    assert photographs.run("--partial", str(photographs.partial))["made"] == 11
    assert sorted(path.name for path in photographs.out.parent.iterdir()) == ["images"]


def test_missing_opencv_names_the_package_to_install(photographs: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("preprocessing", "pixels"):
        monkeypatch.delitem(sys.modules, f"mlperf_home.datasets.imagenet.{name}")
    monkeypatch.delattr("mlperf_home.datasets.imagenet.preprocessing", raising=False)
    monkeypatch.setitem(sys.modules, "cv2", None)

    error = photographs.fail()

    assert "lacks a package" in error
    assert "pip install opencv-python-headless" in error


@pytest.mark.parametrize("options", [["--count", "0"], ["--workers", "x"], ["--recipe", "best"]])
def test_invalid_options_are_refused(photographs: ImageSet, options: list[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(photographs.arguments(*options))
