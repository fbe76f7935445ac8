"""The bridge to cmind: the product's repository, and the answers to errors, interruptions and --help."""

from __future__ import annotations

import errno
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

import pytest

from mlperf_home.product import PRODUCT
from scriptgraph.cli import bridge
from scriptgraph.cli.bridge import Engine
from scriptgraph.cli.commands.cmind_input import EXTRA
from scriptgraph.cli.commands.script import script_command
from scriptgraph.errors import ScriptGraphError

if TYPE_CHECKING:
    from pathlib import Path

    from scriptgraph.cli.commands.decoder import Arguments
    from scriptgraph.cli.console import RunConsole


@pytest.fixture
def installed(tmp_path: Path) -> Engine:
    """Return the engine of code in a site-packages folder, without a checkout."""
    return Engine(PRODUCT.replaced(checkout=tmp_path / "lib" / "site-packages"))


def test_the_installed_repository_is_found(installed: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ModuleSpec("cm_mlperf_home", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path / "cm_mlperf_home")]
    monkeypatch.setattr(bridge, "find_spec", lambda _name: spec)

    assert installed.repository == tmp_path / "cm_mlperf_home"


def test_missing_scripts_are_reported_with_the_remedy(installed: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "find_spec", lambda _name: None)

    with pytest.raises(ScriptGraphError, match="the scripts are not installed; run pip install mlperf-home again"):
        installed.repository  # noqa: B018 - a property that raises


class TestEndsOfACommand:
    def listing(self, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> dict[str, object]:
        def fail(_self: Engine) -> Path:
            raise error

        monkeypatch.setattr(Engine, "repository", property(fail))
        return Engine(PRODUCT).list_or_remove("find script", {})

    def test_an_error_of_the_machine_is_reported_in_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answer = self.listing(monkeypatch, OSError(errno.EROFS, "Read-only file system", "/mnt/x"))

        assert answer == {"return": 1, "error": "/mnt/x: Read-only file system; correct this and run again"}

    def test_an_interruption_has_its_own_code(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.listing(monkeypatch, KeyboardInterrupt())["return"] == 130

    def test_a_defect_of_the_program_raises(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(FileNotFoundError):
            self.listing(monkeypatch, FileNotFoundError(errno.ENOENT, "No such file", "x"))


class TestHelp:
    @pytest.mark.parametrize("given", [{"help": True}, {"h": True}, {"control": {"h": True}}, {"artifact": "help"}])
    def test_help_is_shown_instead_of_the_command(
        self, given: dict[str, object], capsys: pytest.CaptureFixture[str]
    ) -> None:
        answer = Engine(PRODUCT).run_script({"out": "con", **given})

        assert (answer["return"], answer["skip_delayed_help"]) == (0, True)
        assert capsys.readouterr().out.startswith("Run a script")

    def test_help_with_tags_lists_the_scripts_options(self, capsys: pytest.CaptureFixture[str]) -> None:
        Engine(PRODUCT).run_script({"out": "con", "help": True, "tags": "run,mlperf,bert-99,deepsparse"})

        shown = capsys.readouterr().out
        own, shared = shown.index("Options of run-mlperf-bert-99-deepsparse"), shown.index("Options shared")
        assert own < shown.index("--execution_mode") < shared < shown.index("--num_threads")
        assert "a whole number from 0 to 1,000" in " ".join(shown.split())

    def test_help_with_tags_of_no_script_is_an_error(self) -> None:
        assert "Did you mean detect?" in Engine(PRODUCT).run_script({"help": True, "tags": "detct"})["error"]

    def test_a_program_gets_help_as_text(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert Engine(PRODUCT).list_or_remove("rm cache", {"help": True})["help"].startswith("Remove cache entries")
        assert capsys.readouterr().out == ""


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("no such script.", "no such script"),
            ("x: unknown key; did you mean names?", "x: unknown key (did you mean names?)"),
            ("no tag 'a'. Did you mean b?", "no tag 'a' (did you mean b?)"),
            ("which script? write it", "which script? write it"),
            ("which?", "which?"),
            ("no room.\n  on the way: a > b", "no room.\n  on the way: a > b"),
            ("no room\n  log: /x.log", "no room\n  log: /x.log "),
        ],
    )
    def test_errors_end_with_one_mark(self, text: str, shown: str) -> None:
        def fail(*_: object) -> dict[str, object]:
            raise ScriptGraphError(text)

        assert Engine(PRODUCT).answer(script_command("find", PRODUCT), {}, fail)["error"] == shown

    @pytest.mark.parametrize(("out", "shown"), [("con", False), ("json", False), ("console", True), ("xml", True)])
    def test_errors_are_printed_if_cm_does_not_print_them(
        self, out: str, capsys: pytest.CaptureFixture[str], *, shown: bool
    ) -> None:
        Engine(PRODUCT).list_or_remove("find script", {"out": out, "verfy": True})

        assert ("CM error: " in capsys.readouterr().err) is shown

    def test_quiet_of_the_variable_quiets_the_console(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shown: list[bool] = []

        def look(_arguments: Arguments, console: RunConsole) -> dict[str, object]:
            shown.append(console.quiet)
            return {}

        for extra in ("", "--quiet"):
            monkeypatch.setenv(EXTRA, extra)
            assert Engine(PRODUCT).answer(script_command("run", PRODUCT), {"tags": "a"}, look)["return"] == 0

        assert shown == [False, True]

    def test_a_misspelled_option_of_the_command_is_suggested(self) -> None:
        error = Engine(PRODUCT).run_script({"tags": "detect,os", "ofline": True})["error"]

        assert "did you mean --offline?" in error


def test_an_error_is_printable_and_no_flood(installed: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> dict[str, object]:
        raise ScriptGraphError(f"\x1b[2Jname\udcff {'x' * 100_000}")

    answer = installed.answer(script_command("run", PRODUCT), {"tags": "x", "out": "json"}, fail)

    assert answer["error"].startswith("\\x1b[2Jname\\udcff xxx")
    assert len(answer["error"]) < 1000


def test_a_command_within_another_shows_no_next_commands(capsys: pytest.CaptureFixture[str]) -> None:
    engine, command = Engine(PRODUCT), script_command("find", PRODUCT)
    inner: list[dict[str, Any]] = []

    def suggest(_: Arguments, console: RunConsole, name: str = "within") -> dict[str, object]:
        console("suggested", "x", {"commands": [{"purpose": name, "command": "cm find script"}]})
        return {}

    def outer(arguments: Arguments, console: RunConsole) -> dict[str, object]:
        inner.append(engine.answer(command, {"out": "con"}, suggest))
        return suggest(arguments, console, "after all")

    answered = engine.answer(command, {"out": "con"}, outer)

    assert capsys.readouterr().out == "Next\n  after all:  cm find script\n"
    assert answered["next"] == [{"purpose": "after all", "command": "cm find script"}]
    assert inner[0]["next"][0]["purpose"] == "within"
