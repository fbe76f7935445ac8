"""A script sees only what its manifest declares, and errors of values name their option."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tiny_scripts import manifest

from scriptgraph.api import Context, Folders, Switches, failing_on, program_environment
from scriptgraph.errors import DocumentError, StepFailed, UndeclaredError
from scriptgraph.execution.failures import failures_text
from scriptgraph.execution.run_step import exports_as_values
from scriptgraph.planning.environment import Environment, Layer
from scriptgraph.process.programs import ProcessFailed

SCRIPT = manifest(
    "x",
    env_keys=["CM_KEY"],
    inputs={"size": {"env": "CM_SIZE"}, "dry-run": {"env": "CM_DRY"}, "model": {"env": "CM_MODEL"}},
)


class Events(list[tuple[str, dict[str, Any]]]):
    def __call__(self, kind: str, details: Any) -> None:
        self.append((kind, dict(details)))


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    (tmp_path / "output").mkdir()
    names = ("output", "partial", "state", "log.txt", "record.json")
    return Folders(*(tmp_path / name for name in names))


def context_with(folders: Folders, values: dict[str, Any], events: Events | None = None, **more: Any) -> Context:
    env = Environment().merged(values, Layer.INPUT, "test")
    return Context(
        SCRIPT, env, folders, Switches(command_line=("run", "it")), Events() if events is None else events, **more
    )


def test_reading_what_is_not_declared_is_refused(folders: Folders) -> None:
    context = context_with(folders, {"CM_OTHER": "there"})

    with pytest.raises(UndeclaredError) as caught:
        context.value("CM_OTHER")

    assert str(caught.value) == "x reads CM_OTHER, which its manifest does not declare; add it to env_keys"


@pytest.mark.parametrize(
    "read", [Context.text, Context.flag, Context.number, Context.whole, Context.path, Context.existing]
)
def test_every_reader_refuses_undeclared_keys(folders: Folders, read: Any) -> None:
    with pytest.raises(UndeclaredError):
        read(context_with(folders, {"CM_OTHER": "1"}), "CM_OTHER")


def test_a_hook_may_read_further_keys(folders: Folders) -> None:
    assert context_with(folders, {"CM_OTHER": "there"}, also_reads=["CM_OTHER"]).text("CM_OTHER") == "there"


@pytest.mark.parametrize(
    ("method", "value", "got"),
    [
        ("value", ("a", "b"), ("a", "b")),
        ("text", ("a", "b"), "a,b"),
        ("text", True, "yes"),
        ("text", 3, "3"),
        ("flag", True, True),
        ("flag", "On", True),
        ("flag", 1, True),
        ("flag", "1", True),
        ("flag", False, False),
        ("flag", "no", False),
        ("flag", "0", False),
        ("flag", "", False),
        ("flag", None, False),
        ("number", "1e3", 1000.0),
        ("number", 2, 2.0),
        ("number", "", None),
        ("number", None, None),
        ("whole", "12", 12),
        ("whole", "12.0", 12),
        ("whole", None, None),
        ("path", "", None),
        ("path", None, None),
        ("path", "/a/b", Path("/a/b")),
    ],
)
def test_values_are_read_as_the_requested_type(folders: Folders, method: str, value: Any, got: Any) -> None:
    read = getattr(context_with(folders, {"CM_SIZE": value}), method)("CM_SIZE")

    assert (read, type(read)) == (got, type(got))


@pytest.mark.parametrize(
    ("method", "value", "text"),
    [
        ("flag", "perhaps", "--size (CM_SIZE)=perhaps: must be yes or no"),
        ("flag", 2, "--size (CM_SIZE)=2: must be yes or no"),
        ("number", "many", "--size (CM_SIZE)=many: must be a number"),
        ("number", "nan", "--size (CM_SIZE)=nan: must be a number"),
        ("number", "1e999", "--size (CM_SIZE)=1e999: must be a number"),
        ("number", True, "--size (CM_SIZE)=yes: must be a number"),
        ("whole", "inf", "--size (CM_SIZE)=inf: must be a number"),
        ("whole", "1.5", "--size (CM_SIZE)=1.5: must be a whole number"),
        ("text", "", "x needs --size (CM_SIZE), which is not set"),
        ("text", None, "x needs --size (CM_SIZE), which is not set"),
        ("path", "~no-such-user-here/x", "--size (CM_SIZE)=~no-such-user-here/x: there is no such user"),
        ("existing", "", "x needs --size (CM_SIZE), which is not set"),
        (
            "existing",
            "/no/such",
            "--size (CM_SIZE)=/no/such: nothing is there; give the path of an existing file or folder",
        ),
    ],
)
def test_a_wrong_value_names_its_option(folders: Folders, method: str, value: Any, text: str) -> None:
    with pytest.raises(StepFailed) as caught:
        getattr(context_with(folders, {"CM_SIZE": value}), method)("CM_SIZE")

    assert str(caught.value) == text


def test_a_key_without_an_option_names_itself(folders: Folders) -> None:
    with pytest.raises(StepFailed, match=r"^x needs CM_KEY, which is not set$"):
        context_with(folders, {}).text("CM_KEY")


def test_a_default_replaces_an_unset_key(folders: Folders) -> None:
    context = context_with(folders, {"CM_KEY": ""})

    assert (context.text("CM_KEY", "d"), context.text("CM_SIZE", "")) == ("d", "")


def test_a_path_becomes_absolute_with_home_expanded(
    folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()

    context = context_with(folders, {"CM_KEY": "file", "CM_MODEL": "~/file"})

    assert context.path("CM_KEY") == context.existing("CM_MODEL") == tmp_path / "file"


def test_a_scripts_messages_are_announced(folders: Folders, events: Events) -> None:
    context = context_with(folders, {}, events)

    context.say("a")
    context.warn("b")
    context.note("e")
    context.summarise("f")
    context.table("c", [("label", "value")])
    context.progress("d", 1, None)
    context.suggest([("see it", ["cm", "show", "a b"])])

    assert events == [
        ("said", {"message": "a", "lasts_s": 0.0}),
        ("warned", {"message": "b"}),
        ("noted", {"message": "e"}),
        ("summed", {"message": "f"}),
        ("tabled", {"title": "c", "rows": [["label", "value"]]}),
        ("progressed", {"what": "d", "done": 1, "total": None}),
        ("suggested", {"commands": [{"purpose": "see it", "command": "cm show 'a b'"}]}),
    ]


def test_a_script_knows_its_surroundings(folders: Folders) -> None:
    context = context_with(folders, {})

    assert (context.output, context.record) == (folders.output, folders.record)
    assert context.command_line == ("run", "it")


def test_a_command_runs_in_the_steps_folder_and_is_recorded(folders: Folders) -> None:
    context = context_with(folders, {})
    lines: list[str] = []

    context.command([Path(sys.executable), "-c", "import os; print(os.getcwd())"], on_line=lines.append)

    assert lines == [str(folders.output)]
    assert folders.log.read_text(encoding="utf-8").splitlines() == lines
    assert [each.exit_code for each in context.commands] == [0]


def test_a_failing_command_is_an_error_unless_allowed(folders: Folders) -> None:
    context = context_with(folders, {})
    failing = [sys.executable, "-c", "raise SystemExit(3)"]

    with pytest.raises(ProcessFailed, match="exited with status 3"):
        context.command(failing)

    assert context.command(failing, check=False).exit_code == 3
    assert len(context.commands) == 2


def test_programs_get_the_users_environment_without_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CM_SECRET", "ours")
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    env = program_environment({"CM_GIVEN": "yes"})

    assert env["OMP_NUM_THREADS"] == "2"
    assert env["CM_GIVEN"] == "yes"
    assert not {"CM_SECRET", "PYTHONPATH"} & set(env)


def test_a_librarys_error_becomes_the_steps_failure() -> None:
    with pytest.raises(StepFailed, match=r"^no such city$"), failing_on(LookupError, OSError):
        raise LookupError("no such city")
    with pytest.raises(ValueError, match="a defect"), failing_on(LookupError):
        raise ValueError("a defect")


def test_exports_become_values_of_the_environment() -> None:
    exports: Any = {"A": Path("/a"), "B": [Path("/b"), "c"], "C": "yes", "D": 1.5, "E": None, "F": ("x",)}

    assert exports_as_values(exports) == {"A": "/a", "B": ("/b", "c"), "C": True, "D": 1.5, "E": None, "F": ("x",)}


@pytest.mark.parametrize(("value", "kind"), [({"a": 1}, "an object"), (b"x", "a bytes"), ([{}], "an object in a list")])
def test_an_export_of_another_kind_is_refused(value: Any, kind: str) -> None:
    with pytest.raises(TypeError, match=f"^CM_K: {kind} is not a value of the environment$"):
        exports_as_values({"CM_K": value})


def test_failures_of_dependencies_are_read_by_key(folders: Folders) -> None:
    text = failures_text([({"CM_MODEL": "a"}, StepFailed("no room").within("x"))])

    assert [each.error for each in context_with(folders, {"CM_KEY": text}).failures("CM_KEY")] == ["no room"]
    assert context_with(folders, {}).failures("CM_KEY") == ()
    with pytest.raises(DocumentError, match=r"^CM_KEY: is not JSON"):
        context_with(folders, {"CM_KEY": "a line"}).failures("CM_KEY")


def test_defaults_of_outputs_stay_in_the_replays_folder(folders: Folders, tmp_path: Path) -> None:
    replay = tmp_path / "elsewhere" / "replay"
    context = context_with(folders, {"CM_MODEL": "/typed"})
    foreign = Context(SCRIPT, Environment(), folders, Switches(outputs=replay), Events())
    own = folders.state.parent / "results"

    assert context.output_path("CM_MODEL", Path("/other")) == Path("/typed")
    assert context.output_path("CM_SIZE", Path("/other")) == Path("/other")
    assert foreign.output_path("CM_SIZE", Path("/other/file")) == replay / "file"
    assert foreign.output_path("CM_SIZE", folders.state / "../../../file") == replay / "file"
    assert foreign.output_path("CM_SIZE", own) == own
    assert (context.results_home, foreign.results_home) == (folders.state.parent, replay)
