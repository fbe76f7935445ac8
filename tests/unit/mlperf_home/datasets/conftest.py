"""A set of images for each test that needs OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from image_sets import ImageSet


@pytest.fixture
def photographs(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> ImageSet:
    made: ImageSet = pytest.importorskip("image_sets").ImageSet(tmp_path, capsys)
    monkeypatch.setattr("mlperf_home.datasets.imagenet.preprocessing.CHUNK_IMAGES", 2)
    return made
