"""The training of MobileNets: the command's errors and the parts without TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sample_training.mobilenet import __main__ as command
from sample_training.mobilenet import recipe, scoring

from mlperf_home.samples.images.image_files import SEED

if TYPE_CHECKING:
    from pathlib import Path


def test_missing_packages_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "PACKAGES", ("no-such-package",))
    assert command.main(["--out", str(tmp_path / "out")]) != 0
    problem = capsys.readouterr().err
    assert "no-such-package" in problem
    assert "requirements-mobilenet.txt" in problem
    assert not (tmp_path / "out").exists()


def test_seed_of_the_scored_images_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "PACKAGES", ())
    assert command.main(["--out", str(tmp_path / "out"), "--seed", str(SEED)]) != 0
    problem = capsys.readouterr().err
    assert "seed" in problem
    assert problem.count("\n") == 1


@pytest.mark.parametrize("wrong", [("--images", "3"), ("--epochs", "0"), ("--processes", "0"), ("--seed", "-1")])
def test_numbers_out_of_range_are_refused(wrong: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        command.main(["--out", str(tmp_path), *wrong])


def test_file_names_state_the_variant() -> None:
    assert recipe.Variant(25, 64).file_name("int8") == "mobilenet_0.25_64_int8.tflite"
    assert len(set(recipe.MODEL_FILES)) == 8


def test_missing_interpreter_error_names_the_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "INTERPRETERS", ("no_such_interpreter.interpreter",))
    with pytest.raises(ModuleNotFoundError, match="no_such_interpreter"):
        scoring.interpreter_class()


@pytest.mark.parametrize("shape", [(120, 150), (150, 120), (112, 112)])
def test_central_square_of_an_image_is_cropped(shape: tuple[int, int]) -> None:
    pytest.importorskip("PIL")
    from sample_training.mobilenet.preparation import crop, scaled

    pixels = np.zeros((*shape, 3), dtype=np.uint8)
    pixels[shape[0] // 2 - 3 : shape[0] // 2 + 3, shape[1] // 2 - 3 : shape[1] // 2 + 3] = 255
    square = crop(pixels, 64)
    assert square.shape == (64, 64, 3)
    assert square[32, 32].min() > 200
    assert square[0].max() == 0
    assert (scaled(square).min(), scaled(square).max()) == (-1.0, 1.0)


def test_mirrored_images_are_distinct_and_keep_their_pixels() -> None:
    pytest.importorskip("tensorflow")
    from sample_training.mobilenet.fitting import mirror

    one = np.arange(27, dtype=np.uint8).reshape(1, 3, 3, 3)
    images = mirror(np.repeat(one, 8, axis=0), np.arange(8))
    assert len({image.tobytes() for image in images}) == 8
    assert np.array_equal(images[0], one[0])
    assert all(np.array_equal(np.sort(image.reshape(9, 3), axis=0), one.reshape(9, 3)) for image in images)


def test_learning_rate_rises_then_falls() -> None:
    pytest.importorskip("tensorflow")
    from sample_training.mobilenet.fitting import rate

    rates = [rate(step, 100) for step in range(100)]
    assert max(rates) == rates[9] == recipe.PEAK_RATE
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] < recipe.PEAK_RATE / 100


@pytest.mark.slow
def test_network_converts_to_float_and_int8_files(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    from sample_training.mobilenet.network import float_bytes, int8_bytes, network

    variant = recipe.Variant(25, 32)
    pixels = np.random.default_rng(1).integers(256, size=(8, 32, 32, 3), dtype=np.uint8)
    model = network(variant, exported=True)
    (tmp_path / "float.tflite").write_bytes(float_bytes(model))
    (tmp_path / "int8.tflite").write_bytes(int8_bytes(model, pixels))
    for name, dtype in (("float", np.float32), ("int8", np.uint8)):
        classifier = scoring.TfliteFile(tmp_path / f"{name}.tflite")
        assert classifier.resolution == 32
        assert classifier.input["dtype"] is dtype
        assert classifier.output["shape"].tolist() == [1, recipe.CLASS_COUNT]
        assert classifier.classify(pixels[0]) in range(recipe.CLASS_COUNT)
