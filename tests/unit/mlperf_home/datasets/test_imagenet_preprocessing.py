"""Whole runs: once, reused, gone on with, disturbed; nothing unfinished is ever taken for whole."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("cv2")

from photographs import make_set, name_of, packed

import mlperf_home
from mlperf_home.datasets.imagenet import __main__ as command
from mlperf_home.datasets.imagenet import claims, preprocessing, workers
from mlperf_home.datasets.imagenet.pixels import make_pixels
from mlperf_home.datasets.imagenet.recipes import find_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator


class Set:
    """A set of 11 images, in chunks of 2, and the command that preprocesses it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.images = make_set(folder / "val", 11)
        self.out = folder / "made" / "images"
        self.partial = folder / "made" / ".images.partial"
        self._capsys = capsys

    def arguments(self, *options: str) -> list[str]:
        fixed = ["--images", str(self.images), "--labels", str(self.images / "val_map.txt"), "--out", str(self.out)]
        return [*fixed, "--resolution", "32", *options]

    def run(self, *options: str) -> dict[str, Any]:
        self._capsys.readouterr()
        assert command.main(self.arguments(*options)) == 0
        self.lines = [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]
        return dict(self.lines[-1])

    def fail(self, *options: str) -> str:
        self._capsys.readouterr()
        assert command.main(self.arguments(*options)) == 65
        said = self._capsys.readouterr().err
        assert said.startswith("mlperf-home: ")
        assert len(said.splitlines()) == 1
        return said

    def pixels(self) -> Any:
        return np.load(self.out / "images.npy")


