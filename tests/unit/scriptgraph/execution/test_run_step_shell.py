"""Steps with a run.sh: values arrive unchanged, exports are read, failures are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scriptgraph.errors import ScriptGraphError, StepFailed, UndeclaredError

if TYPE_CHECKING:
    from tiny_scripts import Bench

HOSTILE = [
    "$(touch hacked)",
    "`touch hacked`",
    "; touch hacked",
    "a 'b' \"c\"",
    "line\nline",
    "--option",
    "*",
    "a\\b",
    "~",
]
ECHO = """
printf "%s" "$CM_TEXT" > seen
python3 - <<END
import json, os
json.dump({"CM_SEEN": open("seen").read()}, open(os.environ["CM_EXPORTS_FILE"], "w"))
END
"""


def add(bench: Bench, program: str, body: str = "", **fields: Any) -> None:
    folder = bench.scripts.add(
        "x", body, env_keys=["CM_TEXT", "CM_LIST"], new_env_keys=["CM_SEEN", "CM_FIRST"], **fields
    )
    (folder / "run.sh").write_text(program)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_arrives_unchanged_and_is_never_executed(bench: Bench, value: str) -> None:
    add(bench, ECHO)

    record = bench.run("x", env={"CM_TEXT": value})

    assert record.exports["CM_SEEN"] == value
    assert not list(bench.home.rglob("hacked"))


def test_lines_are_read_as_keys_and_values(bench: Bench) -> None:
    add(bench, 'echo "CM_SEEN=a=b c" >> "$CM_EXPORTS_FILE"')

    assert bench.run("x").exports["CM_SEEN"] == "a=b c"


def test_a_list_is_one_variable_with_colons(bench: Bench) -> None:
    add(bench, 'echo "CM_SEEN=$CM_LIST" > "$CM_EXPORTS_FILE"')

    assert bench.run("x", env={"CM_LIST": ("/a", "/b")}).exports["CM_SEEN"] == "/a:/b"


def test_it_works_between_preprocess_and_postprocess(bench: Bench) -> None:
    body = """
        def preprocess(context: Context) -> Done:
            return Done(exports={"CM_FIRST": "one"})

        def postprocess(context: Context) -> Done:
            return Done(exports={"CM_SEEN": (context.output / "made").read_text()})
        """
    add(bench, 'printf "%s" "$CM_FIRST" > made', body)

    assert bench.run("x").exports == {"CM_FIRST": "one", "CM_SEEN": "one"}


def test_a_skipped_dependency_does_not_run(bench: Bench) -> None:
    add(bench, "exit 3", 'def preprocess(context: Context) -> Skip:\n    return Skip("no need")\n')

    assert bench.run("x").steps[0].status == "skipped"


def test_a_failure_has_the_exit_status_and_the_last_lines(bench: Bench) -> None:
    add(bench, "echo something is missing; exit 7")

    with pytest.raises(ScriptGraphError, match=r"exited with status 7; last output: something is missing") as caught:
        bench.run("x")
    assert caught.value.log is not None


@pytest.mark.parametrize(
    ("program", "error", "said"),
    [
        ('echo "not a line" > "$CM_EXPORTS_FILE"', StepFailed, "line 1 .* is not KEY=value"),
        ('echo "{" > "$CM_EXPORTS_FILE"', StepFailed, r"CM_EXPORTS_FILE is not JSON \("),
        (
            "head -c 100000 /dev/zero | tr '\\0' '[' | sed 's/^/{/' > \"$CM_EXPORTS_FILE\"",
            StepFailed,
            "nested more than 64",
        ),
        ('printf \'{"CM_SEEN": "\\377"}\' > "$CM_EXPORTS_FILE"', StepFailed, "cannot be read"),
        ('rm "$CM_EXPORTS_FILE"', StepFailed, "cannot be read"),
        ('echo "CM_OTHER=1" > "$CM_EXPORTS_FILE"', UndeclaredError, "CM_OTHER, which its manifest does not list"),
    ],
)
def test_its_exports_are_checked(bench: Bench, program: str, error: type[Exception], said: str) -> None:
    add(bench, program)

    with pytest.raises(error, match=said):
        bench.run("x")


def test_two_programs_are_one_too_many(bench: Bench) -> None:
    add(bench, "true", 'def preprocess(context: Context) -> Run:\n    return Run(["true"])\n')

    with pytest.raises(StepFailed, match="keep one of the two"):
        bench.run("x")


def test_its_change_makes_a_new_entry(bench: Bench) -> None:
    add(bench, 'echo "CM_SEEN=1" > "$CM_EXPORTS_FILE"', cache=True)
    assert bench.run("x").exports["CM_SEEN"] == "1"
    assert bench.run("x").steps[0].status == "cached"
    add(bench, 'echo "CM_SEEN=2" > "$CM_EXPORTS_FILE"', cache=True)

    assert bench.run("x").exports["CM_SEEN"] == "2"


class TestProgramsThatExportNothing:
    def warnings(self, bench: Bench) -> list[str]:
        return [details["message"] for kind, _, details in bench.events if kind == "warned"]

    @pytest.mark.parametrize("name", ["tmp-run-env.out", "tmp-run-state.json"])
    def test_exports_in_a_file_of_2023_are_refused(self, bench: Bench, name: str) -> None:
        add(bench, f"echo CM_SEEN=1 > {name}")

        with pytest.raises(StepFailed, match=rf"run\.sh: wrote {name}, which is not read; write KEY=value to \$CM_EXP"):
            bench.run("x")

    def test_it_is_told(self, bench: Bench) -> None:
        add(bench, "true")

        bench.run("x")

        (warning,) = self.warnings(bench)
        assert "run.sh: exported nothing of CM_SEEN, CM_FIRST; write KEY=value to the file $CM_EXPORTS_FILE" in warning

    def test_a_postprocess_may_export_in_its_place(self, bench: Bench) -> None:
        add(bench, "true", "def postprocess(context: Context) -> Done:\n    return Done(exports={'CM_SEEN': 1})\n")

        assert bench.run("x").exports == {"CM_SEEN": 1}
        assert self.warnings(bench) == []
