"""Unfinished work is resumed if it matches, and never taken for finished work or from a running process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("cv2")

from image_sets import held_elsewhere
from photographs import make_set

import mlperf_home
from mlperf_home.datasets.imagenet import preprocessing

if TYPE_CHECKING:
    from image_sets import ImageSet


class TestWorkOfAnotherRun:
    """Unfinished work of another run, in a folder beside this run's."""

    @pytest.fixture
    def left(self, photographs: ImageSet, tmp_path: Path) -> Path:
        left = tmp_path / "unfinished" / "key-1" / "work"
        photographs.leave_unfinished("--partial", str(left))
        return left

    def again(self, photographs: ImageSet, left: Path, *options: str) -> dict[str, Any]:
        own = left.parents[1] / "key-2" / "work"
        return photographs.run("--partial", str(own), "--left", str(left.parents[1]), *options)

    def test_matching_work_is_resumed(self, photographs: ImageSet, left: Path) -> None:
        assert self.again(photographs, left)["made"] == 1
        assert np.array_equal(photographs.pixels()[0], photographs.made_plainly(1))
        assert not left.parent.exists()

    def test_work_that_does_not_match_is_kept(self, photographs: ImageSet, left: Path) -> None:
        assert self.again(photographs, left, "--resolution", "40")["made"] == 11
        assert self.again(photographs, left, "--count", "9")["made"] == 9
        make_set(photographs.images, 11, first_seed=50)
        assert self.again(photographs, left)["made"] == 11
        assert (left / "done.txt").is_file()

    def test_work_in_use_is_not_taken_over(self, photographs: ImageSet, left: Path) -> None:
        with held_elsewhere(left):
            assert self.again(photographs, left)["made"] == 11
        assert (left / "done.txt").is_file()

    def test_work_of_other_code_is_not_reused(
        self, photographs: ImageSet, left: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(preprocessing, "code_sha256", lambda: "another")

        assert self.again(photographs, left)["made"] == 11


def test_folder_in_use_is_refused(photographs: ImageSet) -> None:
    with held_elsewhere(photographs.partial):
        error = photographs.fail()

    assert f"{photographs.partial}: is in use by another process that makes the same images; wait for it" in error
    assert photographs.run()["made"] == 11


def test_folder_that_was_just_finished_is_reused(photographs: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    photographs.run()
    real, answers = preprocessing.read_finished, iter([None])
    monkeypatch.setattr(preprocessing, "read_finished", lambda *arguments: next(answers, real(*arguments)))

    assert photographs.run()["reused"]
    assert not photographs.partial.exists()


def test_damaged_chunk_is_made_again(photographs: ImageSet) -> None:
    photographs.leave_unfinished()
    with (photographs.partial / "whole" / "images.npy").open("r+b") as file:
        file.seek(200)
        file.write(b"\1\2\3\4\5\6\7")
    with (photographs.partial / "done.txt").open("a") as file:
        file.write("3 00 00\nx\n99 00\n5 00 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

    assert photographs.run()["made"] == 3
    assert np.array_equal(photographs.pixels()[0], photographs.made_plainly(1))


def test_truncated_work_is_started_again(photographs: ImageSet) -> None:
    photographs.leave_unfinished()
    os.truncate(photographs.partial / "whole" / "images.npy", 5000)

    assert photographs.run()["made"] == 11
    assert np.array_equal(photographs.pixels()[0], photographs.made_plainly(1))


def test_work_for_other_images_is_discarded(photographs: ImageSet) -> None:
    photographs.leave_unfinished()

    assert photographs.run("--resolution", "48")["made"] == 11
    assert photographs.pixels().shape == (11, 48, 48, 3)


BLOCKED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from mlperf_home.datasets.imagenet import __main__ as command, preprocessing
real = preprocessing.pixels.make_pixels
def blocking(recipe, content, where):
    number = int(where[-13:-5])
    if number > 6 and sys.argv[1] == "killed":
        signal.pause()
    if number == 7:
        done = preprocessing._inputs.path.parents[1] / "done.txt"
        while not done.exists() or len(done.read_text().splitlines()) < 3:
            pass
        os.kill(os.getppid(), signal.SIGINT)
    return real(recipe, content, where)
preprocessing.pixels.make_pixels = blocking
preprocessing.CHUNK_IMAGES = 2
sys.exit(command.main(sys.argv[3:]))
"""


@pytest.mark.parametrize("how", ["killed", "interrupted"])
def test_ended_run_is_resumed(photographs: ImageSet, how: str) -> None:
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
        error = running.stderr.read()

    assert not photographs.out.exists()
    if how == "interrupted":
        assert error == "mlperf-home: interrupted; repeat the command to resume\n"
        assert running.returncode == 130
    facts = photographs.run()
    assert facts["made"] <= 5
    assert np.array_equal(photographs.pixels()[6], photographs.made_plainly(7))
