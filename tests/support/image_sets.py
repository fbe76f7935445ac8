"""A set of images that tests preprocess wholly or in part."""

from __future__ import annotations

import json
import multiprocessing
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from photographs import make_set, name_of

from mlperf_home.datasets.imagenet import __main__ as command
from mlperf_home.datasets.imagenet import unfinished
from mlperf_home.datasets.imagenet.pixels import make_pixels
from mlperf_home.datasets.imagenet.recipes import find_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


class ImageSet:
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
        error = self._capsys.readouterr().err
        assert error.startswith("mlperf-home: ")
        assert len(error.splitlines()) == 1
        return error

    def leave_unfinished(self, *options: str) -> None:
        """Fail at the last image, and restore it afterwards."""
        path = self.images / name_of(11)
        content = path.read_bytes()
        path.write_bytes(b"\0" * len(content))
        self.fail("--workers", "1", *options)
        path.write_bytes(content)

    def pixels(self) -> Any:
        return np.load(self.out / "images.npy")

    def made_plainly(self, number: int) -> Any:
        """Return the pixels of one image (numbers start at 1), made without the command."""
        content = (self.images / name_of(number)).read_bytes()
        return make_pixels(find_recipe("published", "mobilenet", 32), content, "x")


@contextmanager
def held_elsewhere(folder: Path) -> Iterator[None]:
    """Claim a folder of unfinished work in another process."""
    context = multiprocessing.get_context("fork")
    claimed, release = context.Event(), context.Event()

    def hold() -> None:
        with unfinished.claim(folder):
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
