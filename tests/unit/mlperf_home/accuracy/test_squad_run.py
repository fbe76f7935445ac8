"""From a LoadGen log to accuracy.txt: complete runs, and the message for each bad log."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tokenizers")

from mlperf_home.accuracy import squad as command
from mlperf_home.accuracy.squad import evaluate, f1_of_part
from mlperf_home.datasets.squad import __main__ as preparation
from mlperf_home.loadgen_logs.accuracy_log import AccuracyError

CONTEXTS = ["Ada Lovelace's notes (1843).", "b " * 500 + "Caf\u00e9!", "c a"]
ANSWERS = ["Ada Lovelace", "the Caf\u00e9", "a"]
LOG_LINE = '{{ "seq_id" : {0}, "qsl_idx" : {1}, "data" : "{2}"}}'


def _prepare(folder: Path, version: str = "1.1") -> list[str]:
    paragraphs = [
        {"context": context, "qas": [{"id": f"q{number}", "question": "who", "answers": [{"text": answer}]}]}
        for number, (context, answer) in enumerate(zip(CONTEXTS, ANSWERS, strict=True))
    ]
    dataset = folder / "d.json"
    dataset.write_text(json.dumps({"version": version, "data": [{"paragraphs": paragraphs}]}))
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", *"abc'().!", "ada", "love", "##lace"]))
    features = folder / "features"
    arguments = ["--dataset", str(dataset), "--vocab", str(vocabulary), "--out", str(features)]
    assert preparation.main(arguments) == 0
    return ["--features", str(features), "--dataset", str(dataset)]


def _payload(length: int, first: int, last: int, peak: float = 5.0) -> str:
    pairs = np.zeros((length, 2), dtype="<f4")
    pairs[first, 0] = pairs[last, 1] = peak
    return pairs.tobytes().hex().upper()


def _results() -> list[tuple[int, str]]:
    """Return results for features 0 (an answer of three tokens), 1 and 2 (windows of one context) and 3."""
    ids = {0: _payload(14, 3, 5), 1: _payload(384, 10, 11, 1.0), 3: _payload(6, 4, 4)}
    # The second window begins at token 128 of 502; the answer, "cafe", is its last token but one.
    ids[2] = _payload(3 + 502 - 128 + 1, 3 + 502 - 128 - 2, 3 + 502 - 128 - 2)
    return [(index, ids[index]) for index in (2, 0, 3, 1)]


def _log_text(results: list[tuple[int, str]]) -> str:
    return "[\n" + ",\n".join(LOG_LINE.format(place, *result) for place, result in enumerate(results)) + "\n]\n"


def _run(folder: Path, arguments: list[str], log: bytes) -> int:
    path = folder / "mlperf_log_accuracy.json"
    path.write_bytes(log)
    outputs = ["--out", str(folder / "accuracy.txt"), "--predictions", str(folder / "predictions.json")]
    return command.main(["--log", str(path), *arguments, *outputs])


def test_complete_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = _prepare(tmp_path)
    capsys.readouterr()
    log = _log_text(_results()).encode()
    assert _run(tmp_path, arguments, log) == 0
    predictions = json.loads((tmp_path / "predictions.json").read_text())
    assert predictions == {"q0": "Ada Lovelace", "q1": "Caf\u00e9!", "q2": "a"}
    first, second = (tmp_path / "accuracy.txt").read_text().splitlines()
    # The submission checker's pattern.
    matched = re.match(r"^\{\"exact_match\": ([\d\.]+), \"f1\": ([\d\.]+)\}", first)
    assert matched is not None
    assert second == f"hash={hashlib.sha256(log).hexdigest()}"
    (line,) = capsys.readouterr().out.splitlines()
    printed = json.loads(line)
    assert (printed["exact_match"], printed["f1"]) == tuple(map(float, matched.groups()))
    assert (printed["questions"], printed["samples"]) == (3, 4)
    assert printed["log_sha256"] == hashlib.sha256(log).hexdigest()
    # "a" normalises to "": it matches exactly but shares no word.
    assert printed["exact_match"] == 100.0
    assert round(printed["f1"], 4) == 66.6667


def test_sample_data_is_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = _prepare(tmp_path, "1.1 sample")
    assert _run(tmp_path, arguments, _log_text(_results()).encode()) == 0
    assert (tmp_path / "accuracy.txt").read_text().splitlines()[2].startswith("note: sample data")
    assert "sample data" in json.loads(capsys.readouterr().out.splitlines()[-1])["sample_note"]


def test_order_and_layout_of_the_log_do_not_matter(tmp_path: Path) -> None:
    arguments = _prepare(tmp_path)
    entries = [{"qsl_idx": index, "data": payload.lower(), "token_count": 3} for index, payload in _results()[::-1]]
    assert _run(tmp_path, arguments, json.dumps(entries).encode()) == 0
    assert json.loads((tmp_path / "predictions.json").read_text())["q0"] == "Ada Lovelace"


def test_question_without_a_valid_span_is_answered_empty(tmp_path: Path) -> None:
    arguments = _prepare(tmp_path)
    # The 20 best starts and ends are all outside the context.
    results = dict(_results())
    pairs = np.zeros((384, 2), dtype="<f4")
    pairs[100:] = 5.0
    results[3] = pairs.tobytes().hex()
    assert _run(tmp_path, arguments, _log_text(list(results.items())).encode()) == 0
    assert json.loads((tmp_path / "predictions.json").read_text())["q2"] == "empty"


def _cut_in_the_middle(log: str) -> str:
    return log[: len(log) // 2]


def _truncated(log: str) -> str:
    return log[:4096] + "\n\n...\n\n" + log[-4096:]


BAD_LOGS: dict[str, tuple[Any, str]] = {
    "no bytes": (lambda log: "", "holds no result"),
    "a performance run's": (lambda log: "[\n]\n", "holds no result"),
    "cut off": (_cut_in_the_middle, "the run was cut off"),
    "without its end": (lambda log: log[:-3], "the run was cut off"),
    "truncated": (_truncated, "is truncated for a submission"),
    "no list": (lambda log: log[2:], "is damaged at result 0"),
    "other text": (lambda log: "hello { }", "is damaged at result 0"),
    "not hexadecimal": (lambda log: log.replace("0000", "00G0", 1), "is damaged at result 0"),
    "another key": (lambda log: log.replace("qsl_idx", "index"), "no 'qsl_idx'"),
    "negative index": (lambda log: log.replace('"qsl_idx" : 1', '"qsl_idx" : -1'), "qsl_idx is -1"),
    "beyond": (lambda log: log.replace('"qsl_idx" : 3', '"qsl_idx" : 9'), "for qsl_idx 9, but there are 4"),
    "twice": (lambda log: log.replace('"qsl_idx" : 3', '"qsl_idx" : 2'), "two results for qsl_idx 2"),
    "one absent": (lambda log: _log_text(_results()[:3]), "no result for 1 of 4 samples (the first is qsl_idx 1)"),
    "half a pair": (lambda log: _log_text([(0, "00000000")]), "not whole pairs"),
    "too long": (lambda log: _log_text([(0, "00" * 8 * 385)]), "385 pairs of logits for qsl_idx 0, more than 384"),
    "not a number": (lambda log: log.replace("0000A040", "0000C07F"), "not finite"),
}


@pytest.mark.parametrize("name", BAD_LOGS)
def test_bad_log_is_an_error_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    arguments = _prepare(tmp_path)
    damage, problem = BAD_LOGS[name]
    log = _log_text(_results())
    damaged = damage(log)
    assert damaged != log
    capsys.readouterr()
    assert _run(tmp_path, arguments, damaged.encode()) == 65
    captured = capsys.readouterr()
    assert captured.err == f"mlperf-home: {json.loads(captured.out)['message']}\n"
    assert captured.err.startswith("mlperf-home: ")
    assert captured.err.count("\n") == 1
    assert problem in captured.err
    assert not (tmp_path / "accuracy.txt").exists()
    assert not (tmp_path / "predictions.json").exists()


def test_bad_log_keeps_an_older_accuracy(tmp_path: Path) -> None:
    arguments = _prepare(tmp_path)
    (tmp_path / "accuracy.txt").write_text("older")
    assert _run(tmp_path, arguments, b"[") == 65
    assert (tmp_path / "accuracy.txt").read_text() == "older"


def test_features_of_another_dataset_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = _prepare(tmp_path)
    dataset = tmp_path / "d.json"
    dataset.write_text(dataset.read_text() + " ")
    assert _run(tmp_path, arguments, _log_text(_results()).encode()) == 65
    assert "from another dataset" in capsys.readouterr().err


def test_absent_log_and_unwritable_output_are_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = _prepare(tmp_path)
    assert command.main(["--log", str(tmp_path / "none"), *arguments, "--out", str(tmp_path / "a.txt")]) == 65
    assert "cannot be read" in capsys.readouterr().err
    log = tmp_path / "log.json"
    log.write_text(_log_text(_results()))
    assert command.main(["--log", str(log), *arguments, "--out", str(tmp_path / "absent" / "a.txt")]) == 65
    assert "cannot be written" in capsys.readouterr().err


def test_part_of_the_features_scores_its_whole_questions(tmp_path: Path) -> None:
    _, features, _, dataset = _prepare(tmp_path)
    log = tmp_path / "log.json"

    def f1_of(first: int) -> float:
        log.write_text(_log_text([result for result in _results() if result[0] < first]))
        return f1_of_part(log, Path(features), Path(dataset), (0, first))

    complete = f1_of(4)
    assert complete == evaluate(log, Path(features), Path(dataset)).scores.f1
    # Features 1 and 2 belong to the second question, so only the first question lies in features 0 and 1.
    assert f1_of(1) == f1_of(2) == 100.0
    log.write_text(_log_text([(0, _results()[1][1])]))
    with pytest.raises(AccuracyError, match="no result for 1 of 2 samples"):
        f1_of_part(log, Path(features), Path(dataset), (0, 2))
