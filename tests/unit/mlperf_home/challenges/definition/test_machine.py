"""Expected times of a challenge, from the sessions of simulated probes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from challenge_homes import document, report_of
from results_logs import SESSION

from mlperf_home.product import ENGINE

if TYPE_CHECKING:
    from challenge_homes import ChallengeHome


class TestExpectedTime:
    @pytest.fixture
    def probed(self, home: ChallengeHome) -> ChallengeHome:
        made = document()
        probe = {
            "tags": "run,first",
            "options": {"results_dir": "{results_dir}"},
            "fixed_s": 100,
            "least_s": 600,
            "performance_samples": 1000,
            "accuracy_samples": 500,
            "relative_cost": 2,
            "source": "counted",
        }
        made["workflows"][0]["sample"]["probe"] = probe
        home.write(**made)
        home("run", lock=True)
        return home

    def measuring(self, home: ChallengeHome, target: dict[str, float]) -> None:
        real = home.run_script

        def run(command: dict[str, Any]) -> dict[str, Any]:
            answer = real(command)
            if command["tags"] == "run,first":
                folder = next(Path(command["results_dir"]).glob("*_results/*/*/*"))
                (folder / "find-performance-session.json").write_text(json.dumps({**SESSION, "target": target}))
            return answer

        home.patch.setattr(ENGINE, "run_script", run)

    @pytest.mark.parametrize(
        ("target", "hours", "sample_ms"),
        [
            ({"target_qps": 10}, (100 + 600 + 500 * 0.2) / 3600, 100.0),
            ({"target_qps": 1}, (100 + 1000 * 2 + 500 * 2) / 3600, 1000.0),
            ({"target_latency_ms": 50}, (100 + 600 + 500 * 0.1) / 3600, 50.0),
        ],
        ids=str,
    )
    def test_hours_follow_from_the_time_of_one_sample(
        self, probed: ChallengeHome, target: dict[str, float], hours: float, sample_ms: float
    ) -> None:
        self.measuring(probed, target)

        expected = report_of(probed("run", sample=True))["expected"]

        assert expected[0]["hours"] == pytest.approx(hours)
        assert expected[0]["sample_ms"] == pytest.approx(sample_ms)
        assert expected[1]["hours"] is None

    def test_measured_and_estimated_times_are_distinguished(
        self, probed: ChallengeHome, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.measuring(probed, {"target_qps": 10})
        probed("run", sample=True, out="con")

        output = capsys.readouterr().err
        assert "0.22 h (estimated); measured: 100 ms per sample" in output
        assert "assumed: counted" in output

    @pytest.mark.parametrize("target", [{}, {"target_qps": None}, "nothing"], ids=str)
    def test_a_probe_without_a_target_leaves_the_time_unknown(self, probed: ChallengeHome, target: Any) -> None:
        self.measuring(probed, target)

        answer = probed("run", sample=True)

        assert answer["return"] == 0
        assert report_of(answer)["expected"][0]["hours"] is None

    def test_a_failed_probe_is_reported_and_stops_nothing(self, probed: ChallengeHome) -> None:
        probed.failing["run,first"] = "no engine here"

        answer = probed("run", sample=True)

        assert answer["return"] == 0
        assert "no engine here" in report_of(answer)["expected"][0]["how"]

    def ending_at_its_limit(self, home: ChallengeHome, done: dict[str, float]) -> None:
        real = home.run_script

        def run(command: dict[str, Any]) -> dict[str, Any]:
            answer = real(command)
            if command["tags"] != "run,first":
                return answer
            folder = next(Path(command["results_dir"]).glob("*_results/*/*/*"))
            failure = {"status": 72, "name": "OVER_TIME", "message": "it was ended", "done": done}
            (folder / "find-performance-session.error.json").write_text(json.dumps(failure))
            return {"return": 1, "error": "the run was ended at its limit of 120 s"}

        home.patch.setattr(ENGINE, "run_script", run)

    def test_a_probe_is_limited_to_two_minutes(self, probed: ChallengeHome) -> None:
        self.measuring(probed, {"target_qps": 10})
        probed("run", sample=True)

        probes = [command for command in probed.ran if command["tags"] == "run,first"]
        assert [command["env"]["CM_MLPERF_TIME_LIMIT_S"] for command in probes] == [120]
        assert "--env.CM_MLPERF_TIME_LIMIT_S=120" in probes[0]["cmd"]
        assert all("env" not in command for command in probed.ran if command not in probes)

    def test_samples_before_the_limit_count(self, probed: ChallengeHome) -> None:
        self.ending_at_its_limit(probed, {"samples": 20, "issued": 500, "seconds": 40.0})

        expected = report_of(probed("run", sample=True))["expected"][0]

        assert expected["sample_ms"] == pytest.approx(2000)
        assert expected["hours"] == pytest.approx((100 + 1000 * 4 + 500 * 4) / 3600)
        assert "20 samples in 40 s" in expected["how"]
        assert "limit of 120 s" in expected["how"]

    def test_no_sample_before_the_limit_leaves_the_time_unknown(self, probed: ChallengeHome) -> None:
        self.ending_at_its_limit(probed, {})

        expected = report_of(probed("run", sample=True))["expected"][0]

        assert expected["hours"] is None
        assert "limit of 120 s" in expected["how"]

    @pytest.mark.parametrize(
        "left", [b"", b"[" * 100_000, b'{"done": {"samples": "many"}}'], ids=["empty", "deep", "text"]
    )
    @pytest.mark.parametrize("error", ["", "it was ended"])
    def test_a_damaged_probe_file_leaves_the_time_unknown(self, probed: ChallengeHome, left: bytes, error: str) -> None:
        real = probed.run_script

        def run(command: dict[str, Any]) -> dict[str, Any]:
            answer = real(command)
            if command["tags"] != "run,first":
                return answer
            folder = next(Path(command["results_dir"]).glob("*_results/*/*/*"))
            (folder / f"find-performance-session{'.error' if error else ''}.json").write_bytes(left)
            return {"return": 1, "error": error} if error else answer

        probed.patch.setattr(ENGINE, "run_script", run)

        expected = report_of(probed("run", sample=True))["expected"][0]

        assert expected["hours"] is None
        assert (error or "wrote no target") in expected["how"]

    def test_a_probe_is_not_a_result(self, probed: ChallengeHome) -> None:
        self.measuring(probed, {"target_qps": 10})

        assert [row["workflow"] for row in report_of(probed("run", sample=True))["results"]] == ["first", "second"]

    def test_skip_probe_omits_the_probe(self, probed: ChallengeHome) -> None:
        answer = probed("run", sample=True, skip_probe=True)

        expected = {each["workflow"]: (each["hours"], each["how"]) for each in report_of(answer)["expected"]}
        assert expected == dict.fromkeys(("first", "second"), (None, "the probe was skipped"))
        assert [command["tags"] for command in probed.ran] == ["run,first,_sample", "run,second,_sample"]
