"""Help fits a terminal of 80 columns."""

from __future__ import annotations

import pytest

from mlperf_home.command_line import commands
from scriptgraph.cli.commands.help import help_text
from scriptgraph.cli.commands.table import OUTPUT, STEERING, Command, Option

COMMAND = Command(
    "run",
    "thing",
    "Run a thing.",
    (
        Option("quiet", "switch", "say less", OUTPUT),
        Option("new", "switch", "begin anew", STEERING),
        Option("plan", "switch", "look only"),
        Option("mode", "text", "how", "Special", default="slow", choices=("slow", "fast"), also=("m",)),
    ),
    "cm run thing x",
    word="name",
    words="NAME",
    open_to="the thing",
)


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.line)
def test_help_is_at_most_80_columns_wide(command: Command) -> None:
    lines = help_text(command).splitlines()

    assert max(map(len, lines)) <= 80
    assert lines[-1].strip() == command.example.splitlines()[-1].strip()


def test_everyday_options_come_first_and_output_last() -> None:
    titles = [line for line in help_text(COMMAND).splitlines() if line in {"Everyday", "Special", STEERING, OUTPUT}]

    assert titles == ["Everyday", "Special", STEERING, OUTPUT]


def test_an_option_has_its_choices_default_and_other_names() -> None:
    assert "--mode=TEXT                 how; one of slow, fast; default: slow; also: -m" in help_text(COMMAND)


def test_options_of_the_subject_follow_the_everyday_ones() -> None:
    lines = help_text(COMMAND, [("Options of x", [Option("a_very_long_name_of_an_option", "path", "a file")])])

    everyday, own, special = (lines.index(word) for word in ("Everyday", "Options of x", "Special"))
    assert everyday < own < special
    assert "  --a_very_long_name_of_an_option=PATH\n                              a file" in lines


def test_without_a_subject_help_says_how_to_list_its_options() -> None:
    assert "--OPTION=VALUE              options of the thing: add its name to list them" in help_text(COMMAND)
