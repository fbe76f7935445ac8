"""`cm run script` from cmind's dictionary to the answer, the record and the files, in a temporary home."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.product import ENGINE, PRODUCT
from scriptgraph.cache.store import LAYOUT
from scriptgraph.embed import Engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from tiny_scripts import ScriptFolders

    Run = Callable[..., dict[str, Any]]

MAKE = """
    def preprocess(context: Context) -> Done:
        context.command(["sh", "-c", "echo made; echo $CM_HIDDEN > made.txt"])
        return Done({"CM_PATH": context.output / "made.txt"})
    """


@pytest.fixture
def workflow(scripts: ScriptFolders) -> ScriptFolders:
    """Add `front`, which shows a table and depends on the cached `make`."""
    scripts.add("make", MAKE, cache=True, inputs={"size": {"env": "CM_SIZE", "default": 1}}, new_env_keys=["CM_PATH"])
    scripts.add(
        "front",
        """
        def preprocess(context: Context) -> Done:
            context.say("measuring")
            context.table("Result", [("path", context.text("CM_PATH")), ("mode", context.text("CM_MODE"))])
            return Done({"CM_SPEED": 12.5})
        """,
        tags=["run", "front"],
        deps=[{"tags": "make", "names": ["maker"]}],
        inputs={"run-mode": {"env": "CM_MODE", "default": "fast", "choices": ["fast", "whole"]}},
        variations={"whole": {"default_env": {"CM_OTHER": 1}, "env": {"CM_MODE": "whole"}}},
        env_keys=["CM_PATH"],
        new_env_keys=["CM_SPEED", "CM_PATH"],
    )
    return scripts


def record_of(answer: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(Path(answer["record"]).read_text(encoding="utf-8")))


def records(home: Path) -> list[dict[str, Any]]:
    paths = sorted((home / "records").glob("*/record.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


@pytest.mark.usefixtures("workflow")
class TestARun:
    def test_the_answer_names_the_record_and_the_exports(self, cm_run: Run, home: Path) -> None:
        answer = cm_run("run,front,_whole", adr={"maker": {"size": "3"}})

        assert answer["return"] == 0
        assert answer["status"] == "done"
        assert answer["new_env"]["CM_SPEED"] == 12.5
        assert Path(answer["new_env"]["CM_PATH"]).is_relative_to(home / "cache")
        assert answer["tables"][0]["rows"][1] == ["mode", "whole"]
        record = record_of(answer)
        assert record["status"] == "done"
        assert record["request"]["argv"] == ["run", "script", "--tags=run,front,_whole"]
        assert [step["title"] for step in record["steps"]] == ["make", "front,_whole"]
        assert record["exports"] == answer["new_env"]

    def test_a_second_run_makes_nothing_again(self, cm_run: Run) -> None:
        first, second = record_of(cm_run("run,front")), record_of(cm_run("run,front"))

        assert [step["status"] for step in first["steps"]] == ["done", "done"]
        assert [step["status"] for step in second["steps"]] == ["cached", "done"]
        assert first["plan_fingerprint"] == second["plan_fingerprint"]
        assert second["steps"][0]["commands"] == []

    def test_another_size_is_another_entry(self, cm_run: Run) -> None:
        answers = [cm_run("run,front", adr={"maker": {"size": size}}) for size in ("1", "2", "1")]

        assert [record_of(each)["steps"][0]["status"] for each in answers] == ["done", "done", "cached"]

    def test_progress_goes_to_stderr_and_tables_to_stdout(
        self, cm_run: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        cm_run("run,front")

        out, err = capsys.readouterr()
        assert "Result" in out
        assert [line for line in err.splitlines() if "done in" not in line] == ["> make", "> front", "  measuring"]

    def test_as_json_the_output_is_left_to_cmind(self, cm_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        answer = cm_run("run,front", out="json", quiet=True)

        assert capsys.readouterr().out == ""
        assert json.loads(json.dumps(answer))["tables"][0]["title"] == "Result"

    def test_our_own_environment_does_not_leak_into_programs(
        self, cm_run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CM_HIDDEN", "leaked")

        made = Path(cm_run("make")["new_env"]["CM_PATH"])

        assert made.read_text(encoding="utf-8") == "\n"

    def test_the_log_of_a_step_is_in_the_record(self, cm_run: Run) -> None:
        (step,) = record_of(cm_run("make"))["steps"]

        assert Path(step["log"]).read_text(encoding="utf-8") == "made\n"
        assert step["commands"][0]["argv"][0] == "sh"

    def test_a_retired_name_is_warned_about_even_when_quiet(
        self, workflow: ScriptFolders, cm_run: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        workflow.add("old", retired_names={"compiler": "nothing is compiled any more"})

        assert cm_run("old", quiet=True, adr={"compiler": {"tags": "gcc"}})["return"] == 0
        assert capsys.readouterr().err == "! old: --adr.compiler: nothing is compiled any more\n"


@pytest.mark.usefixtures("workflow")
class TestAMistake:
    @pytest.mark.parametrize(
        ("tags", "options", "error"),
        [
            (
                "run,frnt",
                {},
                (
                    "--tags=run,frnt: no script has the tag 'frnt'. Did you mean front?"
                    " Closest scripts: front (run,front)"
                ),
            ),
            (
                "run,front,_hole",
                {},
                "front: has no variation _hole. Did you mean _whole? Valid: _whole.\n  on the way: front",
            ),
            ("run,front", {"run_mode": "slow"}, "--run_mode=slow: must be one of fast, whole\n  on the way: front"),
            (
                "run,front",
                {"run-mode": "fast", "runmode": "x"},
                (
                    "front has no option --runmode; did you mean --run_mode?"
                    " `cm run script --tags=front --help` lists its options\n  on the way: front"
                ),
            ),
            (
                "run,front",
                {"adr": {"makr": {"size": "1"}}},
                "--adr.makr: no dependency has this name. Did you mean maker? Names: maker",
            ),
            (
                "run,front",
                {"artifact": "x"},
                "stray word: 'x' beside --tags=run,front; write tags with commas and no spaces",
            ),
        ],
    )
    def test_a_mistake_is_one_line_and_starts_nothing(
        self, cm_run: Run, home: Path, tags: str, options: dict[str, Any], error: str
    ) -> None:
        assert cm_run(tags, **options) == {"return": 1, "error": error}
        assert not home.exists()

    def test_a_broken_manifest_stops_only_its_dependants(self, workflow: ScriptFolders, cm_run: Run) -> None:
        workflow.add("broken", deps=[{"name": "x"}])

        assert cm_run("run,front")["return"] == 0

    def test_a_broken_manifest_is_named_with_the_place(self, workflow: ScriptFolders, cm_run: Run) -> None:
        folder = workflow.add("broken", deps=[{"name": "x"}])

        assert cm_run("run,front")["return"] == 0
        assert cm_run("broken") == {
            "return": 1,
            "error": f"{folder}/_cm.json#/deps/0/name: unknown key (did you mean names?)",
        }

    def test_a_home_that_cannot_be_written_is_named(self, cm_run: Run, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        answer = cm_run("run,front", home=str(tmp_path / "file"))

        assert answer["return"] == 1
        assert "the cache cannot be written (Not a directory); set CM_REPOS or --home" in answer["error"]


class TestAFailure:
    def test_a_failed_program_is_named_with_its_log(self, scripts: ScriptFolders, cm_run: Run, home: Path) -> None:
        failing = "context.command(['sh', '-c', 'echo half > half.txt; echo the reason; exit 3'])"
        scripts.add("x", f"def preprocess(context: Context) -> Done:\n    {failing}", cache=True)
        scripts.add("top", deps=[{"tags": "x"}])

        answer = cm_run("top")

        (record,) = records(home)
        log = record["steps"][0]["log"]
        assert answer["return"] == 1
        assert "sh exited with status 3" in answer["error"]
        assert answer["error"].endswith(f"\n  on the way: top > x\n  log: {log} ")
        assert Path(log).read_text(encoding="utf-8") == "the reason\n"
        assert (record["status"], record["error"]) == ("failed", answer["error"].removesuffix(" "))

    def test_no_entry_is_left_and_the_next_run_is_whole(self, scripts: ScriptFolders, cm_run: Run, home: Path) -> None:
        code = """
            def preprocess(context: Context) -> Done:
                path = context.output / "made.txt"
                path.write_text("half")
                if not context.existing("CM_GATE").read_text():
                    raise StepFailed("the gate is shut")
                path.write_text("whole")
                return Done({"CM_PATH": path})
            """
        scripts.add("x", code, cache=True, env_keys=["CM_GATE"], new_env_keys=["CM_PATH"])
        gate = home.parent / "gate"
        gate.touch()

        failed = cm_run("x", env={"CM_GATE": str(gate)})
        left = [path for part in (LAYOUT, "making") for path in (home / "cache" / part).rglob("*")]
        gate.write_text("open", encoding="utf-8")
        done = cm_run("x", env={"CM_GATE": str(gate)})

        assert failed["error"].startswith("the gate is shut")
        assert left == []
        assert Path(done["new_env"]["CM_PATH"]).read_text(encoding="utf-8") == "whole"

    def test_a_defect_shows_its_traceback_and_is_recorded(
        self, scripts: ScriptFolders, cm_run: Run, home: Path
    ) -> None:
        scripts.add("x", "def preprocess(context: Context) -> Done:\n    return 1 / 0")

        with pytest.raises(ZeroDivisionError):
            cm_run("x")

        (record,) = records(home)
        assert (record["status"], record["error"]) == ("failed", "ZeroDivisionError: division by zero")

    @pytest.mark.parametrize("number", ["ENOSPC", "EACCES"])
    def test_an_operating_system_error_is_one_line(self, scripts: ScriptFolders, cm_run: Run, number: str) -> None:
        error = f"OSError(errno.{number}, os.strerror(errno.{number}), '/full/disk')"
        scripts.add("x", f"import errno, os\n\ndef preprocess(context: Context) -> Done:\n    raise {error}")

        answer = cm_run("x")

        assert answer["return"] == 1
        assert answer["error"].startswith("/full/disk: ")
        assert answer["error"].endswith("; see to it and run again\n  on the way: x")

    def test_ctrl_c_in_a_scripts_code_is_recorded(self, scripts: ScriptFolders, cm_run: Run, home: Path) -> None:
        scripts.add("x", "def preprocess(context: Context) -> Done:\n    raise KeyboardInterrupt", cache=True)

        assert cm_run("x") == {"return": 130, "error": "interrupted; no unfinished result was kept"}
        (record,) = records(home)
        assert (record["status"], record["steps"][0]["reason"]) == ("interrupted", "interrupted")


def test_post_dependencies_do_not_hide_the_scripts_exports(scripts: ScriptFolders, cm_run: Run) -> None:
    code = "def preprocess(context: Context) -> Skip:\n    return Skip('it is there', {'CM_A': 1})"
    scripts.add(
        "last", "def preprocess(context: Context) -> Done:\n    return Done({'CM_B': 2})", new_env_keys=["CM_B"]
    )
    scripts.add("x", code, post_deps=[{"tags": "last"}], new_env_keys=["CM_A"])

    answer = cm_run("x")

    assert (answer["new_env"], answer["status"]) == ({"CM_A": 1}, "skipped")


def test_other_repositories_are_read_beside_our_own(scripts: ScriptFolders, home: Path, tmp_path: Path) -> None:
    scripts.add("x")
    other = type(scripts)(tmp_path / "other")
    other.add("top", deps=[{"tags": "x"}])

    assert (
        Engine(PRODUCT, ENGINE.repository, [other.root]).run_script({"tags": "top", "home": str(home)})["return"] == 0
    )


def test_our_own_repository_is_this_checkout() -> None:
    assert (ENGINE.repository / "script" / "detect-os" / "_cm.json").is_file()


def test_the_scripts_folders_stay_clean(scripts: ScriptFolders, cm_run: Run) -> None:
    folder = scripts.add("x", "def preprocess(context: Context) -> Done:\n    return Done()")
    cm_run("x")

    assert sorted(path.name for path in folder.iterdir()) == ["_cm.json", "customize.py"]
