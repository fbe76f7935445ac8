"""The sample's images have the same bytes everywhere, balanced classes and variety."""

from __future__ import annotations

import collections
import hashlib
import io
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from mlperf_home.datasets.base import DatasetError
from mlperf_home.samples.images import image_files
from mlperf_home.samples.images.figures import (
    CLASSES,
    FIGURES,
    OPAQUE,
    RADIUS,
    UNITS,
    Draws,
    blended,
    coverage,
    fill,
    regular,
    transformed,
)
from mlperf_home.samples.images.image_files import (
    IMAGES,
    IMAGES_SHA256,
    LONGEST,
    SEED,
    SHORTEST,
    SampleImage,
    file_name,
    label_of,
    make_image,
    png_bytes,
    write_images,
)

SOURCES = Path(__file__).parents[5] / "src"
SOME = 60
# SHA-256 of the first sixty images' pixels.
SOME_SHA256 = "1105d50008838be8d7c8cb144c870a4aa045e1c87500bc03d0434053926387f1"


@pytest.fixture(scope="module")
def some() -> list[SampleImage]:
    return [make_image(SEED, index) for index in range(SOME)]


def test_first_images_have_the_recorded_pixels(some: list[SampleImage]) -> None:
    digest = hashlib.sha256()
    for image in some:
        digest.update(f"{image.pixels.shape} {image.label}".encode("ascii"))
        digest.update(image.pixels.tobytes())
    assert digest.hexdigest() == SOME_SHA256


