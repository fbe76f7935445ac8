"""A result of a latency alone is valid with the accuracy that others published, and with no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import challenge_homes
import pytest
from answered_results import MODEL, latency_only
from challenge_homes import ChallengeHome, report_of

from mlperf_home.challenges.verification.verification import verify
from mlperf_home.published.classifiers import read_classifiers

NAME = next(row.name for row in read_classifiers() if row.model == MODEL)


def run(home: ChallengeHome, monkeypatch: pytest.MonkeyPatch, write: Any, **changes: Any) -> dict[str, Any]:
    monkeypatch.setattr(challenge_homes, "ours", write)
    home.write(**changes)
    assert home("run", lock=True)["return"] == 0
    answer = home("run", only="first")
    assert answer["return"] == 0, answer
    return answer


def problems(answer: dict[str, Any], folder: Path) -> list[str]:
    return [str(each) for each in verify(Path(answer["bundle"]), folder).problems]


def test_its_bundle_is_valid_and_marked(home: ChallengeHome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    metrics = [{"name": "top1_percent", "benchmark": "resnet", "better": "more"}]
    answer = run(home, monkeypatch, latency_only(NAME), metrics=metrics)

    assert problems(answer, tmp_path / "unpacked") == []
    report = report_of(answer)
    assert [each["latency_only"] for each in report["results"]] == [True]
    text = Path(answer["report"]).read_text()
    assert "LATENCY ONLY: accuracies are copied from others" in text
    assert "SAMPLE" not in text
    assert "(copied)" in text


@pytest.mark.parametrize("copied", [False, True])
def test_it_counts_where_the_challenge_says_so(
    home: ChallengeHome, monkeypatch: pytest.MonkeyPatch, *, copied: bool
) -> None:
    report = report_of(run(home, monkeypatch, latency_only(NAME), copied_accuracy=copied))
    assert ("no result in it is an official one" in report["counts_not_because"]) is not copied
    assert not any("sample data" in reason for reason in report["counts_not_because"])


def test_another_accuracy_than_the_published(
    home: ChallengeHome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = run(home, monkeypatch, latency_only(NAME, percent=99.0))
    (problem,) = problems(answer, tmp_path / "unpacked")
    assert "/values/top1_percent is 99.0 from" in problem


def test_a_model_whose_accuracy_nobody_published(
    home: ChallengeHome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = run(home, monkeypatch, latency_only("my-own-model"))
    (problem,) = problems(answer, tmp_path / "unpacked")
    assert problem.endswith("/values/top1_percent is copied, but nobody published that of 'my-own-model'")


def test_old_reports_do_not_tell_of_copies(home: ChallengeHome) -> None:
    report = json.loads(Path(home.bundle()).with_name("report.json").read_text())
    assert all("latency_only" not in each for each in report["results"])
