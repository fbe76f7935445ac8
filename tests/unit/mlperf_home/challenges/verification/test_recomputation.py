"""Explorations of a challenge are reported, packed with their kept results, verified, and compared with a replay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from challenge_homes import ChallengeHome, document
from explored_studies import explore
from unpacked_bundles import UnpackedBundle, problems_of

from mlperf_home.challenges.verification.recomputation import count_without_logs
from mlperf_home.challenges.verification.verification import verify
from mlperf_home.experiments.experiment import Experiments
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import Value
from mlperf_home.product import ENGINE

STORE = "experiments/study/measurements.jsonl"


@pytest.fixture
def exploring(home: ChallengeHome) -> ChallengeHome:
    """Return a home whose second workflow explores."""
    made = document()
    made["workflows"][1]["sample"]["options"] = {"experiments_dir": "{experiments_dir}", "results_dir": "{results_dir}"}
    home.write(**made)
    script = home.root / "script" / "second" / "_cm.json"
    manifest = json.loads(script.read_text())
    manifest["inputs"]["experiments_dir"] = {"env": "CM_EXPERIMENTS_DIR"}
    script.write_text(json.dumps(manifest))
    home("run", lock=True)
    points_are(home, "a", "b")
    return home


def points_are(home: ChallengeHome, *points: str) -> None:
    """Let the exploration answer with these points."""

    def run(command: dict[str, Any]) -> dict[str, Any]:
        answer = home.run_script(command)
        if answer["return"] == 0 and "experiments_dir" in command:
            explore(Path(command["experiments_dir"]), *points)
        return answer

    home.patch.setattr(ENGINE, "run_script", run)


def test_the_front_is_reported(exploring: ChallengeHome) -> None:
    report = exploring.bundle().with_name("report.json")

    (row,) = json.loads(report.read_text())["explorations"]
    assert [each["point"] for each in row["front"]] == ["a", "b"]
    workflows = [each["workflow"] for each in json.loads(report.read_text())["results"]]
    assert workflows == ["first", "second", "study"]
    assert "12.5 % of the exhaustive work" in report.with_suffix(".md").read_text()


def test_a_damaged_answer_is_named(exploring: ChallengeHome) -> None:
    def run(command: dict[str, Any]) -> dict[str, Any]:
        answer = exploring.run_script(command)
        if "experiments_dir" in command:
            explore(Path(command["experiments_dir"]))
            (Path(command["experiments_dir"]) / "study" / "answer.json").write_text('{"front": 1}')
        return answer

    exploring.patch.setattr(ENGINE, "run_script", run)

    assert "is no exploration's answer" in exploring("run", sample=True)["error"]


class TestBundles:
    def test_kept_results_are_packed(self, exploring: ChallengeHome, tmp_path: Path) -> None:
        bundle = exploring.bundle()
        root = UnpackedBundle(bundle, tmp_path).root

        assert not verify(bundle, tmp_path / "unpacked").problems
        assert len(list(root.glob("experiments/study/results/*/*/*/*/performance-session.json"))) == 1
        assert count_without_logs(root) == 1
        log = next(root.glob("experiments/study/results/*/*/*/*/accuracy/mlperf_log_accuracy.json"))
        assert log.stat().st_size == 8199

    def test_a_price_without_a_log_is_no_problem(self, exploring: ChallengeHome, tmp_path: Path) -> None:
        def run(command: dict[str, Any]) -> dict[str, Any]:
            answer = exploring.run_script(command)
            if "experiments_dir" in command:
                explore(Path(command["experiments_dir"]), "a")
                study = Experiments(Path(command["experiments_dir"])).load("study")
                study.store.path.unlink()
                kept = next(study.folder.glob("results/*/*/*/*"))
                study.store.append([ingest(kept, price=Value(0.68, "copied", "prices.json: *c5*, in USD"))])
            return answer

        exploring.patch.setattr(ENGINE, "run_script", run)

        assert not verify(exploring.bundle(), tmp_path / "unpacked").problems

    @pytest.mark.parametrize(
        ("pattern", "old", "new", "named"),
        [
            (STORE, "109.5", "209.5", STORE),
            (STORE, '"VALID"', '"INVALID"', STORE),
            ("experiments/study/results/*/*/*/*/measurement.json", "109.5", "209.5", "measurement.json"),
            (STORE, '{"benchmark"', '["benchmark"', STORE),
            ("experiments/study/results/*/*/*/*/performance/run_1/mlperf_log_detail.txt", "109.5", "209.5", "results/"),
            ("experiments/study/results/*/*/*/*/performance-session.json", "complete", "failed", "results/"),
            ("experiments/study/results/*/*/*/*/accuracy/accuracy.txt", "90.18", "95.18", STORE),
            ("experiments/study/answer.json", '"point": "a"', '"point": "z"', "report.json"),
        ],
        ids=["value", "validity", "measurement", "line", "log", "session", "accuracy", "answer"],
    )
    def test_an_edit_is_named(
        self, exploring: ChallengeHome, tmp_path: Path, pattern: str, old: str, new: str, named: str
    ) -> None:
        unpacked = UnpackedBundle(exploring.bundle(), tmp_path)
        (path,) = unpacked.root.glob(pattern)
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        unpacked.rehash()

        problems = problems_of(unpacked.verified())

        assert any(named in line for line in problems), problems


class TestReplays:
    def test_fronts_are_listed_and_not_judged(self, exploring: ChallengeHome) -> None:
        bundle = exploring.bundle()
        points_are(exploring, "b", "c")

        answer = exploring("replay", results=str(bundle))

        report = json.loads(Path(answer["report"]).with_suffix(".json").read_text())
        assert report["explorations"] == [{"experiment": "study", "then": ["a", "b"], "now": ["b", "c"], "both": ["b"]}]
        assert answer["verdict"] == "reproduced"

    def test_a_newly_failed_exploration_is_not_reproduced(self, exploring: ChallengeHome) -> None:
        bundle = exploring.bundle()
        exploring.failing["run,second,_sample"] = "no engine here"

        assert exploring("replay", results=str(bundle))["verdict"] == "not reproduced"

    def test_a_workflow_that_failed_before_may_fail_again(self, exploring: ChallengeHome) -> None:
        exploring.failing["run,second,_sample"] = "no engine here"
        bundle = Path(exploring("run", sample=True)["bundle"])

        assert exploring("replay", results=str(bundle))["verdict"] == "reproduced"


STUDY = "experiments/study"
WORK = "/work"
CLAIMS: dict[str, tuple[str, Any, str]] = {
    "the scenario of a measurement": (f"{STUDY}/measurements.jsonl", ('"Offline"', '"Server"'), "scenario is Server"),
    "the round of a measurement": (f"{STUDY}/measurements.jsonl", ('"v3.1"', '"v3.0"'), "round is v3.0"),
    "the name of an experiment": (f"{STUDY}/experiment.json", ('"name": "study"', '"name": "other"'), "/name is"),
    "the sample's mark": (f"{STUDY}/answer.json", ('"sample": true', '"sample": false'), "/sample is false"),
    "the share of the work": (f"{STUDY}/answer.json", ('"share": 0.125', '"share": 0.5'), f"{WORK}/share is 0.5"),
    "a point": (f"{STUDY}/answer.json", ('"point": "last"', '"point": "none"'), "/points/"),
    "a dominating point": (f"{STUDY}/answer.json", ('"a"\n   ]', '"z"\n   ]'), 'names "z", which is no point'),
    "a value": (f"{STUDY}/answer.json", ('"latency_ms": 1.5', '"latency_ms": 2.5'), "outside its interval"),
    "the metrics": (f"{STUDY}/answer.json", ('"direction": "min"', '"direction": "max"'), "/metrics/0/direction"),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_of_an_exploration_is_compared(exploring: ChallengeHome, tmp_path: Path, claim: str) -> None:
    name, (old, new), problem = CLAIMS[claim]
    unpacked = UnpackedBundle(exploring.bundle(), tmp_path)
    path = unpacked.root / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    unpacked.rehash()

    problems = problems_of(unpacked.verified())

    assert any(line.startswith(f"{name}: ") and problem in line for line in problems), problems