@pytest.mark.slow
def test_all_files_have_the_recorded_hash(tmp_path: Path) -> None:
    assert write_images(tmp_path / "images") == IMAGES_SHA256
    facts = json.loads((tmp_path / "images" / "sample.json").read_text())
    assert (facts["sample"], facts["count"], facts["sha256"]) == (True, IMAGES, IMAGES_SHA256)
    assert "sample" in facts["note"]
    lines = (tmp_path / "images" / "val_map.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == sorted(path.name for path in (tmp_path / "images").glob("*.png"))


def test_image_is_independent_of_earlier_images(some: list[SampleImage]) -> None:
    for index in (41, 7):
        again = make_image(SEED, index)
        assert again.label == some[index].label
        assert np.array_equal(again.pixels, some[index].pixels)


def test_hash_seed_changes_nothing(tmp_path: Path) -> None:
    made = set()
    for hash_seed in ("1", "2"):
        folder = tmp_path / hash_seed
        argv = [sys.executable, "-m", "mlperf_home.samples.images.image_files", "--out", str(folder), "--images", "3"]
        environment = {**os.environ, "PYTHONPATH": str(SOURCES), "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(argv, check=True, env=environment, capture_output=True, text=True)
        made.add((json.loads(done.stdout)["sha256"], *(path.read_bytes() for path in sorted(folder.iterdir()))))
    assert len(made) == 1


def test_another_seed_makes_other_images() -> None:
    one, other = make_image(1, 0), make_image(2, 0)
    assert one.pixels.shape != other.pixels.shape or not np.array_equal(one.pixels, other.pixels)


def test_images_suffice_for_mlperf_with_equal_classes() -> None:
    counts = collections.Counter(label_of(SEED, index) for index in range(IMAGES))
    assert IMAGES >= 1024
    assert counts == dict.fromkeys(range(len(CLASSES)), IMAGES // len(CLASSES))


def test_classes_have_no_fixed_order() -> None:
    orders = {tuple(label_of(SEED, 10 * block + place) for place in range(10)) for block in range(20)}
    assert len(orders) == 20


def test_sizes_and_brightness_differ(some: list[SampleImage]) -> None:
    shapes = {image.pixels.shape for image in some}
    assert len(shapes) > SOME // 2
    assert all(SHORTEST <= side <= LONGEST for shape in shapes for side in shape[:2])
    assert np.std([image.pixels.mean() for image in some]) > 20
    assert all(image.pixels.dtype == np.uint8 and image.pixels.std() > 5 for image in some)


def test_a_few_images_are_grey() -> None:
    grey = [bool(np.all(np.ptp(make_image(SEED, index).pixels, axis=2) == 0)) for index in range(200)]
    assert 1 <= sum(grey) <= 15


@pytest.mark.parametrize("grey", [False, True])
def test_png_files_follow_the_format(grey: bool) -> None:
    pixels = Draws(1).octets(151, 149, 3)
    if grey:
        pixels[:] = pixels[..., :1]
    content = png_bytes(pixels)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content[25] == (0 if grey else 2)
    length = int.from_bytes(content[33:37], "big")
    rows = np.frombuffer(zlib.decompress(content[41 : 41 + length]), np.uint8).reshape(151, -1)
    assert not rows[:, 0].any()
    assert np.array_equal(rows[:, 1:].reshape(151, 149, -1), pixels[..., :1] if grey else pixels)
    crc = int.from_bytes(content[41 + length : 45 + length], "big")
    assert crc == zlib.crc32(b"IDAT" + content[41 : 41 + length])


def test_image_library_reads_the_files(some: list[SampleImage]) -> None:
    image_module = pytest.importorskip("PIL.Image")
    for image in some[:10]:
        with image_module.open(io.BytesIO(png_bytes(image.pixels))) as opened:
            assert np.array_equal(np.asarray(opened.convert("RGB")), image.pixels)


@pytest.mark.parametrize(("seed", "images", "word"), [(-1, 1, "--seed"), (1, 0, "--images")])
def test_numbers_out_of_range_are_refused(seed: int, images: int, word: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=word):
        write_images(tmp_path, seed=seed, images=images)


def test_unwritable_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert image_files.main(["--out", str(tmp_path / "file" / "below"), "--images", "1"]) != 0
    assert "cannot be written" in capsys.readouterr().err


def test_file_names_sort_by_number() -> None:
    assert [file_name(index) for index in (0, 99)] == ["SAMPLE_val_00000001.png", "SAMPLE_val_00000100.png"]


def test_square_covers_its_pixels() -> None:
    square = np.array([(2, 3), (6, 3), (6, 8), (2, 8)]) * UNITS
    expected = np.zeros((10, 9), dtype=np.int32)
    expected[3:8, 2:6] = 4
    assert np.array_equal(coverage([square], 10, 9), expected)
    # In either direction, and beyond the canvas.
    assert np.array_equal(coverage([square[::-1]], 10, 9), expected)
    assert np.array_equal(coverage([square - 4 * UNITS], 10, 9)[0:4, 0:2], np.full((4, 2), 4))
    assert coverage([square + 100 * UNITS], 10, 9).sum() == 0


def test_two_contours_leave_a_hole() -> None:
    outer, inner = (
        transformed(regular(32), centre=(320, 320), radius=radius, turn=0, squash=(0, 100)) for radius in (280, 100)
    )
    counts = coverage([outer, inner], 40, 40)
    assert counts[20, 20] == 0
    assert counts[20, 30] == 4


@pytest.mark.parametrize("name", CLASSES)
def test_figures_lie_in_their_circle(name: str) -> None:
    contours = FIGURES[name](Draws(3))
    assert all(np.hypot(*contour.T).max() <= RADIUS + 2 for contour in contours)
    figure = [transformed(contour, centre=(320, 320), radius=300, turn=77, squash=(9, 90)) for contour in contours]
    assert 0.1 < coverage(figure, 40, 40).sum() / (4 * 40 * 40) < 0.7


def test_opaque_paint_covers_and_other_paint_mixes() -> None:
    everything = [np.array([(0, 0), (4, 0), (4, 4), (0, 4)]) * UNITS]
    pixels = np.zeros((4, 4, 3), dtype=np.int32)
    fill(pixels, everything, np.array([200, 100, 40], dtype=np.int32), OPAQUE // 2)
    assert (pixels == [100, 50, 20]).all()
    fill(pixels, everything, np.array([200, 100, 40], dtype=np.int32))
    assert (pixels == [200, 100, 40]).all()


def test_blending_runs_from_corner_to_corner() -> None:
    corners = np.array([[[0] * 3, [90] * 3], [[200] * 3, [255] * 3]], dtype=np.int32)
    canvas = blended(corners, 7, 4)
    assert [canvas[y, x, 0] for y, x in ((0, 0), (0, 3), (6, 0), (6, 3))] == [0, 90, 200, 255]
    assert canvas[0, 1, 0] == 30


def test_draws_stay_in_their_bounds() -> None:
    draws = Draws(5)
    assert {draws.between(-1, 2) for _ in range(200)} == {-1, 0, 1, 2}
    assert not any(draws.chance(0) for _ in range(50))
    assert all(draws.chance(100) for _ in range(50))
    assert sorted(draws.shuffled(range(9))) == list(range(9))
    assert Draws(0).octets(2, 5).tolist() == Draws(0).octets(10).reshape(2, 5).tolist()
