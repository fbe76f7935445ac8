"""Bundles of strangers may hold any JSON: a document beyond its limits is named on one line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from unpacked_bundles import UnpackedBundle, problems_of

from mlperf_home.challenges.bundles.bundle import MANIFEST
from mlperf_home.challenges.verification.verification import BundleError
from mlperf_home.product import ENGINE

if TYPE_CHECKING:
    from pathlib import Path

    from challenge_homes import ChallengeHome

MODEL = (
    "results/first/valid_results/box-reference-cpu-deepsparse-v1.8.0-default_config"
    "/obert-large-pruned95_quant-none-bert-99/offline"
)
DOCUMENTS = ("challenge.json", "lock.json", "machine.json", "run.json", "report.json", "records/first.json")
# 100,000 brackets are also 100,000 values; the first exceeded limit is reported.
TOO_DEEP = r"(is nested more than [0-9]+ levels deep|has more than [0-9,]+ values)"
FAULTS = {
    "depth": (b"[" * 100_000 + b"]" * 100_000, TOO_DEEP),
    "one depth": (b'{"a":' * 100_000, TOO_DEEP),
    "values": (b"[" + b"0," * 2_100_000 + b"0]", "has more than"),
    "size": (b"{" + b" " * (33 << 20) + b"}", "has more than"),
    "encoding": (b'{"a": "\xff"}', "is not UTF-8 text"),
    "syntax": (b"{", "is not JSON"),
    "constant": (b'{"a": NaN}', "has NaN"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_beyond_its_limits_is_a_problem(unpacked: UnpackedBundle, name: str, fault: str) -> None:
    content, problem = FAULTS[fault]
    (unpacked.root / name).write_bytes(content)
    unpacked.rehash()

    problems = problems_of(unpacked.verified())

    assert any(re.match(f"{re.escape(name)}: {problem}", line) for line in problems), problems
    assert all("\n" not in line and len(line) < 500 for line in problems)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_manifest_beyond_its_limits_is_an_error(unpacked: UnpackedBundle, fault: str) -> None:
    content, problem = FAULTS[fault]
    (unpacked.root / MANIFEST).write_bytes(content)

    with pytest.raises(BundleError, match=f"^[^\n]*: bundle.json: {problem}[^\n]*$"):
        unpacked.verified()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_session_beyond_its_limits_is_named(unpacked: UnpackedBundle, fault: str) -> None:
    content, problem = FAULTS[fault]
    (unpacked.root / MODEL / "performance-session.json").write_bytes(content)
    unpacked.rehash()

    problems = problems_of(unpacked.verified())

    of_a_run = rf"is not the session of a complete run \({problem}"
    assert re.search(f"{MODEL}/measurement.json: {MODEL}/performance-session.json: {of_a_run}", "\n".join(problems))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_measurement_beyond_its_limits_is_named(unpacked: UnpackedBundle, fault: str) -> None:
    content, problem = FAULTS[fault]
    (unpacked.root / MODEL / "measurement.json").write_bytes(content)
    unpacked.rehash()

    assert re.search(f"{MODEL}/measurement.json: {problem}", "\n".join(problems_of(unpacked.verified())))


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("lock.json", {"scripts": {"first": 1}}, "/scripts/...: expected `str`, got `int`"),
        ("lock.json", {"more": {}}, "object contains unknown field `more`"),
        ("machine.json", {"cpu_features": "avx2"}, "/cpu_features: expected `array`, got `str`"),
        (
            "run.json",
            {"workflows": {"first": {"status": "done", "results": [1]}}},
            "/workflows/.../results/0: expected",
        ),
        ("run.json", {"schema": "mlperf-home/challenge-run/2"}, "/schema: is not mlperf-home/challenge-run/1"),
        ("report.json", {"expected": [{"workflow": "first"}]}, "/expected/0: object missing required field `hours`"),
        ("report.json", {"luck": 7}, "object contains unknown field `luck`"),
        ("records/first.json", {"request": {"tags": ["a"]}}, "/request/tags: expected `str`, got `array`"),
    ],
)
def test_a_wrong_type_is_named_with_its_place(
    unpacked: UnpackedBundle, name: str, change: dict[str, Any], problem: str
) -> None:
    unpacked.change(name, lambda document: document.update(change))
    unpacked.rehash()

    problems = problems_of(unpacked.verified())

    assert any(line.startswith(f"{name}: {problem}") for line in problems), problems


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"schema": "mlperf-home/bundle/2"}, "/schema: is not mlperf-home/bundle/1"),
        ({"sample": "yes"}, "/sample: expected `bool`, got `str`"),
        ({"files": {"run.json": {"sha256": "ab"}}}, "/files/...: object missing required field `bytes`"),
        ({"x" * 10_000: 1}, "object contains unknown field `xxx"),
    ],
    ids=["layout", "type", "entry", "long key"],
)
def test_a_wrong_type_in_a_manifest_is_named_with_its_place(
    unpacked: UnpackedBundle, change: dict[str, Any], problem: str
) -> None:
    unpacked.change(MANIFEST, lambda document: document.update(change))

    with pytest.raises(BundleError) as caught:
        unpacked.verified()

    assert f"{MANIFEST}: {problem}" in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_settings_of_another_size_are_not_read(unpacked: UnpackedBundle) -> None:
    with (unpacked.root / MODEL / "mlperf.conf").open("wb") as file:
        file.truncate(32 << 20)
    unpacked.rehash()

    assert f"{MODEL}/mlperf.conf: differs from the settings of the run" in problems_of(unpacked.verified())


class TestCommands:
    def test_a_damaged_bundle_ends_a_replay_in_one_line(self, home: ChallengeHome, tmp_path: Path) -> None:
        unpacked = UnpackedBundle(home.bundle(), tmp_path)
        (unpacked.root / MANIFEST).write_bytes(FAULTS["depth"][0])
        with pytest.raises(BundleError):
            unpacked.verified()

        answer = home("replay", results=str(tmp_path / "edited.tar.gz"))

        assert answer["return"] == 1
        assert re.fullmatch(f"[^\n]*: bundle.json: {TOO_DEEP}; get the bundle[^\n]*", answer["error"])

    def test_a_damaged_manifest_of_a_challenge_is_named(self, home: ChallengeHome) -> None:
        path = next(home.root.glob("challenge/*/_cm.json"))
        path.write_bytes(FAULTS["depth"][0])

        answer = home("run", sample=True)

        assert answer["return"] == 1
        assert re.fullmatch(f"{path}#: {TOO_DEEP}", answer["error"])

    def test_a_damaged_lock_is_named(self, home: ChallengeHome) -> None:
        path = next(home.root.glob("challenge/*/lock.json"))
        path.write_bytes(FAULTS["depth"][0])

        assert re.match(f"{path}: {TOO_DEEP}; renew it: cm run", home("run", sample=True)["error"])

    def test_a_damaged_run_json_is_named(self, home: ChallengeHome, tmp_path: Path) -> None:
        folder = tmp_path / "R"
        home("run", sample=True, results_dir=str(folder))
        (folder / "run.json").write_bytes(FAULTS["depth"][0])

        error = home("run", sample=True, results_dir=str(folder))["error"]

        assert re.match(f"{folder}/run.json: is damaged: it {TOO_DEEP}; set the run aside", error)

    @pytest.mark.parametrize("name", ["checked.json", "records/first.json"])
    def test_a_damaged_document_of_the_run_is_named(self, home: ChallengeHome, tmp_path: Path, name: str) -> None:
        folder = tmp_path / "R"
        home("run", sample=True, results_dir=str(folder))
        (folder / name).write_bytes(FAULTS["depth"][0])

        answer = home("run", sample=True, results_dir=str(folder))

        assert answer["return"] == 1
        assert re.match(f"{folder / name}: {TOO_DEEP}", answer["error"])

    def test_damaged_records_of_other_runs_are_ignored(self, home: ChallengeHome) -> None:
        real = home.run_script

        def run(command: dict[str, Any]) -> dict[str, Any]:
            answer = real(command)
            other = home.home / "records" / "999" / "record.json"
            other.parent.mkdir(exist_ok=True)
            other.write_bytes(FAULTS["depth"][0])
            return answer

        home.patch.setattr(ENGINE, "run_script", run)

        assert home("run", sample=True)["return"] == 0


def test_an_answer_beyond_its_limits_is_named(home: ChallengeHome) -> None:
    real = home.run_script

    def run(command: dict[str, Any]) -> dict[str, Any]:
        answer = real(command)
        for folder in home.home.glob("challenges/*/sample"):
            study = folder / "experiments" / "study"
            study.mkdir(parents=True, exist_ok=True)
            (study / "experiment.json").write_text(json.dumps({}))
            (study / "answer.json").write_bytes(FAULTS["depth"][0])
        return answer

    home.patch.setattr(ENGINE, "run_script", run)

    answer = home("run", sample=True)

    assert "study/answer.json" in answer["error"]
    assert "is nested more than" in answer["error"]
