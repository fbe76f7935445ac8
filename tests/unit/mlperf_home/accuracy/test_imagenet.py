"""ImageNet's accuracy.txt equals the official script's; each bad log has its message."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlperf_home.accuracy import imagenet as command
from mlperf_home.accuracy.imagenet import accuracy_text, score_log
from mlperf_home.datasets.imagenet.images import Labels
from mlperf_home.loadgen_logs.accuracy_log import read_accuracy_text

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = (65, 970, 230, 809, 516, 57, 334, 0, 999)


def labels(count: int = len(CLASSES)) -> str:
    return "".join(f"ILSVRC2012_val_{number + 1:08d}.JPEG {CLASSES[number]}\n" for number in range(count))


def log_text(results: list[tuple[int, Any]], dtype: str = "float32") -> str:
    entries = [
        f'{{ "seq_id" : {place}, "qsl_idx" : {index}, "data" : "{np.array([value], dtype).tobytes().hex().upper()}"}}'
        for place, (index, value) in enumerate(results)
    ]
    return "[\n" + ",\n".join(entries) + "\n]\n"


def official(log: str, expected: tuple[int, ...], dtype: str) -> str:
    """Compute as the script of v3.1 does, with the whole log in memory."""
    seen: dict[int, bool] = {}
    for entry in json.loads(log):
        if entry["qsl_idx"] not in seen:
            predicted = int(np.frombuffer(bytes.fromhex(entry["data"]), dtype)[0])
            seen[entry["qsl_idx"]] = predicted == expected[entry["qsl_idx"]]
    good, total = sum(seen.values()), len(seen)
    return f"accuracy={100.0 * good / total:.3f}%, good={good}, total={total}"


def run(folder: Path, log: str, *options: str) -> int:
    (folder / "mlperf_log_accuracy.json").write_text(log)
    (folder / "labels.txt").write_text(labels())
    source = options or ("--labels", str(folder / "labels.txt"))
    files = ["--log", str(folder / "mlperf_log_accuracy.json"), "--out", str(folder / "accuracy.txt")]
    return command.main([*files, *source])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(CLASSES) - 1), st.integers(-1, 1000)), min_size=1, max_size=40),
    st.sampled_from(["float32", "int32", "int64"]),
    st.booleans(),
)
def test_accuracy_equals_the_official_scripts(
    tmp_path_factory: pytest.TempPathFactory, draws: list[tuple[int, int]], dtype: str, right: bool
) -> None:
    results = [(index, CLASSES[index] if right and predicted % 3 else predicted) for index, predicted in draws]
    log = log_text(results, dtype)
    path = tmp_path_factory.mktemp("log") / "log.json"
    path.write_text(log)
    names = tuple(f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(len(CLASSES)))

    text = accuracy_text(score_log(path, Labels(path, names, CLASSES), dtype))

    assert text.splitlines()[0] == official(log, CLASSES, dtype)


def test_complete_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predicted = [65.0, 970.0, 230.0, 1.0, 516.0, 57.0, 334.0, 0.0, -1.0]
    log = log_text(list(enumerate(predicted))[::-1])

    assert run(tmp_path, log) == 0

    first, second = (tmp_path / "accuracy.txt").read_text().splitlines()
    # The submission checker's pattern.
    assert re.match(r"^accuracy=([\d\.]+)%, good=(\d+), total=(\d+)$", first)
    assert first == "accuracy=77.778%, good=7, total=9"
    assert second == f"hash={hashlib.sha256(log.encode()).hexdigest()}"
    printed = json.loads(capsys.readouterr().out)
    assert (printed["good"], printed["total"], printed["notes"]) == (7, 9, [])
    read = read_accuracy_text(tmp_path / "accuracy.txt")
    assert read.values == {"top1_percent": 77.778, "good_samples": 7, "total_samples": 9}
    assert read.log_sha256 == printed["log_sha256"]


@pytest.mark.parametrize("predicted", [0, 999])
def test_first_of_several_results_counts(tmp_path: Path, predicted: int) -> None:
    assert run(tmp_path, log_text([(7, predicted), (7, 999 - predicted), (8, 999)])) == 0

    good = 1 + (predicted == 0)
    assert (tmp_path / "accuracy.txt").read_text().startswith(f"accuracy={50 * good:.3f}%, good={good}, total=2\n")


def test_invalid_classes_leave_a_note(tmp_path: Path) -> None:
    assert run(tmp_path, log_text([(0, 65), (1, 971)], "int64"), "--labels", str(tmp_path / "labels.txt")) == 0
    assert run(tmp_path, log_text([(0, 1000), (1, 971)])) == 0

    assert "note: 1 results are not classes from 0 to 999" in (tmp_path / "accuracy.txt").read_text()


BAD_LOGS = {
    "no bytes": ("", "holds no result"),
    "a performance run's": ("[\n]\n", "holds no result"),
    "cut off": (log_text([(0, 1), (1, 2)])[:-30], "the run was cut off"),
    "beyond": (log_text([(9, 1)]), "has a result for qsl_idx 9, but there are 9 images"),
    "another type": (log_text([(0, 1)], "int16"), "has 2 bytes for qsl_idx 0, which is not a class of type float32"),
    "empty": ('[{"seq_id": 0, "qsl_idx": 4, "data": ""}]', "has 0 bytes for qsl_idx 4"),
    "no number": (log_text([(3, float("nan"))]), "has no finite number for qsl_idx 3"),
}


@pytest.mark.parametrize("name", BAD_LOGS)
def test_bad_log_is_an_error_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    log, problem = BAD_LOGS[name]

    assert run(tmp_path, log) == 65

    error = capsys.readouterr().err
    assert problem in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "accuracy.txt").exists()


class TestWithTheRunsImages:
    @pytest.fixture
    def images(self, tmp_path: Path) -> Path:
        folder = tmp_path / "images"
        folder.mkdir()
        (folder / "val_map.txt").write_text(labels())
        facts = {
            "format": 1, "name": "imagenet-2012-val", "images": 9, "resolution": 8, "recipe": "published", "family": "",
            "performance_count": 9, "notes": ["9 of ImageNet's 50000 images"], "list_sha256": "", "pixels_sha256": "",
            "labels_sha256": hashlib.sha256(labels().encode()).hexdigest(), "sample_note": "", "steps": "",
        }  # fmt: skip
        (folder / "images.json").write_text(json.dumps(facts))
        return folder

    def test_notes_of_the_images_are_written(self, tmp_path: Path, images: Path) -> None:
        assert run(tmp_path, log_text(list(enumerate(CLASSES))), "--images", str(images)) == 0

        lines = (tmp_path / "accuracy.txt").read_text().splitlines()
        assert lines[0] == "accuracy=100.000%, good=9, total=9"
        assert lines[2] == "note: 9 of ImageNet's 50000 images"

    def test_every_image_must_have_a_result(
        self, tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(tmp_path, log_text(list(enumerate(CLASSES))[:7]), "--images", str(images)) == 65
        assert "has no result for 2 of 9 images" in capsys.readouterr().err

    def test_labels_of_other_images_are_refused(
        self, tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (images / "val_map.txt").write_text(labels(8))

        assert run(tmp_path, log_text([(0, 1)]), "--images", str(images)) == 65
        assert "does not belong to the images" in capsys.readouterr().err


def test_unwritable_output_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "labels.txt").write_text(labels())
    (tmp_path / "log.json").write_text(log_text([(0, 65)]))
    files = ["--log", str(tmp_path / "log.json"), "--out", str(tmp_path / "absent" / "accuracy.txt")]

    assert command.main([*files, "--labels", str(tmp_path / "labels.txt")]) == 65
    assert "cannot be written" in capsys.readouterr().err
