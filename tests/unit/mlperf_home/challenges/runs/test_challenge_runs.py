"""Runs of a challenge: refusals, locks, dates, continued runs, and reports."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from challenge_homes import CLOSED, NAME, ChallengeHome, document, report_of

from mlperf_home.challenges.bundles.results import result_rows
from mlperf_home.challenges.definition.lock import LOCK_NAME
from mlperf_home.challenges.definition.manifest import load_challenge
from mlperf_home.challenges.runs import run as running
from mlperf_home.product import ENGINE


class TestFinding:
    def test_a_challenge_is_listed_with_its_state(self, home: ChallengeHome) -> None:
        assert home("find", "")["challenges"] == [{"name": NAME, "title": "A tiny challenge", "state": "open"}]

    @pytest.mark.parametrize("tags", ["tiny", "mlperf,tiny", ["tiny"]])
    def test_challenges_are_found_by_tags(self, home: ChallengeHome, tags: Any) -> None:
        assert len(home("find", "", tags=tags)["challenges"]) == 1

    def test_an_unknown_name_lists_the_known_challenges(self, home: ChallengeHome) -> None:
        for answer in (home("find", "", tags="other"), home("find", "other")):
            assert answer["return"] == 1
            assert f"no challenge matches other; use one of {NAME}" in answer["error"]

    @pytest.mark.parametrize("action", ["find", "show"])
    def test_an_option_without_effect_is_refused(self, home: ChallengeHome, action: str) -> None:
        for name in ("sample", "home", "cache_dir", "verbose"):
            assert f"--{name}: is not an option of this command" in home(action, **{name: "yes"})["error"]

    def test_a_malformed_manifest_is_named_and_hides_no_other(
        self, home: ChallengeHome, capsys: pytest.CaptureFixture[str]
    ) -> None:
        broken = home.root / "challenge" / "broken"
        broken.mkdir()
        (broken / "_cm.json").write_text('{"alias": 1}')

        assert [each["name"] for each in home("find", "", out="con")["challenges"]] == [NAME]
        assert "broken/_cm.json#: 'automation_alias' is missing" in capsys.readouterr().err

    def test_show_prints_the_whole_challenge(self, home: ChallengeHome, capsys: pytest.CaptureFixture[str]) -> None:
        assert home("show", out="con")["return"] == 0

        shown = capsys.readouterr().out
        for word in ("2026-04-01 to 2026-06-30: open", "Be quick.", "run,second,_sample", "samples_per_second"):
            assert word in shown

    def test_a_wrong_name_suggests_the_nearest(self, home: ChallengeHome) -> None:
        assert f"did you mean {NAME}?" in home("show", "tiny@home-v1")["error"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"smaple": True}, "did you mean --sample?"),
            ({"only": "third"}, "there is no workflow 'third'"),
            ({"only": True}, "--only: needs a value"),
            ({"sample": "perhaps"}, "must be yes or no"),
            ({"hw_name": "../x"}, "cannot name a folder"),
            ({"submitter": "a b"}, "cannot name a folder"),
            ({"results": "x"}, "--results: is not an option of this command"),
            ({"env": {"A": "1"}}, "--env is for cm run script"),
            ({"adr": {"python": {"version": "3.11"}}}, "--adr is for cm run script"),
            ({"tags": "a,b"}, "name the challenge"),
            ({"artifacts": ["x"]}, "stray words: x"),
            ({"sign_key": "/nowhere/key"}, "there is no such file"),
        ],
        ids=str,
    )
    def test_a_wrong_option_is_refused(self, home: ChallengeHome, options: dict[str, Any], message: str) -> None:
        answer = home("run", **{"sample": True, **options})

        assert answer["return"] == 1
        assert message in answer["error"]
        assert "\n" not in answer["error"]
        assert home.ran == []

    def test_all_unmet_requirements_are_named_at_once(self, home: ChallengeHome) -> None:
        made = document()
        made["workflows"][0]["sample"]["needs"] = {"disk_gb": 1e9, "memory_gb": 1e6, "options": ["colour"]}
        made["workflows"][1]["sample"]["needs"] = {"cpus": {"riscv64": ["v"]}}
        home.write(**made)
        home("run", lock=True)

        error = home("run", sample=True)["error"]

        for words in ("1e+09 GB free", "1e+06 GB of memory", "set --colour=...", "a CPU with the architecture riscv64"):
            assert words in error
        assert home.ran == []

    def test_runnable_workflows_are_proposed(self, home: ChallengeHome) -> None:
        made = document()
        made["workflows"][0]["sample"]["needs"] = {"options": ["colour"]}
        home.write(**made)
        home("run", lock=True)

        assert "--only=second" in home("run", sample=True)["error"]
        assert home("run", sample=True, only="second")["return"] == 0

    def test_a_workflow_without_its_inputs_is_refused(self, home: ChallengeHome) -> None:
        made = document()
        made["workflows"][1]["sample"]["needs"] = {"after": ["first"]}
        home.write(**made)
        home("run", lock=True)

        error = home("run", sample=True, only="second")["error"]

        assert "second needs results of first, here: none (add first to --only, or remove second)" in error
        assert home.ran == []
        assert home("run", sample=True, only="first")["return"] == 0
        assert home("run", sample=True, only="second")["return"] == 0
        assert "results of first" in home("run", sample=True, only="second", new=True)["error"]

    def test_plan_and_check_run_nothing(self, home: ChallengeHome) -> None:
        planned, checked = home("run", sample=True, plan=True), home("run", sample=True, check=True)

        assert planned["commands"]["first"].startswith("cm run script --tags=run,first,_sample --results_dir=")
        assert checked["requirements"]
        assert home.ran == []
        assert not (home.home / "challenges").exists()


class TestLocks:
    def test_a_changed_script_is_refused_by_name(self, home: ChallengeHome) -> None:
        (home.root / "script" / "first" / "customize.py").write_text("# changed\n")

        answer = home("run", sample=True)

        assert "scripts: first:" in answer["error"]
        assert "--unlocked" in answer["error"]
        assert home.ran == []

    def test_unlocked_runs_and_reports_the_differences(self, home: ChallengeHome) -> None:
        (home.root / "script" / "first" / "customize.py").write_text("# changed\n")

        report = report_of(home("run", sample=True, unlocked=True))

        assert any("scripts: first" in line for line in report["lock_differences"])
        assert any("not made with what is locked" in line for line in report["counts_not_because"])

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"schema": "mlperf-home/challenge-lock/1"}'])
    def test_a_damaged_lock_says_how_to_renew_it(self, home: ChallengeHome, text: str) -> None:
        (home.root / "challenge" / NAME / LOCK_NAME).write_text(text)

        assert f"cm run challenge {NAME} --lock" in home("run", sample=True)["error"]
        assert home("run", lock=True)["return"] == 0
        assert home("run", sample=True)["return"] == 0

    def test_a_changed_manifest_differs_from_the_lock(self, home: ChallengeHome) -> None:
        home.write(points=5)

        assert "challenge: _cm.json" in home("run", sample=True)["error"]

    def test_locking_twice_yields_the_same_bytes(self, home: ChallengeHome) -> None:
        path = home.root / "challenge" / NAME / LOCK_NAME
        before = path.read_bytes()
        home("run", lock=True)

        assert path.read_bytes() == before


class TestDates:
    def test_a_closed_challenge_runs_and_does_not_count(self, home: ChallengeHome) -> None:
        home.at(CLOSED)

        answer = home("run")

        assert answer["return"] == 0
        assert "the challenge was" in " ".join(report_of(answer)["counts_not_because"])

    def test_a_closed_challenge_is_refused_as_official(self, home: ChallengeHome) -> None:
        home.at(CLOSED)

        error = home("run", official=True)["error"]

        assert "the challenge is closed (2026-04-01 to 2026-06-30)" in error
        assert home.ran == []

    def test_a_sample_is_never_official(self, home: ChallengeHome) -> None:
        assert "--sample runs are never official" in home("run", official=True, sample=True)["error"]


class TestRuns:
    def test_every_workflow_runs_with_its_placeholders(self, home: ChallengeHome) -> None:
        answer = home("run", sample=True, colour="red", quiet=True)

        assert [command["tags"] for command in home.ran] == ["run,first,_sample", "run,second,_sample"]
        first = home.ran[0]
        assert first["colour"] == "red"
        assert first["quiet"] is True
        assert Path(first["results_dir"]) == Path(answer["report"]).parent / "results" / "first"
        assert "colour" not in {key for command in home.ran[2:] for key in command}

    def test_an_option_without_a_value_is_left_out(self, home: ChallengeHome) -> None:
        home("run", sample=True)

        assert "colour" not in home.ran[0]

    def test_done_workflows_do_not_run_again(self, home: ChallengeHome) -> None:
        first = home("run", sample=True)
        packed = Path(first["bundle"]).read_bytes()
        second = home("run", sample=True)

        assert len(home.ran) == 2
        assert Path(second["bundle"]).read_bytes() == packed

    def test_a_failure_is_named_and_the_others_continue(self, home: ChallengeHome) -> None:
        home.failing["run,first,_sample"] = "no compiler here"

        answer = home("run", sample=True)

        assert answer["return"] == 1
        assert "first: no compiler here" in answer["error"]
        assert [row["workflow"] for row in report_of(answer)["results"]] == ["second"]
        assert [each["status"] for each in report_of(answer)["workflows"]] == ["failed", "done"]

        home.failing.clear()
        again = home("run", sample=True)

        assert again["return"] == 0
        assert [command["tags"] for command in home.ran[2:]] == ["run,first,_sample"]

    def test_a_run_continues_after_ctrl_c(self, home: ChallengeHome) -> None:
        home.failing["run,second,_sample"] = "Ctrl-C"

        assert home("run", sample=True)["return"] == 130
        home.failing.clear()
        answer = home("run", sample=True)

        assert answer["return"] == 0
        assert [command["tags"] for command in home.ran] == [
            "run,first,_sample",
            "run,second,_sample",
            "run,second,_sample",
        ]

    def test_a_folder_with_another_run_is_refused_or_set_aside(self, home: ChallengeHome, tmp_path: Path) -> None:
        folder = str(tmp_path / "R")
        home("run", sample=True, results_dir=folder)

        assert "holds a run with another --colour" in home("run", sample=True, results_dir=folder, colour="x")["error"]
        assert home("run", sample=True, results_dir=folder, colour="x", new=True)["return"] == 0
        assert [path.name for path in tmp_path.glob("R.until-*/run.json")] == ["run.json"]

    def test_an_option_may_be_added_with_its_first_workflow(self, home: ChallengeHome) -> None:
        made = document()
        del made["workflows"][0]["sample"]["options"]["colour"]
        home.write(**made)
        home("run", lock=True)

        def run(**options: Any) -> dict[str, Any]:
            return home("run", sample=True, **options)

        assert run(only="first")["return"] == 0
        assert run(colour="red")["return"] == 0
        assert run(only="first", submitter="Me")["return"] == 0
        assert [command.get("colour") for command in home.ran] == [None, "red"]
        assert "holds a run with another --colour" in run(colour="blue")["error"]
        next(home.home.glob("challenges/**/results/second/**/measurement.json")).unlink()
        assert run(only="second", colour="blue")["return"] == 0
        (kept,) = home.home.glob("challenges/**/run.json")
        assert json.loads(kept.read_text())["asked"]["options"] == {"colour": "blue"}
        assert run(only="first")["return"] == 0
        assert json.loads(kept.read_text())["asked"]["options"] == {"colour": "blue"}

    @pytest.mark.parametrize("new", [False, True])
    def test_a_second_run_in_a_folder_is_refused(self, home: ChallengeHome, tmp_path: Path, *, new: bool) -> None:
        errors: list[str] = []
        real = home.run_script

        def meanwhile(command: dict[str, Any]) -> dict[str, Any]:
            home.patch.setattr(ENGINE, "run_script", real)
            errors.append(home("run", sample=True, results_dir=str(tmp_path / "R"), new=new)["error"])
            return real(command)

        home.patch.setattr(ENGINE, "run_script", meanwhile)

        assert home("run", sample=True, results_dir=str(tmp_path / "R"))["return"] == 0
        assert "another run is measuring into it" in errors[0]

    def test_a_damaged_run_json_can_be_set_aside(self, home: ChallengeHome, tmp_path: Path) -> None:
        folder = tmp_path / "R"
        home("run", sample=True, results_dir=str(folder))
        (folder / "run.json").write_text("{")

        assert "is damaged" in home("run", sample=True, results_dir=str(folder))["error"]
        assert home("run", sample=True, results_dir=str(folder), new=True)["return"] == 0

    def test_deleted_results_are_measured_again(self, home: ChallengeHome) -> None:
        answer = home("run", sample=True)
        next(Path(answer["report"]).parent.glob("results/first/**/measurement.json")).unlink()
        home("run", sample=True)

        assert [command["tags"] for command in home.ran[2:]] == ["run,first,_sample"]


class TestReports:
    def test_a_sample_is_marked_everywhere(self, home: ChallengeHome) -> None:
        answer = home("run", sample=True)

        assert report_of(answer)["sample"] is True
        assert not report_of(answer)["counts"]
        for key in ("report", "page"):
            assert "SAMPLE" in Path(answer[key]).read_text()

    def test_an_official_run_has_the_state_open(self, home: ChallengeHome) -> None:
        home.patch.setattr(running, "_made", lambda _work: datetime(2026, 5, 1, 3, 4, 5, tzinfo=timezone.utc))
        answer = home("run")

        report = report_of(answer)
        assert [row["workflow"] for row in report["results"]] == ["first", "second"]
        assert report["state"] == "open"
        assert report["results"][0]["metrics"][0] == {
            "name": "samples_per_second",
            "better": "more",
            "value": 109.5,
            "origin": "measured",
        }

    def test_the_page_is_self_contained_and_has_no_scripts(self, home: ChallengeHome) -> None:
        home.failing["run,first,_sample"] = '<script>alert(1)</script> | "x" *y*'
        answer = home("run", sample=True)

        page, text = (Path(answer["report"]).with_suffix(end).read_text() for end in (".html", ".md"))
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        assert "http" not in page
        assert '\\| "x" \\*y\\*' in text


def test_options_of_the_environment_are_reported(home: ChallengeHome) -> None:
    home.patch.setenv("CM_SCRIPT_EXTRA_CMD", "--adr.python.version=3.11 --execution_mode=test")

    report = report_of(home("run", sample=True))

    assert any("--execution_mode=test" in reason for reason in report["counts_not_because"])
    assert "CM_SCRIPT_EXTRA_CMD changes its commands" in home("run", official=True)["error"]


def test_the_first_metric_orders_the_results_of_all_workflows(home: ChallengeHome) -> None:
    folder = Path(home("run", sample=True)["report"]).parent
    path = next(folder.glob("results/second/**/measurement.json"))
    faster = json.loads(path.read_text())
    faster["values"]["samples_per_second"]["value"] = 500.0
    path.write_text(json.dumps(faster))

    rows = result_rows(folder, load_challenge([home.root], NAME).metrics)

    assert [row.workflow for row in rows] == ["second", "first"]
