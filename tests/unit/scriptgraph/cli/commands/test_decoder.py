"""Every command is decoded by its table, and each mistake is an error of one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlperf_home.command_line import commands
from scriptgraph.cli.commands.decoder import Arguments, decode
from scriptgraph.cli.commands.table import Command, Option, output_options
from scriptgraph.errors import RequestError

NAMED = Command(
    "show",
    "thing",
    "Show a thing.",
    (
        Option("tags", "tags", "some things"),
        Option("name", "text", "the thing"),
        Option("f", "switch", "at once", also=("force",)),
        Option("colour", "text", "the paint", choices=("red", "blue"), never_empty=True),
        Option("parts", "list", "which parts"),
        Option("folder", "path", "where", value="=DIR"),
        *output_options(),
    ),
    "cm show thing x",
    word="name",
    refused={"env": "is for cm run script"},
)
TAGGED = NAMED.replaced(word="tags")


def arguments(command: Command = NAMED, **given: Any) -> Arguments:
    return decode(command, {"out": "con", **given})


def refusal(command: Command = NAMED, **given: Any) -> str:
    with pytest.raises(RequestError) as caught:
        arguments(command, **given)
    return str(caught.value)


class TestValues:
    @pytest.mark.parametrize(
        ("given", "value"),
        [
            ({"colour": "red"}, "red"),
            ({"parts": "a, b,,c"}, ("a", "b", "c")),
            ({"parts": ["a", "b"]}, ("a", "b")),
            ({"folder": "/x"}, Path("/x")),
            ({"force": True}, True),
            ({"f": "no"}, False),
        ],
    )
    def test_values_are_decoded_by_their_kind(self, given: dict[str, Any], value: Any) -> None:
        assert [*arguments(**given).values.values()] == [value]

    @pytest.mark.parametrize("name", ["parts", "folder"])
    def test_an_empty_value_counts_as_not_set(self, name: str) -> None:
        assert arguments(**{name: ""}).values == {}

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({"colour": "green"}, "--colour=green: must be one of red, blue"),
            ({"colour": True}, "--colour: needs a value; write --colour=TEXT"),
            ({"colour": ""}, "--colour: needs a value; write --colour=TEXT"),
            ({"folder": True}, "--folder: needs a path; write --folder=DIR"),
            ({"f": "red"}, "--f=red: must be yes or no"),
            ({"f": {"x": 1}}, "--f: has parts (x); write one value"),
        ],
    )
    def test_an_invalid_value_is_refused(self, given: dict[str, Any], text: str) -> None:
        assert refusal(**given) == text


class TestOptions:
    def test_the_error_of_an_unknown_option_names_the_nearest(self) -> None:
        assert refusal(color="red") == (
            "--color: is not an option of this command; did you mean --colour? `cm show thing --help` lists the options"
        )

    def test_without_a_near_option_only_the_help_is_named(self) -> None:
        assert refusal(zzz="1") == "--zzz: is not an option of this command; `cm show thing --help` lists the options"

    def test_an_option_of_another_command_has_its_reason(self) -> None:
        assert refusal(env={"A": "1"}) == "--env is for cm run script"

    def test_an_option_in_two_spellings_is_refused(self) -> None:
        assert "is set twice" in refusal(**{"a-b": 1, "a_b": 2})

    def test_options_of_the_subject_are_separate(self) -> None:
        decoded = arguments(NAMED.replaced(open_to="the thing"), colour="red", weight="3", quick="yes")

        assert decoded.others == {"weight": "3", "quick": True}
        with pytest.raises(RequestError, match="did you mean --weights"):
            decoded.require_known(["weights", "quick"])


class TestOutput:
    @pytest.mark.parametrize("out", ["con", "console"])
    def test_people_read_a_console(self, out: str) -> None:
        assert not arguments(out=out).as_json

    @pytest.mark.parametrize("given", [{"out": "json"}, {"out": None}, {"j": True}, {"json": True}])
    def test_programs_read_json(self, given: dict[str, Any]) -> None:
        assert arguments(**given).as_json

    @pytest.mark.parametrize("name", ["j", "json", "h", "help"])
    def test_a_switch_of_the_output_is_on_or_off(self, name: str) -> None:
        assert refusal(**{name: "perhaps"}) == f"--{name}=perhaps: must be yes or no"
        assert arguments(**{name: "no"}).values == {}

    @pytest.mark.parametrize("command", commands(), ids=lambda command: command.line)
    def test_no_command_has_another_output_format(self, command: Command) -> None:
        assert refusal(command, out="xml") == "--out=xml: must be one of console, json"


class TestSubjects:
    @pytest.mark.parametrize(
        "given", [{"artifact": "a,b"}, {"tags": "a,b"}, {"tags": ["a", "b"]}, {"tags": True, "artifact": "a,b"}]
    )
    def test_tags_may_be_a_word(self, given: dict[str, Any]) -> None:
        assert arguments(TAGGED, **given).word == "a,b"

    @pytest.mark.parametrize("given", [{"artifact": "x"}, {"name": "x"}, {"artifact": "x", "name": "x"}])
    def test_a_name_may_be_an_option(self, given: dict[str, Any]) -> None:
        assert arguments(**given).word == "x"

    def test_a_command_may_allow_a_name_with_tags(self) -> None:
        decoded = arguments(NAMED.replaced(named_and_tagged=True), artifact="x", tags="a,b")

        assert (decoded.word, decoded.tags) == ("x", ("a", "b"))

    @pytest.mark.parametrize(
        ("command", "given", "text"),
        [
            (NAMED, {"artifact": "x", "tags": "a"}, "x and --tags=a: give a name or tags, not both"),
            (NAMED, {"artifact": "x", "name": "y"}, "two names: x and y; give cm show thing one"),
            (NAMED, {"artifacts": ["y"]}, "stray words: y; options are written --name=value, without spaces"),
            (NAMED, {"unparsed_cmd": ["y"]}, "stray words: y; options are written --name=value, without spaces"),
            (TAGGED, {"artifact": "b", "tags": "a"}, "stray word: 'b' beside --tags=a; write tags with commas"),
            (NAMED.replaced(word=""), {"artifact": "x"}, "stray words: x; options are written --name=value"),
        ],
    )
    def test_other_subjects_are_refused(self, command: Command, given: dict[str, Any], text: str) -> None:
        assert refusal(command, **given).startswith(text)

    @pytest.mark.parametrize("tags", ["", " , ", [], True, False, {"x": "1"}])
    @pytest.mark.parametrize("command", [TAGGED, NAMED, NAMED.replaced(named_and_tagged=True)])
    def test_tags_without_a_value_do_not_select_everything(self, command: Command, tags: Any) -> None:
        assert refusal(command, tags=tags) == "--tags: needs a value; write --tags=TAG,..."

    @pytest.mark.parametrize("given", [{"artifact": ","}, {"tags": "-"}, {"tags": "_,-_"}])
    def test_words_without_a_tag_do_not_select_everything(self, given: dict[str, Any]) -> None:
        assert refusal(TAGGED, **given) == "--tags: needs a value; write --tags=TAG,..."

    @pytest.mark.parametrize("tags", ["", True])
    def test_a_command_with_a_question_asks_it_instead(self, tags: Any) -> None:
        assert arguments(TAGGED.replaced(question="which thing?"), tags=tags).word == ""

    @pytest.mark.parametrize("given", [{"name": True}, {"name": True, "artifact": "x"}, {"name": False}])
    def test_an_option_name_without_a_value_is_refused(self, given: dict[str, Any]) -> None:
        assert refusal(**given) == "--name: needs a value; write --name=NAME"

    def test_a_command_line_after_two_dashes_is_kept(self) -> None:
        assert arguments(NAMED.replaced(rest="COMMAND"), unparsed_cmd=["cm", "--x"]).rest == ("cm", "--x")


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.line)
def test_no_option_has_two_meanings(command: Command) -> None:
    names = [name for each in command.options for name in (each.name, *each.also)]

    assert len(names) == len(set(names))
