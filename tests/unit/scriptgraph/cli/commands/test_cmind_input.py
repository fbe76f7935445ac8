"""Files named by `@` and CM_SCRIPT_EXTRA_CMD are merged with typed options."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cmind.cli import parse

from mlperf_home.product import PRODUCT
from scriptgraph.cli.commands.cmind_input import EXTRA, wants_help, wants_json, whole_command, with_extra
from scriptgraph.cli.commands.decoder import decode
from scriptgraph.cli.commands.script import script_command
from scriptgraph.cli.commands.words import parse_words
from scriptgraph.errors import RequestError

if TYPE_CHECKING:
    from pathlib import Path


def typed(*words: str) -> dict[str, Any]:
    return dict(parse(["run", "script", "--tags=a", *words])["cm_input"])


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "options.json"
    path.write_text(json.dumps({"env": {"A": "file", "B": "file"}, "adr": {"x": {"k": 1}}, "quiet": True}))
    return f"@{path}"


def test_a_files_environment_is_merged_with_a_typed_one(file: str) -> None:
    command = whole_command(typed("--env.C=typed", "--adr.x.l=2", file))

    assert command["env"] == {"A": "file", "B": "file", "C": "typed"}
    assert command["adr"] == {"x": {"k": 1, "l": "2"}}
    assert command["quiet"] is True


@pytest.mark.parametrize(("first", "value"), [(True, "file"), (False, "typed")])
def test_the_later_word_of_a_key_counts(file: str, value: str, *, first: bool) -> None:
    words = ["--env.A=typed", file] if first else [file, "--env.A=typed"]

    assert whole_command(typed(*words))["env"]["A"] == value


def test_a_yaml_file_is_merged_too(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("env:\n  A: yaml\n")

    assert whole_command(typed("--env.B=1", f"@{tmp_path / 'o.yaml'}"))["env"] == {"A": "yaml", "B": "1"}


def test_typed_options_are_merged_with_extra_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXTRA, "--adr.python.name=mlperf --env.A=extra --env.B=extra --note='two words'")

    arguments = decode(script_command("run", PRODUCT), typed("--env.A=typed"))

    assert arguments.values["env"] == {"A": "typed", "B": "extra"}
    assert arguments.others["note"] == "two words"
    assert dict(arguments.values["adr"]["python"].inputs) == {"name": "mlperf"}
    assert arguments.steered == {"python"}


def test_a_typed_option_overrides_an_extra_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXTRA, "--no-rerun")

    assert with_extra(typed("--no-rerun=no"))[0]["no_rerun"] == "no"


def test_the_variable_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counted(words: list[str]) -> Any:
        parsed.extend(words)
        return parse_words(words)

    command = typed("--b=2")
    monkeypatch.setenv(EXTRA, "--a=1 --adr.x.k=1")
    monkeypatch.setattr("scriptgraph.cli.commands.cmind_input.parse_words", counted)
    decode(script_command("run", PRODUCT), command)

    assert [word for word in parsed if word in {"--a=1", "--adr.x.k=1"}] == ["--a=1", "--adr.x.k=1"]


@pytest.mark.parametrize("value", ["no", "0", "false", False, ""])
def test_a_switch_that_is_off_requests_nothing(value: Any) -> None:
    off = dict.fromkeys(("j", "json", "h", "help"), value)

    assert not wants_json({"out": "con", **off})
    assert not wants_help({"out": "con", **off, "control": {"h": value}})


@pytest.mark.parametrize("value", ["yes", "1", True])
def test_a_switch_that_is_on_requests_its_output(value: Any) -> None:
    assert wants_json({"out": "con", "json": value})
    assert wants_help({"out": "con", "help": value})


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        ("--tags=b", "--tags belongs to one command"),
        ("--out=json", "--out belongs to one command"),
        ("--json", "--json belongs to one command"),
        ("-j", "-j belongs to one command"),
        ("--help", "--help belongs to one command"),
        ("-h", "-h belongs to one command"),
        ("word", "'word' is not an option"),
        ("--", "'--' is not an option"),
        ("--a='b", "cannot be split"),
    ],
)
def test_extra_words_that_are_not_options_are_refused(extra: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXTRA, extra)

    with pytest.raises(RequestError, match=EXTRA) as caught:
        with_extra(typed())

    assert why in str(caught.value)
