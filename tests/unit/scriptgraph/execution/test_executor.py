"""A plan runs in order, equal steps once, and is recorded completely, however it ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tiny_scripts import exporting, raising

from scriptgraph.api import Switches
from scriptgraph.errors import ScriptGraphError, StepFailed, UndeclaredError
from scriptgraph.execution.failures import read_failures
from scriptgraph.process.programs import ProcessFailed

if TYPE_CHECKING:
    from tiny_scripts import Bench

    from scriptgraph.execution.record import Record


def statuses(record: Record) -> list[tuple[str, str]]:
    return [(step.alias, step.status) for step in record.steps]


class TestOrder:
    def test_steps_run_in_order_and_see_earlier_exports(self, bench: Bench) -> None:
        seeing = """
            def preprocess(context: Context) -> Done:
                return Done({"CM_SEEN": [context.text(key, "-") for key in ("CM_A", "CM_TOP")]})
            """
        bench.scripts.add("a", exporting(CM_A="a"), new_env_keys=["CM_A"])
        for alias in ("middle", "last"):
            bench.scripts.add(alias, seeing, env_keys=["CM_A", "CM_TOP"], new_env_keys=["CM_SEEN"])
        bench.scripts.add(
            "top",
            exporting(CM_TOP="top"),
            deps=[{"tags": "a"}, {"tags": "middle"}],
            post_deps=[{"tags": "last"}],
            new_env_keys=["CM_TOP"],
        )

        record = bench.run("top")

        assert statuses(record) == [("a", "done"), ("middle", "done"), ("top", "done"), ("last", "done")]
        assert record.steps[1].exports["CM_SEEN"] == ("a", "-")
        assert record.steps[3].exports["CM_SEEN"] == ("a", "top")

    def test_a_tolerated_failure_is_reported_and_stops_nothing(self, bench: Bench) -> None:
        bench.scripts.add("bad", raising('StepFailed("the model is broken")'))
        bench.scripts.add("good", exporting(CM_A="a"), new_env_keys=["CM_A"])
        bench.scripts.add(
            "top",
            """
            def preprocess(context: Context) -> Done:
                return Done({"CM_TOLD": context.text("CM_FAILED"), "CM_SEEN": context.text("CM_A")})
            """,
            deps=[{"tags": "bad", "may_fail": "CM_FAILED"}, {"tags": "good", "may_fail": "CM_FAILED"}],
            env_keys=["CM_FAILED", "CM_A"],
            new_env_keys=["CM_TOLD", "CM_SEEN"],
        )

        record = bench.run("top")

        assert statuses(record) == [("bad", "failed"), ("good", "done"), ("top", "done")]
        assert record.exports["CM_SEEN"] == "a"
        (failure,) = read_failures(str(record.exports["CM_TOLD"]), "it")
        assert (failure.step, failure.error, failure.way) == ("bad", "the model is broken", ("bad",))

    def test_each_of_several_similar_failures_has_its_own_values(self, bench: Bench) -> None:
        bench.scripts.add("bad", raising('StepFailed("the model is broken")'))
        bench.scripts.add(
            "top",
            """
            def preprocess(context: Context) -> Done:
                return Done({"CM_TOLD": context.text("CM_FAILED")})
            """,
            deps=[
                {"tags": "bad", "may_fail": "CM_FAILED", "env": {"CM_FAMILY": "net", "CM_WHICH": number}}
                for number in ("v1,_a", "v2")
            ],
            env_keys=["CM_FAILED"],
            new_env_keys=["CM_TOLD"],
        )

        found = read_failures(str(bench.run("top").exports["CM_TOLD"]), "it")

        assert [dict(each.values) for each in found] == [
            {"CM_FAMILY": "net", "CM_WHICH": "v1,_a"},
            {"CM_FAMILY": "net", "CM_WHICH": "v2"},
        ]
        assert [each.name for each in found] == ["net v1,_a", "net v2"]
        assert all(each.error == "the model is broken" for each in found)

    def test_only_exports_leave_a_step(self, bench: Bench) -> None:
        bench.scripts.add("a", exporting(CM_A=1), env={"CM_INNER": 1}, new_env_keys=["CM_A"])
        bench.scripts.add(
            "top",
            """
            def preprocess(context: Context) -> Done:
                return Done({"CM_SEEN": [context.text("CM_A", "-"), context.text("CM_INNER", "-")]})
            """,
            deps=[{"tags": "a"}],
            env_keys=["CM_A", "CM_INNER"],
            new_env_keys=["CM_SEEN"],
        )

        assert bench.run("top").exports == {"CM_SEEN": ("1", "-")}

    def test_a_key_listed_by_a_step_passes_through_it(self, bench: Bench) -> None:
        bench.scripts.add("a", exporting(CM_A=1, CM_B=2), new_env_keys=["CM_A", "CM_B"])
        bench.scripts.add("middle", deps=[{"tags": "a"}], new_env_keys=["CM_A"])
        bench.scripts.add("top", deps=[{"tags": "middle"}], new_env_keys=["CM_*"])

        assert bench.run("top").exports == {"CM_A": 1}

    def test_a_guard_is_settled_by_an_earlier_steps_export(self, bench: Bench) -> None:
        bench.scripts.add("detect", exporting(CM_OS="linux"), new_env_keys=["CM_OS"])
        for system in ("linux", "windows"):
            bench.scripts.add(system)
        guarded = [{"tags": system, "enable_if_env": {"CM_OS": [system]}} for system in ("linux", "windows")]
        bench.scripts.add("top", deps=[{"tags": "detect"}, *guarded])

        assert [alias for alias, _ in statuses(bench.run("top"))] == ["detect", "linux", "top"]

    def test_an_error_of_a_deferred_dependency_has_the_chain(self, bench: Bench) -> None:
        bench.scripts.add("detect", exporting(CM_OS="linux"), new_env_keys=["CM_OS"])
        bench.scripts.add("top", deps=[{"tags": "detect"}, {"tags": "gone", "enable_if_env": {"CM_OS": ["linux"]}}])
        bench.scripts.add("above", deps=[{"tags": "top"}])

        with pytest.raises(ScriptGraphError) as caught:
            bench.run("above")

        assert caught.value.report().endswith("no script has the tag 'gone'.\n  on the way: above > top")
        assert bench.written_record()["error"] == caught.value.report()

    def test_placeholders_are_filled_after_the_dependencies(self, bench: Bench) -> None:
        bench.scripts.add("a", exporting(CM_A="made"), new_env_keys=["CM_A"])
        bench.scripts.add(
            "top",
            """
            def preprocess(context: Context) -> Done:
                return Done({"CM_SEEN": [context.text("CM_X"), context.text("CM_Y", "unset")]})
            """,
            deps=[{"tags": "a"}],
            env={"CM_X": "it is <<<CM_A>>>", "CM_Y": "<<<CM_NEVER>>>"},
            new_env_keys=["CM_SEEN"],
        )

        assert bench.run("top").exports["CM_SEEN"] == ("it is made", "unset")


class TestEqualSteps:
    TELLING = "def preprocess(context: Context) -> Done:\n    return Done({'CM_OUTPUT': context.output})"

    def test_they_run_once(self, bench: Bench) -> None:
        bench.scripts.add("a", self.TELLING, new_env_keys=["CM_OUTPUT"])
        for alias in ("left", "right"):
            bench.scripts.add(alias, deps=[{"tags": "a"}], new_env_keys=["CM_OUTPUT"])
        bench.scripts.add("top", deps=[{"tags": "left"}, {"tags": "right"}])

        record = bench.run("top")

        assert [alias for alias, _ in statuses(record)] == ["a", "left", "right", "top"]
        assert record.steps[1].exports == {}
        assert bench.run("left").exports == {"CM_OUTPUT": str(bench.run_folder / "output" / "01")}

    @pytest.mark.parametrize("key", ["CM_READ", "CM_NOT_READ"])
    def test_only_the_keys_they_read_distinguish_them(self, bench: Bench, key: str) -> None:
        bench.scripts.add("a", self.TELLING, env_keys=["CM_READ"], new_env_keys=["CM_OUTPUT"])
        bench.scripts.add("top", deps=[{"tags": "a", "env": {key: 1}}, {"tags": "a", "env": {key: 2}}])

        assert len(bench.run("top").steps) == (3 if key == "CM_READ" else 2)

    def test_a_shared_step_is_visited_once(self, bench: Bench) -> None:
        for level in range(40):
            for side in "ab":
                deps = [{"tags": f"{each}{level + 1}"} for each in "ab"] if level < 39 else []
                bench.scripts.add(f"{side}{level}", deps=deps)

        record = bench.run("a0")

        assert len(record.steps) == 2 * 39 + 1

    def test_each_run_runs_them_again(self, bench: Bench) -> None:
        bench.scripts.add("a", self.TELLING, new_env_keys=["CM_OUTPUT"])

        assert bench.run("a").exports != bench.run("a").exports


class TestOutcomes:
    def test_a_program_runs_and_its_exit_is_recorded(self, bench: Bench) -> None:
        bench.scripts.add(
            "x",
            f"""
            def preprocess(context: Context) -> Run:
                program = "import os; open('made.txt', 'w').write(os.environ['CM_GIVEN'])"
                return Run([{sys.executable!r}, "-c", program], env={{"CM_GIVEN": "in"}})

            def postprocess(context: Context) -> Done:
                return Done({{"CM_TEXT": (context.output / "made.txt").read_text()}})
            """,
            new_env_keys=["CM_TEXT"],
        )

        record = bench.run("x")

        assert record.exports == {"CM_TEXT": "in"}
        (command,) = record.steps[0].commands
        assert command["argv"][0] == sys.executable
        assert (command["exit_code"], command["signal"]) == (0, None)
        assert record.start_ns <= command["start_ns"] <= command["end_ns"] <= record.end_ns

    def test_a_program_without_postprocess_is_done(self, bench: Bench) -> None:
        bench.scripts.add("x", "def preprocess(context: Context) -> Run:\n    return Run(['true'])")

        assert statuses(bench.run("x")) == [("x", "done")]

    def test_a_program_that_fails_ends_the_run_before_postprocess(self, bench: Bench) -> None:
        bench.scripts.add(
            "x",
            """
            def preprocess(context: Context) -> Run:
                return Run(["sh", "-c", "echo the reason; exit 3"])

            def postprocess(context: Context) -> Done:
                raise AssertionError
            """,
        )

        with pytest.raises(ProcessFailed) as caught:
            bench.run("x")

        log = bench.run_folder / "logs" / "01-x.log"
        assert log.read_text(encoding="utf-8") == "the reason\n"
        assert f"\n  log: {log}" in caught.value.report()
        written = bench.written_record()["steps"][0]
        assert (written["status"], written["log"], written["commands"][0]["exit_code"]) == ("failed", str(log), 3)

    def test_a_step_may_have_nothing_to_do_and_still_export(self, bench: Bench) -> None:
        code = "def preprocess(context: Context) -> Skip:\n    return Skip('it is there', {'CM_A': 1})"
        bench.scripts.add("x", code, new_env_keys=["CM_A"])

        record = bench.run("x")

        assert (record.steps[0].status, record.steps[0].reason, record.exports) == (
            "skipped",
            "it is there",
            {"CM_A": 1},
        )

    def test_exports_are_decoded_as_manifests_are(self, bench: Bench) -> None:
        bench.scripts.add("x", exporting(CM_A="yes", CM_B=["a"]), new_env_keys=["CM_*"])

        assert bench.run("x").exports == {"CM_A": True, "CM_B": ("a",)}

    @pytest.mark.parametrize(
        ("code", "kind", "text"),
        [
            (
                exporting(CM_B=1),
                UndeclaredError,
                "x exports CM_B, which its manifest does not list; add it to new_env_keys",
            ),
            (exporting(CM_A={"b": 1}), StepFailed, "x exports CM_A: an object is not a value of the environment"),
            (
                "def preprocess(context: Context): pass",
                StepFailed,
                "{customize}: preprocess returned None instead of Done(...) or Skip(...)",
            ),
            (
                "def preprocess(context): return Run(['true'])\ndef postprocess(context): return 'done'",
                StepFailed,
                "{customize}: postprocess returned 'done' instead of Done(...) or Skip(...)",
            ),
        ],
        ids=["undeclared", "kind of value", "preprocess", "postprocess"],
    )
    def test_a_wrong_outcome_fails_the_step(self, bench: Bench, code: str, kind: type[Exception], text: str) -> None:
        folder = bench.scripts.add("x", code, new_env_keys=["CM_A"])

        with pytest.raises(kind) as caught:
            bench.run("x")

        assert str(caught.value) == text.format(customize=folder / "customize.py")
        written = bench.written_record()["steps"][0]
        assert (written["status"], written["reason"]) == ("failed", str(caught.value))


class TestEvents:
    def test_a_run_is_announced_step_by_step(self, bench: Bench) -> None:
        bench.scripts.add("a", "def preprocess(context: Context) -> Done:\n    context.say('hello')\n    return Done()")
        bench.scripts.add("top", deps=[{"tags": "a"}])

        bench.run("top")

        assert [(kind, title) for kind, title, _ in bench.events] == [
            ("started", "a"), ("said", "a"), ("finished", "a"), ("started", "top"), ("finished", "top"),
        ]  # fmt: skip
        finished = bench.events[2][2]
        assert (finished["status"], finished["reason"]) == ("done", None)
        assert finished["seconds"] >= 0

    def test_switches_reach_the_scripts(self, bench: Bench) -> None:
        code = "def preprocess(context: Context) -> Done:\n    return Done({'CM_A': context.switches.offline})"
        bench.scripts.add("x", code, new_env_keys=["CM_A"])

        assert bench.run("x", switches=Switches(offline=True)).exports == {"CM_A": True}
