"""Replays of a bundle: refusals, differences, and the three verdicts."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from challenge_homes import NAME, ChallengeHome
from submission_results import ours

from mlperf_home.challenges import commands
from mlperf_home.challenges.definition.machine import machine_differences, this_machine
from mlperf_home.challenges.replays.comparison import Replayed, compare_all, same_arithmetic
from mlperf_home.contracts.container import ContainerFacts
from mlperf_home.measurements.ingest import ingest
from mlperf_home.measurements.measurement import Measurement, Value, from_json, to_json
from mlperf_home.product import ENGINE

if TYPE_CHECKING:
    from collections.abc import Callable


def report_of(answer: dict[str, Any]) -> dict[str, Any]:
    return json.loads(Path(answer["report"]).with_suffix(".json").read_text())


def changing(home: ChallengeHome, change: Callable[[Measurement], Measurement]) -> None:
    """Change the measurements of later runs."""
    real = home.run_script

    def run(command: dict[str, Any]) -> dict[str, Any]:
        answer = real(command)
        for path in Path(command["results_dir"]).rglob("measurement.json"):
            path.write_text(to_json(change(from_json(path.read_text()))))
        return answer

    home.patch.setattr(ENGINE, "run_script", run)


def with_value(name: str, factor: float) -> Callable[[Measurement], Measurement]:
    def change(measurement: Measurement) -> Measurement:
        value = measurement.values[name]
        assert isinstance(value.value, float)
        return replace(measurement, values={**measurement.values, name: replace(value, value=factor * value.value)})

    return change


class TestVerdicts:
    def test_equal_results_are_reproduced(self, home: ChallengeHome) -> None:
        answer = home("replay", results=str(home.bundle()))

        report = report_of(answer)
        assert (answer["return"], answer["verdict"]) == (0, "reproduced")
        assert [each["workflow"] for each in report["results"]] == ["first", "second"]
        assert report["plan_differences"] == report["machine_differences"] == []
        assert report["sample"] is True
        assert report["repeats"] == 3
        assert len(home.ran) == 2 + 3 * 2

    @pytest.mark.parametrize(
        ("name", "factor", "verdict"),
        [
            ("samples_per_second", 1.08, "reproduced"),
            ("samples_per_second", 1.25, "not reproduced"),
            ("samples_per_second", 0.8, "not reproduced"),
            ("f1_percent", 0.9999, "not reproduced"),
            ("exact_match_percent", 1.0001, "not reproduced"),
        ],
    )
    def test_values_decide_the_verdict(self, home: ChallengeHome, name: str, factor: float, verdict: str) -> None:
        bundle = home.bundle()
        changing(home, with_value(name, factor))

        assert home("replay", results=str(bundle))["verdict"] == verdict

    def test_noisy_runs_are_inconclusive(self, home: ChallengeHome) -> None:
        bundle = home.bundle()
        factors = itertools.cycle([0.9, 1.0, 1.1])

        def noisy(measurement: Measurement) -> Measurement:
            return with_value("samples_per_second", next(factors))(measurement)

        changing(home, noisy)

        answer = home("replay", results=str(bundle))

        report = report_of(answer)
        assert answer["verdict"] == report["verdict"] == "inconclusive"
        for ending in (".md", ".html"):
            assert "the runs are too noisy or too few" in Path(answer["report"]).with_suffix(ending).read_text()

    def test_one_repetition_cannot_tell(self, home: ChallengeHome) -> None:
        answer = home("replay", results=str(home.bundle()), repeats="1")

        assert answer["verdict"] == "inconclusive"
        assert "replay by --repeats=3" in Path(answer["report"]).read_text()

    @pytest.mark.parametrize("repeats", ["0", "two", "-1", "1e9"])
    def test_a_wrong_number_of_repetitions_is_refused(self, home: ChallengeHome, repeats: str) -> None:
        bundle = home.bundle()

        assert "--repeats" in home("replay", results=str(bundle), repeats=repeats)["error"]
        assert len(home.ran) == 2

    def test_finished_repetitions_do_not_run_again(self, home: ChallengeHome) -> None:
        bundle = home.bundle()
        home("replay", results=str(bundle), repeats="2")
        home("replay", results=str(bundle), repeats="3")

        assert len(home.ran) == 2 + 3 * 2

    def test_a_challenge_states_its_own_margin(self, home: ChallengeHome) -> None:
        home.write(speed_margin=0.3)
        home("run", lock=True)
        bundle = home.bundle()
        changing(home, with_value("samples_per_second", 1.25))

        assert home("replay", results=str(bundle))["verdict"] == "reproduced"

    def test_a_newly_invalid_result_is_not_reproduced(self, home: ChallengeHome) -> None:
        bundle = home.bundle()
        changing(home, lambda measurement: replace(measurement, validity="INVALID"))

        assert home("replay", results=str(bundle))["verdict"] == "not reproduced"

    def test_a_newly_failed_workflow_is_not_reproduced(self, home: ChallengeHome) -> None:
        bundle = home.bundle()
        home.failing["run,second,_sample"] = "no compiler here"

        answer = home("replay", results=str(bundle))

        assert answer["return"] == 1
        assert answer["verdict"] == "not reproduced"
        assert "second: no compiler here" in answer["error"]
        assert "missing" in Path(answer["report"]).read_text()

    def test_only_the_workflows_of_the_bundle_run(self, home: ChallengeHome) -> None:
        home("replay", results=str(home.bundle(only="second")))

        assert [command["tags"] for command in home.ran] == ["run,second,_sample"] * 4

    def test_other_versions_are_listed(self, home: ChallengeHome) -> None:
        bundle = home.bundle()
        (home.root / "script" / "first" / "customize.py").write_text("# newer\n")
        home("run", lock=True)

        report = report_of(home("replay", results=str(bundle)))

        assert any("scripts: first:" in line for line in report["plan_differences"])

    def test_extra_options_of_the_replay_are_listed(self, home: ChallengeHome) -> None:
        bundle = home.bundle()
        home.patch.setenv("CM_SCRIPT_EXTRA_CMD", "--quiet")

        report = report_of(home("replay", results=str(bundle)))

        assert report["plan_differences"] == ["options of every command: none then, --quiet now"]
        assert report["verdict"] == "reproduced"

    def test_another_machine_is_listed(self, home: ChallengeHome) -> None:
        bundle = home.bundle()
        other = msgspec.structs.replace(this_machine(), cpu_model="Fast 9000", cpu_features=("avx2",))
        home.patch.setattr(commands, "this_machine", lambda: other)
        changing(home, with_value("f1_percent", 0.998))

        report = report_of(home("replay", results=str(bundle)))

        assert any("cpu_model: " in line and "Fast 9000 now" in line for line in report["machine_differences"])
        assert not report["results"][0]["same_arithmetic"]
        assert report["verdict"] == "reproduced"

    def test_markdown_and_page_have_the_same_facts(self, home: ChallengeHome) -> None:
        answer = home("replay", results=str(home.bundle()))

        for ending in (".md", ".html"):
            text = Path(answer["report"]).with_suffix(ending).read_text()
            assert "reproduced: every result was measured again" in text
            assert "SAMPLE" in text
            assert "1.000 to 1.000" in text


class TestRefusals:
    def test_an_edited_bundle_is_not_replayed(self, home: ChallengeHome, tmp_path: Path) -> None:
        bundle = home.bundle()
        (tmp_path / "cut.tar.gz").write_bytes(bundle.read_bytes()[:-2000])

        answer = home("replay", results=str(tmp_path / "cut.tar.gz"))

        assert answer["return"] == 1
        assert "cut.tar.gz" in answer["error"]
        assert len(home.ran) == 2

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "no bundle is named"),
            ({"results": "/nowhere/b.tar.gz"}, "there is no such file"),
            ({"results": "B", "official": True}, "--official: is not an option of this command"),
            ({"results": "B", "only": "first"}, "--only: is not an option of this command"),
            ({"results": "B", "lock": True}, "--lock: is not an option of this command"),
        ],
        ids=str,
    )
    def test_a_wrong_option_is_refused(self, home: ChallengeHome, options: dict[str, Any], message: str) -> None:
        assert message in home("replay", **options)["error"]

    def test_a_bundle_of_another_challenge_is_refused(self, home: ChallengeHome) -> None:
        bundle = home.bundle()
        home.write(alias="other@home")
        home("run", "other@home", lock=True)

        assert f"cm replay challenge {NAME}" in home("replay", "other@home", results=str(bundle))["error"]

    def test_a_real_bundle_is_not_replayed_on_the_sample(self, home: ChallengeHome) -> None:
        bundle = Path(home("run")["bundle"])

        assert "the bundle was made with the real data" in home("replay", results=str(bundle), sample=True)["error"]

    def test_differences_from_the_lock_are_refused(self, home: ChallengeHome) -> None:
        bundle = home.bundle()
        (home.root / "script" / "first" / "customize.py").write_text("# newer\n")

        assert "differ from the lock" in home("replay", results=str(bundle))["error"]
        assert home("replay", results=str(bundle), unlocked=True)["return"] == 0

    def test_the_unpacked_bundle_is_removed(self, home: ChallengeHome) -> None:
        answer = home("replay", results=str(home.bundle()))

        assert not [path for path in Path(answer["report"]).parent.parent.iterdir() if path.name.endswith(".bundle")]


class TestAgreement:
    @pytest.fixture
    def measurement(self, tmp_path: Path) -> Measurement:
        return ingest(ours(tmp_path), model_name="m")

    @pytest.mark.parametrize("factor", [1.0, 1.004])
    def test_accuracies_of_other_arithmetic_may_differ(self, measurement: Measurement, factor: float) -> None:
        other = with_value("f1_percent", factor)(measurement)

        ((value, *_),) = compare_all([Replayed(measurement, [other], same_arithmetic=False)], [[]], 0.1)

        assert (value.metric, value.verdict) == ("f1_percent", "reproduced")

    def test_an_unknown_value_is_inconclusive(self, measurement: Measurement) -> None:
        result = Replayed(measurement, [measurement] * 3, same_arithmetic=True)

        ((value, *_),) = compare_all([result], [["joules"]], 0.1)

        assert (value.verdict, value.then, value.now) == ("inconclusive", None, ())

    @pytest.mark.parametrize("fact", ["version", "isa"])
    def test_another_engine_is_other_arithmetic(self, measurement: Measurement, fact: str) -> None:
        machine = msgspec.structs.replace(this_machine(), architecture="x86_64", cpu_features=("avx2",))
        plain = msgspec.structs.replace(machine, cpu_features=())
        other = replace(measurement, engine={**measurement.engine, fact: Value("x", "copied")})

        assert same_arithmetic(measurement, measurement, (machine, machine), same_data=True)
        assert not same_arithmetic(measurement, other, (machine, machine), same_data=True)
        assert not same_arithmetic(measurement, measurement, (machine, machine), same_data=False)
        assert not same_arithmetic(measurement, measurement, (machine, plain), same_data=True)

    @pytest.mark.parametrize("group", ["model", "engine"])
    def test_other_files_are_other_arithmetic(self, measurement: Measurement, group: str) -> None:
        machine = msgspec.structs.replace(this_machine(), architecture="x86_64")
        files = {**getattr(measurement, group), "files": Value("w 1", "measured")}
        one = replace(measurement, **{group: files})
        two = replace(measurement, **{group: {**files, "files": Value("w 2", "measured")}})

        assert same_arithmetic(one, one, (machine, machine), same_data=True)
        assert not same_arithmetic(one, two, (machine, machine), same_data=True)

    def test_each_difference_of_machines_is_one_sentence(self) -> None:
        here = this_machine()
        one = msgspec.structs.replace(
            here, memory_bytes=1, cpu_features=("avx2", "fma"), hypervisor=None, container=None
        )
        inside = ContainerFacts(engine="podman", version="4.3.1", rootless=True)
        other = msgspec.structs.replace(
            here, memory_bytes=2, cpu_features=("fma", "sve"), hypervisor="KVM", container=inside
        )

        assert machine_differences(one, other) == [
            "container: none then, podman 4.3.1, rootless now",
            "cpu_features: only then: avx2",
            "cpu_features: only now: sve",
            "hypervisor: unknown then, KVM now",
            "memory_bytes: 1 then, 2 now",
        ]
