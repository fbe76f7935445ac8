"""The features folder, its samples for LoadGen, and the command that makes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tokenizers")

from mlperf_home.datasets.base import DatasetError
from mlperf_home.datasets.squad import __main__ as command
from mlperf_home.datasets.squad.samples import SquadSamples

if TYPE_CHECKING:
    from pathlib import Path


def _inputs(folder: Path, version: str = "1.1") -> list[str]:
    contexts = ["a b c", "b " * 500, "c a"]
    paragraphs = [
        {"context": context, "qas": [{"id": f"q{number}", "question": "a b", "answers": [{"text": "a"}]}]}
        for number, context in enumerate(contexts)
    ]
    dataset = folder / "d.json"
    dataset.write_text(json.dumps({"version": version, "data": [{"paragraphs": paragraphs}]}))
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\nc\n")
    return ["--dataset", str(dataset), "--vocab", str(vocabulary)]


@pytest.fixture
def features_dir(tmp_path: Path) -> Path:
    assert command.main([*_inputs(tmp_path), "--out", str(tmp_path / "features")]) == 0
    return tmp_path / "features"


def test_command_prints_one_line_of_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "deep" / "features"
    assert command.main([*_inputs(tmp_path, "1.1-sample"), "--out", str(out)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    printed = json.loads(line)
    assert (printed["questions"], printed["features"], printed["performance_count"]) == (3, 4, 4)
    assert "sample data" in printed["sample_note"]
    assert printed["features_dir"] == str(out)
    assert json.loads((out / "features.json").read_text()).items() <= printed.items()
    assert [path.name for path in out.parent.iterdir()] == ["features"]


def test_batches_are_contiguous_and_padded(features_dir: Path) -> None:
    samples = SquadSamples(features_dir)
    assert (samples.count, samples.performance_count, samples.name) == (4, 4, "d")
    assert samples.lengths is not None
    assert samples.lengths.tolist() == [8, 384, 5 + 500 - 128, 7]
    assert len(samples.notes) == 2
    samples.load([0, 1, 2, 3])
    ids, mask, types = samples.batch(np.array([3, 0]), 10)
    assert ids.tolist() == [[2, 4, 5, 3, 6, 4, 3, 0, 0, 0], [2, 4, 5, 3, 4, 5, 6, 3, 0, 0]]
    assert mask.sum(axis=1).tolist() == [7, 8]
    assert types.tolist()[0] == [0, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    for array in (ids, mask, types):
        assert array.dtype == np.int64
        assert array.flags.c_contiguous
    assert samples.batch(np.array([1]), None)[0].shape == (1, 384)
    assert samples.batch(np.array([1]), 400)[0][0, 384:].tolist() == [0] * 16


def test_feature_is_never_truncated(features_dir: Path) -> None:
    with pytest.raises(ValueError, match="longer than 7"):
        SquadSamples(features_dir).batch(np.array([0]), 7)


def test_loading_does_not_change_batches(features_dir: Path) -> None:
    samples = SquadSamples(features_dir)
    before = samples.batch(np.array([2, 0]), None)
    samples.load([0, 2])
    loaded = samples.batch(np.array([2, 0]), None)
    samples.unload([0, 2])
    after = samples.batch(np.array([2, 0]), None)
    for first, second, third in zip(before, loaded, after, strict=True):
        assert (first == second).all()
        assert (first == third).all()


def test_older_features_folder_is_replaced(tmp_path: Path, features_dir: Path) -> None:
    assert command.main([*_inputs(tmp_path, "2"), "--out", str(features_dir)]) == 0
    assert json.loads((features_dir / "features.json").read_text())["version"] == "2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.json", "features", "vocab.txt"]


def test_other_folder_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    assert command.main([*_inputs(tmp_path), "--out", str(tmp_path / "mine")]) == 65
    assert "is not a features folder" in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"


def test_malformed_input_is_one_line_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = _inputs(tmp_path)
    (tmp_path / "d.json").write_text("{}")
    assert command.main([*arguments, "--out", str(tmp_path / "features")]) == 65
    captured = capsys.readouterr()
    assert captured.err == f"mlperf-home: {json.loads(captured.out)['message']}\n"
    assert captured.err.startswith("mlperf-home: ")
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "features").exists()


def test_unwritable_output_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert command.main([*_inputs(tmp_path), "--out", str(tmp_path / "file" / "features")]) == 65
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["features.json", "input_ids.npy", "lengths.npy"])
@pytest.mark.parametrize("damage", ["absent", "cut", "other"])
def test_damaged_folder_is_an_error(features_dir: Path, name: str, damage: str) -> None:
    path = features_dir / name
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "other" and name.endswith(".npy"):
        np.save(path, np.zeros((2, 384), dtype=np.int64))
    elif damage == "other":
        path.write_text('{"format": 1}')
    with pytest.raises(DatasetError):
        SquadSamples(features_dir)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"features": "many"}, "#/features: expected `int`, got `str`"),
        ({"notes": [1]}, "#/notes/0: expected `str`, got `int`"),
        ({"format": 2}, ": is not the description of features in format 1"),
        (None, ": has more than 10,000 values"),
    ],
)
def test_a_description_that_is_none_is_told_with_the_place(
    features_dir: Path, change: dict[str, Any] | None, problem: str
) -> None:
    path = features_dir / "features.json"
    facts = json.loads(path.read_text())
    path.write_text("[" * 100_000 if change is None else json.dumps({**facts, **change}))

    with pytest.raises(DatasetError) as refused:
        SquadSamples(features_dir)

    assert str(refused.value).startswith(f"{path}{problem}; make the features again")