@pytest.fixture
def photographs(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Set:
    monkeypatch.setattr(preprocessing, "CHUNK_IMAGES", 2)
    return Set(tmp_path, capsys)


@contextmanager
def _held_elsewhere(folder: Path) -> Iterator[None]:
    """Let another process have a folder of unfinished work."""
    context = multiprocessing.get_context("fork")
    claimed, release = context.Event(), context.Event()

    def hold() -> None:
        with claims.claimed(folder):
            claimed.set()
            release.wait(60)

    other = context.Process(target=hold)
    other.start()
    try:
        assert claimed.wait(60)
        yield
    finally:
        release.set()
        other.join()


def test_a_whole_run(photographs: Set) -> None:
    told = photographs.run("--workers", "3")

    recipe = find_recipe("published", "mobilenet", 32)
    for number, made in enumerate(photographs.pixels(), start=1):
        wanted = make_pixels(recipe, (photographs.images / name_of(number)).read_bytes(), "x")
        assert np.array_equal(made, wanted)
    assert (photographs.out / "val_map.txt").read_text() == (photographs.images / "val_map.txt").read_text()
    assert (told["images"], told["made"], told["reused"]) == (11, 11, False)
    assert (told["recipe"], told["family"], told["resolution"]) == ("published", "mobilenet", 32)
    assert set(told["versions"]) == {"opencv", "numpy"}
    counts = [line["done"] for line in photographs.lines[:-1]]
    assert (counts[0], counts[-1], counts) == (0, 11, sorted(counts))
    assert sorted(path.name for path in photographs.out.parent.iterdir()) == ["images"]


def test_workers_and_a_tar_make_no_difference(photographs: Set, tmp_path: Path) -> None:
    one = photographs.run("--workers", "1")
    before = photographs.pixels()
    photographs.images = packed(photographs.images, tmp_path / "val.tar")
    labels = ["--labels", str(tmp_path / "val")]

    other = photographs.run("--out", str(tmp_path / "other"), "--workers", "4", *labels)

    assert np.array_equal(np.load(tmp_path / "other" / "images.npy"), before)
    assert {key: one[key] for key in one if key.endswith("sha256")} == {
        key: other[key] for key in other if key.endswith("sha256")
    }


def test_a_second_run_uses_what_is_there(photographs: Set, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_another_wish_replaces_what_is_there(photographs: Set, options: list[str]) -> None:
    before = photographs.run()

    after = photographs.run(*options)

    assert not after["reused"]
    assert after["pixels_sha256"] != before["pixels_sha256"]
    assert len(photographs.pixels()) == after["images"]
    assert sorted(path.name for path in photographs.out.parent.iterdir()) == ["images"]


@pytest.mark.parametrize("change", ["image", "labels", "cut off", "version"])
def test_changed_images_labels_or_arrays_are_made_again(
    photographs: Set, change: str, monkeypatch: pytest.MonkeyPatch
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


def test_an_unreadable_image_is_named_and_what_was_done_is_gone_on_with(photographs: Set) -> None:
    path = photographs.images / name_of(11)
    whole = path.read_bytes()
    # The same length, so that the list of images stays as it is.
    path.write_bytes(b"\0" * len(whole))

    said = photographs.fail("--workers", "1")

    assert f"{path}: is no whole JPEG" in said
    assert not photographs.out.exists()
    path.write_bytes(whole)
    told = photographs.run()
    assert (told["made"], photographs.lines[0]["done"]) == (1, 10)
    interrupted = photographs.pixels()
    photographs.run("--out", str(photographs.out.with_name("at-once")))
    assert np.array_equal(np.load(photographs.out.with_name("at-once") / "images.npy"), interrupted)


def test_an_image_of_another_size_in_its_place_costs_only_its_own_chunk(photographs: Set) -> None:
    path = photographs.images / name_of(11)
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    photographs.fail("--workers", "1")
    path.write_bytes(whole)

    told = photographs.run()

    assert (told["made"], photographs.lines[0]["done"]) == (1, 10)
    photographs.run("--out", str(photographs.out.with_name("at-once")))
    assert (photographs.out / "images.json").read_text() == (
        photographs.out.with_name("at-once") / "images.json"
    ).read_text()


class TestWorkOfOthers:
    """What another run left unfinished, in a folder beside its own."""

    @pytest.fixture
    def left(self, photographs: Set, tmp_path: Path) -> Path:
        path = photographs.images / name_of(11)
        whole = path.read_bytes()
        path.write_bytes(whole[:100])
        left = tmp_path / "unfinished" / "key-1" / "work"
        photographs.fail("--workers", "1", "--partial", str(left))
        path.write_bytes(whole)
        return left

    def again(self, photographs: Set, left: Path, *options: str) -> dict[str, Any]:
        own = left.parents[1] / "key-2" / "work"
        return photographs.run("--partial", str(own), "--left", str(left.parents[1]), *options)

    def test_is_gone_on_with(self, photographs: Set, left: Path) -> None:
        assert self.again(photographs, left)["made"] == 1
        assert np.array_equal(photographs.pixels()[0], _plainly(photographs, 1))
        assert not left.parent.exists()

    def test_is_left_alone_where_it_is_of_no_use(self, photographs: Set, left: Path) -> None:
        assert self.again(photographs, left, "--resolution", "40")["made"] == 11
        assert self.again(photographs, left, "--count", "9")["made"] == 9
        make_set(photographs.images, 11, first_seed=50)
        assert self.again(photographs, left)["made"] == 11
        assert (left / "done.txt").is_file()

    def test_is_left_alone_while_it_is_gone_on_with_elsewhere(self, photographs: Set, left: Path) -> None:
        with _held_elsewhere(left):
            assert self.again(photographs, left)["made"] == 11
        assert (left / "done.txt").is_file()

    def test_made_by_other_code_is_not_believed(
        self, photographs: Set, left: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(preprocessing, "code_sha256", lambda: "another")

        assert self.again(photographs, left)["made"] == 11


def test_an_unreadable_image_of_a_tar_is_named(photographs: Set, tmp_path: Path) -> None:
    (photographs.images / name_of(4)).write_bytes(b"junk")
    tar = packed(photographs.images, tmp_path / "val.tar")

    assert f"{tar}, {name_of(4)}: is no whole JPEG (4 bytes)" in photographs.fail("--images", str(tar))


def test_a_chunk_that_did_not_reach_the_disk_is_made_again(photographs: Set) -> None:
    path = photographs.images / name_of(11)
    whole = path.read_bytes()
    path.write_bytes(b"\0" * len(whole))
    photographs.fail("--workers", "1")
    path.write_bytes(whole)
    with (photographs.partial / "whole" / "images.npy").open("r+b") as file:
        file.seek(200)
        file.write(b"\1\2\3\4\5\6\7")
    with (photographs.partial / "done.txt").open("a") as file:
        file.write("3 00 00\nx\n99 00\n5 00 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

    assert photographs.run()["made"] == 3
    assert np.array_equal(photographs.pixels()[0], _plainly(photographs, 1))


def _plainly(photographs: Set, number: int) -> Any:
    content = (photographs.images / name_of(number)).read_bytes()
    return make_pixels(find_recipe("published", "mobilenet", 32), content, "x")


def test_unfinished_work_that_was_cut_off_is_begun_again(photographs: Set) -> None:
    path = photographs.images / name_of(11)
    whole = path.read_bytes()
    path.write_bytes(b"\0" * len(whole))
    photographs.fail("--workers", "1")
    path.write_bytes(whole)
    os.truncate(photographs.partial / "whole" / "images.npy", 5000)

    assert photographs.run()["made"] == 11
    assert np.array_equal(photographs.pixels()[0], _plainly(photographs, 1))


def test_unfinished_work_for_other_images_is_thrown_away(photographs: Set) -> None:
    path = photographs.images / name_of(11)
    whole = path.read_bytes()
    path.write_bytes(b"\0" * len(whole))
    photographs.fail("--workers", "1")
    path.write_bytes(whole)

    assert photographs.run("--resolution", "48")["made"] == 11
    assert photographs.pixels().shape == (11, 48, 48, 3)


def _full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_without_room_is_told_before_anything_is_made(photographs: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", _full)
        said = photographs.fail()

    assert (
        "cannot be made (No space left on device); make room, or give a place that can be written and has 1 MB" in said
    )
    assert "--cache_dir=DIR" in said
    assert not photographs.out.exists()
    assert not (photographs.partial / "whole").exists()
    assert photographs.run()["made"] == 11


@pytest.mark.parametrize("after", [0, 5])
def test_a_disk_that_fills_up_meanwhile_leaves_nothing_that_looks_whole(
    photographs: Set, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    real, count = os.pwrite, iter(range(100))
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda *given: real(*given) if next(count) < after else _full())
        said = photographs.fail("--workers", "1")

    assert "No space left on device" in said
    assert not photographs.out.exists()
    assert photographs.run()["made"] == 11 - after // 2 * 2


def test_a_disk_that_is_full_at_the_end_leaves_the_older_images(
    photographs: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = photographs.run()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _full)
        photographs.fail("--recipe", "mlperf-v3.1")

    assert photographs.run()["pixels_sha256"] == before["pixels_sha256"]
    told = photographs.run("--recipe", "mlperf-v3.1")
    assert told["made"] == 0
    assert not told["reused"]


def test_a_worker_that_is_killed_is_told(photographs: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(workers, "make_pixels", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        said = photographs.fail("--workers", "2")

    assert "a worker process was killed, perhaps for want of memory; run it again" in said
    assert photographs.run()["made"] == 11


def test_two_at_once_on_one_place(photographs: Set) -> None:
    with _held_elsewhere(photographs.partial):
        said = photographs.fail()

    assert f"{photographs.partial}: is in use: another process makes the same images; wait until it is done" in said
    assert photographs.run()["made"] == 11


def test_who_comes_when_another_has_just_finished_uses_it(photographs: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    photographs.run()
    real, answers = preprocessing.finished, iter([None])
    monkeypatch.setattr(preprocessing, "finished", lambda *given: next(answers, real(*given)))

    assert photographs.run()["reused"]
    assert not photographs.partial.exists()


BLOCKED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from mlperf_home.datasets.imagenet import __main__ as command, preprocessing, workers
real = workers.make_pixels
def blocking(recipe, content, where):
    number = int(where[-13:-5])
    if number > 6 and sys.argv[1] == "killed":
        signal.pause()
    if number == 7:
        done = workers._work.path.parents[1] / "done.txt"
        while not done.exists() or len(done.read_text().splitlines()) < 3:
            pass
        os.kill(os.getppid(), signal.SIGINT)
    return real(recipe, content, where)
workers.make_pixels = blocking
preprocessing.CHUNK_IMAGES = 2
sys.exit(command.main(sys.argv[3:]))
"""


@pytest.mark.parametrize("how", ["killed", "interrupted"])
def test_a_run_that_is_ended_is_gone_on_with(photographs: Set, how: str) -> None:
    source = str(Path(mlperf_home.__file__).parents[1])
    argv = [sys.executable, "-c", BLOCKED, how, source, *photographs.arguments("--workers", "1")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert running.stderr
        for line in running.stdout:
            if json.loads(line).get("done") == 6:
                break
        if how == "killed":
            running.kill()
        said = running.stderr.read()

    assert not photographs.out.exists()
    if how == "interrupted":
        assert said == "mlperf-home: interrupted; the same command goes on with what is done\n"
        assert running.returncode == 130
    told = photographs.run()
    assert told["made"] <= 5
    assert np.array_equal(photographs.pixels()[6], _plainly(photographs, 7))


def test_a_place_that_is_something_else_is_left_alone(photographs: Set) -> None:
    photographs.out.mkdir(parents=True)
    (photographs.out / "thesis.txt").write_text("mine")

    assert "exists and is no folder of preprocessed images; give another --out" in photographs.fail()
    assert (photographs.out / "thesis.txt").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_told(photographs: Set, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert "cannot be made (" in photographs.fail("--out", str(tmp_path / "file" / "images"))


def test_unfinished_work_may_be_on_another_file_system(photographs: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path.parent == photographs.partial:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)

    assert photographs.run("--partial", str(photographs.partial))["made"] == 11
    assert sorted(path.name for path in photographs.out.parent.iterdir()) == ["images"]


def test_without_opencv_it_is_said_what_to_install(photographs: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("preprocessing", "pixels", "workers"):
        monkeypatch.delitem(sys.modules, f"mlperf_home.datasets.imagenet.{name}")
    monkeypatch.delattr("mlperf_home.datasets.imagenet.preprocessing", raising=False)
    monkeypatch.setitem(sys.modules, "cv2", None)

    said = photographs.fail()

    assert "lacks a package" in said
    assert "pip install opencv-python-headless" in said


@pytest.mark.parametrize("options", [["--count", "0"], ["--workers", "x"], ["--recipe", "best"]])
def test_options_that_make_no_sense_are_refused(photographs: Set, options: list[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(photographs.arguments(*options))
